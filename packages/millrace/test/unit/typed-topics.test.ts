// Typed topics: what is sent is serialized, records keep the order of the calls, one that can't be
// serialized fails alone.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as v from 'valibot'
import { z } from 'zod'
import { jsonSerializer, KafkaError, textSerializer, typedTopics } from '../../src/index.ts'
import { RecordingProducer } from '../../src/testing.ts'

interface Order {
  readonly id: string
  readonly total: number
}

const values = (producer: RecordingProducer): (string | undefined)[] =>
  producer.records.map(({ value }) => value?.toString())

test('keys and values are serialized, null is a tombstone, the rest is passed on', async () => {
  const producer = new RecordingProducer()
  const topics = typedTopics(producer, {
    orders: { key: textSerializer, value: jsonSerializer<Order>() },
    raw: { value: (value: Uint8Array) => value },
  })
  const { offset } = await topics.send({
    topic: 'orders',
    key: '42',
    value: { id: '42', total: 7 },
    headers: { a: 'b' },
    timestamp: 5,
  })
  assert.equal(offset, 0)
  assert.equal(topics.enqueue({ topic: 'orders', key: '42', value: null }), true)
  await topics.sendBatch([{ topic: 'raw', key: Buffer.from('k'), value: Buffer.from('v') }])
  producer.expectRecords('orders', [
    { key: '42', value: '{"id":"42","total":7}', headers: { a: 'b' }, timestamp: 5 },
    { key: '42', value: null },
  ])
  producer.expectRecords('raw', [{ key: 'k', value: 'v' }])
})

test('zod and valibot schemas check, and send what they make of a value', async () => {
  const producer = new RecordingProducer()
  const topics = typedTopics(producer, {
    zod: { value: jsonSerializer(z.object({ id: z.string(), total: z.number().default(3) })) },
    slow: { value: jsonSerializer(z.object({ id: z.string().refine(async (id) => id !== 'no') })) },
    valibot: { value: jsonSerializer(v.object({ at: v.pipe(v.string(), v.isoDate()) })) },
  })
  await topics.send({ topic: 'zod', value: { id: 'a' } })
  await topics.send({ topic: 'slow', value: { id: 'a' } })
  await topics.send({ topic: 'valibot', value: { at: '2026-01-31' } })
  assert.deepEqual(values(producer), ['{"id":"a","total":3}', '{"id":"a"}', '{"at":"2026-01-31"}'])
  const wrong = { topic: 'zod', value: { id: 7 } } as never
  await assert.rejects(topics.send(wrong), (error: KafkaError) => {
    assert.equal(error.code, 'SERIALIZATION_FAILED')
    assert.equal(error.kind, 'rejected')
    assert.equal(error.topic, 'zod')
    assert.match(error.message, /the value of a record for topic zod: id: /)
    return true
  })
  assert.throws(() => topics.enqueue(wrong), { code: 'SERIALIZATION_FAILED' })
  await assert.rejects(topics.send({ topic: 'slow', value: { id: 'no' } }), {
    code: 'SERIALIZATION_FAILED',
  })
  assert.equal(producer.records.length, 3)
})

test('every issue is told with the path to it, of keys as of values', async () => {
  const topics = typedTopics(new RecordingProducer(), {
    zod: {
      key: jsonSerializer(z.object({ id: z.number() })),
      value: jsonSerializer(z.object({ lines: z.array(z.object({ sku: z.string() })) })),
    },
    valibot: { value: jsonSerializer(v.object({ lines: v.array(v.object({ sku: v.string() })) })) },
  })
  const value = { lines: [{ sku: 'a' }, { sku: 1 }, {}] }
  const failed = /^the value of a record for topic \w+: lines\.1\.sku: .+; lines\.2\.sku: ./
  for (const topic of ['zod', 'valibot'] as const) {
    const record = { topic, key: topic === 'zod' ? { id: 1 } : 'k', value } as never
    await assert.rejects(topics.send(record), (error: KafkaError) => failed.test(error.message))
  }
  const wrongKey = { topic: 'zod', key: { id: 'x' }, value: { lines: [] } } as never
  await assert.rejects(topics.send(wrongKey), /the key of a record for topic zod: id: /)
})

test('records keep the order of the calls behind a slow serializer, and a failed one', async () => {
  const producer = new RecordingProducer()
  const pending = new Map<number, (text: string | Error) => void>()
  const topics = typedTopics(producer, {
    t: {
      value: (value: number) =>
        value >= 10
          ? `${value}`
          : new Promise<string>((resolve, reject) => {
              pending.set(value, (made) => (made instanceof Error ? reject(made) : resolve(made)))
            }),
    },
  })
  const sends = [1, 10, 2].map((value) => topics.send({ topic: 't', value }))
  const batch = topics.sendBatch([11, 3, 12].map((value) => ({ topic: 't' as const, value })))
  const last = topics.send({ topic: 't', value: 13 })
  assert.throws(() => topics.enqueue({ topic: 't', value: 14 }), { code: 'INVALID_STATE' })
  pending.get(2)?.(new Error('mine'))
  pending.get(3)?.('3')
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(values(producer), [])
  pending.get(1)?.('1')
  await assert.rejects(sends[2]!, { code: 'SERIALIZATION_FAILED' })
  await Promise.all([sends[0], sends[1], batch, last])
  assert.deepEqual(values(producer), ['1', '10', '11', '3', '12', '13'])
  // The line has gone: a record that is quick is handed over within its call again.
  assert.equal(topics.enqueue({ topic: 't', value: 15 }), true)
  assert.equal(values(producer).at(-1), '15')
})

test('in a batch a record that can not be serialized fails at its index, alone', async () => {
  const producer = new RecordingProducer()
  const topics = typedTopics(producer, { t: { value: jsonSerializer() } })
  const circular: { self?: object } = {}
  circular.self = circular
  producer.failNext('BROKER_UNAVAILABLE', { after: 1 })
  const { results, failedIndexes } = await topics.sendBatch([
    { topic: 't', value: circular },
    { topic: 't', value: 1 },
    { topic: 'other', value: 1 } as never,
    { topic: 't', value: 2 },
  ])
  const codes = results.map((result) => (result instanceof KafkaError ? result.code : 'sent'))
  assert.deepEqual(codes, [
    'SERIALIZATION_FAILED',
    'sent',
    'INVALID_ARGUMENT',
    'BROKER_UNAVAILABLE',
  ])
  assert.deepEqual(failedIndexes, [0, 2, 3])
  await assert.rejects(topics.send({ topic: 't', value: () => {} }), /JSON has no form/)
})

test('typed topics also send in a transaction', async () => {
  const producer = new RecordingProducer({ transactionalId: 'x' })
  await producer.transaction(async (transaction) => {
    const topics = typedTopics(transaction, { orders: { value: jsonSerializer<Order>() } })
    await topics.send({ topic: 'orders', value: { id: 'a', total: 1 } })
  })
  assert.deepEqual(values(producer), ['{"id":"a","total":1}'])
})
