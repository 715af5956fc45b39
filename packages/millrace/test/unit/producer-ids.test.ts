// Producer ids past 2^53, which brokers other than Kafka draw: exact from InitProducerId to the
// log, in transactions, and in the spool.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admin } from '../../src/index.ts'
import { VarintReader, writeProducerId, writeUnsigned } from '../../src/spool/varints.ts'
import { readTopic, startCluster } from '../../src/testing.ts'
import { producerFor } from './producer-kit.ts'

const firstProducerId = 0x7123_4567_89ab_cdefn

test('a producer with a large id has each record once after a lost response', async () => {
  await using cluster = await startCluster({ topics: { t: 1 }, firstProducerId })
  await using producer = producerFor(cluster, { requestTimeoutMs: 100, retryBackoffMs: 1 })
  await producer.send({ topic: 't', value: 'a' })
  cluster.fault({ api: 'Produce', drop: true, at: 'after', count: 1 })
  await producer.send({ topic: 't', value: 'b' })
  const values = cluster.records('t').map(({ value }) => String(value))
  assert.deepEqual(values, ['a', 'b'])
})

for (const version of [0, 2] as const) {
  test(`transactions of version ${version} with a large id commit and abort`, async () => {
    await using cluster = await startCluster({
      topics: { t: 1 },
      firstProducerId,
      transactions: { version },
    })
    await using producer = producerFor(cluster, { transactionalId: 'x' })
    await producer.transaction((transaction) => transaction.send({ topic: 't', value: 'a' }))
    const aborted = await producer.beginTransaction()
    await aborted.send({ topic: 't', value: 'b' })
    await using admin = new Admin({ brokers: cluster.brokers })
    const listed = await admin.listTransactions()
    assert.deepEqual(
      listed.map(({ transactionalId, producerId }) => [transactionalId, producerId]),
      [['x', firstProducerId]],
    )
    await aborted.abort()
    await producer.transaction((transaction) => transaction.send({ topic: 't', value: 'c' }))
    const seen: string[] = []
    const reading = readTopic({ brokers: cluster.brokers, topic: 't', isolation: 'read_committed' })
    for await (const { value } of reading) {
      seen.push(String(value))
      if (seen.length === 2) break
    }
    assert.deepEqual(seen, ['a', 'c'])
  })
}

test('the spool keeps ids of any size, small ones in the bytes that they had', () => {
  for (const id of [0, 127, 128, 2 ** 53 - 1, 2n ** 53n, firstProducerId, 2n ** 63n - 1n]) {
    const bytes = new Uint8Array(10)
    const end = writeProducerId(bytes, 0, id)
    const reader = new VarintReader(bytes, 0, end)
    assert.equal(reader.producerId(), id)
    assert.equal(reader.isAtEnd, true)
    if (typeof id !== 'number') continue
    const before = new Uint8Array(10)
    assert.equal(writeUnsigned(before, 0, id), end)
    assert.deepEqual(bytes, before)
  }
  assert.throws(() => new VarintReader(new Uint8Array(10).fill(0xff)).producerId(), RangeError)
})

test('a producer id beyond an int64 is rejected as an option of the cluster', async () => {
  for (const wrong of [-1, 0.5, 2 ** 53]) {
    await assert.rejects(startCluster({ firstProducerId: wrong }), /firstProducerId must be/)
  }
})
