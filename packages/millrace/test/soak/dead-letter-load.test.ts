// Records of which one in a hundred is rejected permanently: too large for its topic, or
// without the key that a compacted topic needs. Delivered + dead-lettered + reported = taken, with
// and without a spool, while the dead-letter topic fails for a part of the time.

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type KafkaError, Producer, type ProducerRecord } from '../../src/index.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { startCluster, type TestCluster } from '../../src/testing.ts'

/** A multiple of 2,000; `MILLRACE_DEAD_LETTER_RECORDS=1000000` for the whole million. */
const count = Number(process.env.MILLRACE_DEAD_LETTER_RECORDS ?? 50_000)
const large = 'x'.repeat(30_000)

/** Every hundredth record is rejected, by turns for one and the other reason. */
const isKeyless = (id: number): boolean => id % 200 === 50
const isLarge = (id: number): boolean => id % 200 === 150

const recordOf = (id: number): ProducerRecord => ({
  topic: 'orders',
  key: isKeyless(id) ? null : String(id),
  value: isLarge(id) ? `${id} ${large}` : String(id),
  headers: isKeyless(id) || isLarge(id) ? { id: String(id) } : undefined,
})

const headersOf = (cluster: TestCluster): Map<string, Map<string, string>> => {
  const letters = new Map<string, Map<string, string>>()
  for (const { headers } of cluster.records('letters')) {
    const all = new Map(headers.map(([name, value]) => [name, String(value)] as const))
    const id = all.get('id') ?? ''
    assert.ok(!letters.has(id), `record ${id} is dead-lettered once`)
    letters.set(id, all)
  }
  return letters
}

const run = async (spool: { directory: string } | undefined) => {
  await using cluster = await startCluster({
    topics: {
      orders: {
        partitions: 3,
        config: { 'cleanup.policy': 'compact', 'max.message.bytes': '20000' },
      },
      letters: 1,
    },
    retention: { records: Math.ceil(count / 3) },
  })
  const reported = new Set<string>()
  const producer = new Producer({
    brokers: cluster.brokers,
    logger: silentLogger,
    deadLetter: { topic: 'letters' },
    onError: (error: KafkaError) => assert.fail(`not reported to its callback: ${error}`),
    batchBytes: 16_384,
    ...(spool === undefined ? {} : { spool }),
  })
  let [delivered, deadLettered, failed] = [0, 0, 0]
  const startMs = performance.now()
  for (let id = 0; id < count; id++) {
    const onSettled = (error: KafkaError | null): void => {
      if (error === null) delivered++
      else if (error.isDeadLettered === true) {
        // For a while the dead-letter topic rejects records.
        if (++deadLettered === count / 400) {
          const always = { api: 'Produce', topic: 'letters', count: Number.POSITIVE_INFINITY }
          cluster.fault({ ...always, error: 'POLICY_VIOLATION' })
        }
      } else {
        if (++failed === count / 2000) cluster.removeFaults()
        reported.add(String(id))
        assert.match(error.message, /its dead letter could not be stored/)
      }
    }
    while (!producer.enqueue(recordOf(id), onSettled)) await producer.ready()
  }
  const report = await producer.close()
  const ms = performance.now() - startMs
  assert.equal(delivered + deadLettered + failed, count)
  assert.equal(deadLettered + failed, Math.floor(count / 100))
  assert.ok(failed >= count / 2000 && failed < count / 200, `${failed} reported`)
  assert.equal(report.deadLettered, deadLettered)
  const letters = headersOf(cluster)
  assert.equal(letters.size, deadLettered)
  for (let id = 50; id < count; id += 100) {
    const headers = letters.get(String(id))
    assert.equal(headers === undefined, reported.has(String(id)), `record ${id}: one of the two`)
    if (headers === undefined) continue
    const error = isLarge(id) ? 'MESSAGE_TOO_LARGE' : 'INVALID_RECORD'
    assert.equal(headers.get('dead-letter.broker-error'), error)
    assert.equal(headers.get('dead-letter.topic'), 'orders')
    assert.equal(headers.get('dead-letter.persisted'), 'no')
    assert.match(headers.get('dead-letter.partition') ?? '', /^[0-2]$/)
  }
  return { delivered, deadLettered, failed, ms }
}

describe(`of ${count} records with one percent rejected permanently`, () => {
  it('each is delivered, dead-lettered or reported, and only one of these', async (context) => {
    context.diagnostic(JSON.stringify(await run(undefined)))
  })

  it('the same holds with a spool', async (context) => {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-letters-'))
    try {
      context.diagnostic(JSON.stringify(await run({ directory: join(directory, 'spool') })))
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})
