// The recording producer takes what a producer takes, rejects what it rejects, and fails where a
// test says so.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { KafkaError, Producer, type ProducerLike, type ProducerRecord } from '../../src/index.ts'
import { RecordingProducer, startCluster } from '../../src/testing.ts'

test('what is sent is recorded at once, in order, with offsets by partition', async () => {
  const producer = new RecordingProducer({ topics: { orders: 2 } })
  const first = producer.send({ topic: 'orders', key: 'a', value: '1', partition: 1 })
  producer.enqueue({ topic: 'orders', value: Buffer.from('2'), partition: 1, timestamp: 7 })
  void producer.sendBatch([
    { topic: 'orders', key: null, value: null, partition: 0, headers: { a: ['1', null] } },
    { topic: 'clicks', value: 'x' },
  ])
  assert.deepEqual(
    producer.records.map(({ topic, partition, offset }) => [topic, partition, offset]),
    [
      ['orders', 1, 0],
      ['orders', 1, 1],
      ['orders', 0, 0],
      ['clicks', 0, 0],
    ],
  )
  assert.deepEqual(await first, {
    topic: 'orders',
    partition: 1,
    offset: 0,
    timestamp: 0,
    keyBytes: 1,
    valueBytes: 1,
  })
  producer.expectRecords('orders', [
    { key: 'a', value: '1' },
    { key: null, value: '2', timestamp: 7 },
    {
      value: null,
      headers: [
        ['a', '1'],
        ['a', null],
      ],
    },
  ])
  assert.throws(
    () => producer.expectRecords('orders', [{ key: 'b' }]),
    (error: Error) => error.name === 'AssertionError' && /'b'/.test(error.message),
  )
  assert.deepEqual(await producer.close(), { delivered: 4, failed: 0, undelivered: 0 })
})

test('bytes are copied: what the caller does to them later is not seen', () => {
  const producer = new RecordingProducer()
  const value = Buffer.from('before')
  producer.enqueue({ topic: 't', value })
  value.fill('x')
  producer.expectRecords('t', [{ value: 'before' }])
})

test("keys have a producer's partitions, and the same calls give the same partitions", async () => {
  const records: ProducerRecord[] = Array.from({ length: 60 }, (_, index) => ({
    topic: 't',
    key: index % 3 === 0 ? null : `key ${index}`,
    value: 'x'.repeat(1000),
  }))
  const placesOf = async (producer: ProducerLike) => {
    const { results } = await producer.sendBatch(records)
    return results.map((result) => (result instanceof KafkaError ? -1 : result.partition))
  }
  const recording = await placesOf(new RecordingProducer({ topics: { t: 7 } }))
  assert.deepEqual(await placesOf(new RecordingProducer({ topics: { t: 7 } })), recording)
  await using cluster = await startCluster({ topics: { t: 7 } })
  await using producer = new Producer({ brokers: cluster.brokers })
  const real = await placesOf(producer)
  const keyed = records.map((_, index) => index).filter((index) => index % 3 !== 0)
  assert.deepEqual(
    keyed.map((index) => recording[index]),
    keyed.map((index) => real[index]),
  )
})

describe('records that a producer rejects are rejected with the same error', () => {
  const wrong: unknown[] = [
    { value: 'x' },
    { topic: '', value: 'x' },
    { topic: 't' },
    { topic: 't', value: 7 },
    { topic: 't', value: 'x', key: 7 },
    { topic: 't', value: 'x', headers: new Map() },
    { topic: 't', value: 'x', timestamp: -1 },
    { topic: 't', value: 'x', partition: 1.5 },
    { topic: 't', value: Buffer.alloc(5000) },
    null,
  ]
  for (const [index, record] of wrong.entries()) {
    test(`record ${index}`, async () => {
      const options = { maxRequestBytes: 4096 }
      const real = new Producer({
        brokers: 'localhost:1',
        batchBytes: 1024,
        ...options,
        onError() {},
      })
      const recording = new RecordingProducer(options)
      const reported: [string, string][] = []
      for (const producer of [real, recording]) {
        const error = await producer.send(record as ProducerRecord).then(
          () => assert.fail('it was taken'),
          (thrown: KafkaError) => thrown,
        )
        assert.throws(() => producer.enqueue(record as ProducerRecord), KafkaError)
        const { failedIndexes } = await producer.sendBatch([record as ProducerRecord])
        assert.deepEqual(failedIndexes, [0])
        reported.push([error.code, error.message])
      }
      assert.deepEqual(reported[0], reported[1])
      assert.equal(recording.records.length, 0)
      assert.equal(recording.failedRecords.length, 3)
      real.destroy()
    })
  }
})

