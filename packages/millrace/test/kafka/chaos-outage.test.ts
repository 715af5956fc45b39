// The only node of a real Kafka is killed under load and comes back after a while. The long form,
// with the minute that the guarantees speak of, is `npm run chaos`, which sets MILLRACE_CHAOS=long.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numberOf } from '../soak/load-plan.ts'
import { pause } from '../soak/load-process.ts'
import { outageProblems, runOutage } from '../soak/outage-run.ts'
import { addToSummary } from './chaos-summary.ts'
import { javaConsume, startKafka } from './fixture/index.ts'

const isLong = process.env.MILLRACE_CHAOS === 'long'
const plan = { awayMs: isLong ? 60_000 : 14_000, bufferMemoryBytes: 32 * 2 ** 20 }
const probePauseMs = 20

test('a broker that restarts is used at once, and memory is bounded', async (context) => {
  const topic = 'outage'
  await using kafka = await startKafka()
  await kafka.admin.createTopic(topic, { partitions: 3 })
  const node = kafka.node(1)
  const outcome = await runOutage(
    {
      brokers: kafka.brokers,
      topic,
      stop: () => node.kill('SIGKILL'),
      start: async () => {
        await node.start()
        const leads = async () => (await node.leadersOf(topic))?.every((leader) => leader === 1)
        while (!(await leads())) await pause(probePauseMs)
      },
      read: async (onRecord) => {
        await javaConsume({
          brokers: kafka.brokers,
          topic,
          timeoutMs: 120_000,
          onRecord: ({ value, partition, offset }) => onRecord(numberOf(value!), partition, offset),
        })
      },
    },
    plan,
  )
  context.diagnostic(JSON.stringify(outcome))
  const { report, firstAckMs, metadataRequests } = outcome
  addToSummary(
    `outage of ${plan.awayMs / 1000} s: first acknowledgement ${Math.round(firstAckMs)} ms after ` +
      `the broker led again, ${metadataRequests} metadata requests, memory grew by ` +
      `${(report.grownBytes / 2 ** 20).toFixed(1)} MiB (buffer ` +
      `${plan.bufferMemoryBytes / 2 ** 20} MiB), ${report.delivered} of ${report.sent} delivered`,
  )
  assert.deepEqual(outageProblems(plan, outcome), [])
})
