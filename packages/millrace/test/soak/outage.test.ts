// The only broker is away while records keep coming: memory stays within its bound, it is not
// flooded with requests, and the first record arrives soon after it is back. The same against a
// real Kafka: test/kafka/chaos-outage.test.ts.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCluster } from '../../src/testing.ts'
import { numberOf } from './load-plan.ts'
import { outageProblems, runOutage } from './outage-run.ts'

test('an outage of 14 s: memory is bounded, requests are few', async (context) => {
  const plan = { awayMs: 14_000, bufferMemoryBytes: 32 * 2 ** 20 }
  const topic = 'outage'
  await using cluster = await startCluster({ topics: { [topic]: 3 } })
  const node = cluster.node(1)
  const outcome = await runOutage(
    {
      brokers: cluster.brokers,
      topic,
      stop: () => node.stop(),
      start: () => node.start(),
      read: async (onRecord) => {
        for (const { value, partition, offset } of cluster.records(topic)) {
          onRecord(numberOf(Buffer.from(value!)), partition, offset)
        }
      },
    },
    plan,
  )
  context.diagnostic(JSON.stringify(outcome))
  assert.deepEqual(outageProblems(plan, outcome), [])
})