test('the n-th record fails if a test says so, and no other', async () => {
  const producer = new RecordingProducer()
  producer.failNext('BROKER_UNAVAILABLE', { topic: 'a', after: 1 })
  const mine = new KafkaError('DELIVERY_TIMEOUT', 'mine', { persisted: 'maybe' })
  producer.failNext(mine, { topic: 'b', count: 2 })
  const outcomes: string[] = []
  const topics = ['a', 'b', 'a', 'b', 'a', 'b']
  for (const topic of topics) {
    const sent = producer.send({ topic, value: 'x' })
    outcomes.push(
      await sent.then(
        ({ offset }) => `${offset}`,
        ({ code }) => code,
      ),
    )
  }
  assert.deepEqual(outcomes, [
    '0',
    'DELIVERY_TIMEOUT',
    'BROKER_UNAVAILABLE',
    'DELIVERY_TIMEOUT',
    '1',
    '0',
  ])
  assert.equal(producer.failedRecords[0]?.error, mine)
  const { failedIndexes } = await producer.sendBatch([])
  assert.deepEqual(failedIndexes, [])
  assert.deepEqual(await producer.close(), { delivered: 3, failed: 3, undelivered: 0 })
})

test('unknown topics and partitions fail later, as they do with brokers', async () => {
  const producer = new RecordingProducer({ topics: { t: 1 }, autoCreateTopics: false })
  const codes: (string | undefined)[] = []
  assert.equal(
    producer.enqueue({ topic: 'u', value: 'x' }, (error) => codes.push(error?.code)),
    true,
  )
  assert.deepEqual(codes, [])
  await producer.flush()
  assert.deepEqual(codes, ['UNKNOWN_TOPIC'])
  await assert.rejects(producer.send({ topic: 't', value: 'x', partition: 1 }), {
    code: 'UNKNOWN_PARTITION',
  })
})

test('a full buffer: enqueue returns false until there is space', async () => {
  const producer = new RecordingProducer()
  producer.setFull(true)
  assert.equal(producer.enqueue({ topic: 't', value: 'x' }), false)
  const ready = producer.ready()
  producer.setFull(false)
  await ready
  assert.equal(producer.enqueue({ topic: 't', value: 'x' }), true)
  assert.equal(producer.records.length, 1)
  producer.setFull(true)
  await assert.rejects(producer.ready({ signal: AbortSignal.abort() }), { code: 'ABORTED' })
})

test('without autoSettle results wait until the test settles them', async () => {
  const producer = new RecordingProducer({ autoSettle: false })
  const reported: number[] = []
  for (let index = 0; index < 3; index++) {
    producer.enqueue({ topic: 't', value: 'x' }, (_error, metadata) =>
      reported.push(metadata!.offset),
    )
  }
  await producer.connect()
  assert.deepEqual(reported, [])
  producer.settle(1)
  assert.deepEqual(reported, [0])
  const closing = producer.close()
  assert.throws(() => producer.enqueue({ topic: 't', value: 'x' }), { code: 'CLOSED' })
  producer.settle()
  assert.deepEqual(await closing, { delivered: 3, failed: 0, undelivered: 0 })
})

test('a transaction is recorded when it commits, and dropped when it aborts', async () => {
  const producer = new RecordingProducer({ transactionalId: 'x' })
  await assert.rejects(producer.send({ topic: 't', value: 'x' }), { code: 'INVALID_STATE' })
  await producer.transaction(async (transaction) => {
    await transaction.send({ topic: 't', value: 'kept' })
    await transaction.sendOffsets([{ topic: 'in', partition: 0, offset: 5 }], 'group')
    assert.equal(producer.records.length, 0)
  })
  producer.expectRecords('t', [{ value: 'kept' }])
  assert.equal(producer.committedOffset('group', 'in', 0), 5)
  const failing = producer.transaction(async (transaction) => {
    transaction.enqueue({ topic: 't', value: 'dropped' })
    throw new Error('mine')
  })
  await assert.rejects(failing, /mine/)
  producer.failNext('BROKER_UNAVAILABLE')
  const broken = producer.transaction((transaction) => {
    transaction.enqueue({ topic: 't', value: 'lost' })
  })
  await assert.rejects(broken, { code: 'TRANSACTION_ABORTED' })
  const transaction = await producer.beginTransaction()
  await assert.rejects(producer.beginTransaction(), { code: 'INVALID_STATE' })
  await transaction.abort()
  await assert.rejects(transaction.commit(), { code: 'INVALID_STATE' })
  producer.expectRecords('t', [{ value: 'kept' }])
})
