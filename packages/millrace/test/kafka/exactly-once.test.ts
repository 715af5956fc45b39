// The programs of the exactly-once pages on a real Kafka: each input is counted once, although
// processes are killed and partitions move between them. The long form is `npm run exactly-once`,
// which sets MILLRACE_EXACTLY_ONCE=long.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClientName, makeNative, missingPart } from './consumer-clients.ts'
import { runExactlyOnce } from './exactly-once-run.ts'

const isLong = process.env.MILLRACE_EXACTLY_ONCE === 'long'
const version = process.env.MILLRACE_EXACTLY_ONCE_KAFKA
const inputs = isLong ? 100_000 : 10_000

const pages: readonly (readonly [ClientName, string])[] = [
  ['kafkajs', 'exactly-once-kafkajs.md'],
  ['@platformatic/kafka', 'exactly-once-platformatic.md'],
  ['@confluentinc/kafka-javascript', 'exactly-once-confluent.md'],
]

for (const [client, page] of pages) {
  test(`${page}: each of ${inputs} inputs is counted once`, async (context) => {
    if (isLong) await makeNative()
    const missing = await missingPart(client)
    if (missing !== null) {
      context.skip(missing)
      return
    }
    const report = await runExactlyOnce({
      client,
      page,
      inputs,
      events: isLong ? 20 : 3,
      inputsPerSecond: 1000,
      ...(version === undefined ? {} : { version }),
    })
    context.diagnostic(JSON.stringify(report))
    const { missing: lost, doubled, failures, outputs } = report
    assert.deepEqual({ lost, doubled, failures }, { lost: 0, doubled: 0, failures: [] })
    assert.equal(outputs, inputs)
  })
}
