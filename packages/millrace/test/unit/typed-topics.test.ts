// Typed topics: what is sent is serialized, records keep the order of the calls, one that can't be
// serialized fails alone.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as v from 'valibot'
import { z } from 'zod'
import {
  jsonSerializer,
  KafkaError,
  type Serializer,
  textSerializer,
  typedTopics,
} from '../../src/index.ts'
import { SerializationOrder } from '../../src/producer/serialization-order.ts'
import { RecordingProducer } from '../../src/testing.ts'

interface Order {
  readonly id: string
  readonly total: number
}

const values = (producer: RecordingProducer): (string | undefined)[] =>
  producer.records.map(({ value }) => value?.toString())

test('keys and values are serialized, null is a tombstone, the rest is kept', async () => {
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

test('zod and valibot schemas validate, and their output is sent', async () => {
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

test('the error lists every issue with its path, for keys and values', async () => {
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
  await assert.rejects(topics.send({ topic: 't', value: () => {} }), /must be JSON data/)
})

test('typed topics also send in a transaction', async () => {
  const producer = new RecordingProducer({ transactionalId: 'x' })
  await producer.transaction(async (transaction) => {
    const topics = typedTopics(transaction, { orders: { value: jsonSerializer<Order>() } })
    await topics.send({ topic: 'orders', value: { id: 'a', total: 1 } })
  })
  assert.deepEqual(values(producer), ['{"id":"a","total":1}'])
})

const never = (): Promise<string> => new Promise(() => {})

test('a topic with a slow serializer does not delay other topics', async () => {
  const producer = new RecordingProducer()
  const pending = new Map<number, () => void>()
  const topics = typedTopics(producer, {
    held: {
      value: (value: number) =>
        new Promise<string>((resolve) => pending.set(value, () => resolve(`held ${value}`))),
    },
    quick: { value: (value: number) => `${value}` },
  })
  const held = topics.send({ topic: 'held', value: 1 })
  assert.equal(topics.enqueue({ topic: 'quick', value: 1 }), true)
  await topics.send({ topic: 'quick', value: 2 })
  await topics.sendBatch([{ topic: 'quick', value: 3 }])
  const batch = topics.sendBatch([
    { topic: 'quick', value: 4 },
    { topic: 'held', value: 2 },
    { topic: 'quick', value: 5 },
    { topic: 'other', value: 1 } as never,
  ])
  await topics.send({ topic: 'quick', value: 6 })
  assert.deepEqual(values(producer), ['1', '2', '3', '4', '5', '6'])
  pending.get(2)?.()
  pending.get(1)?.()
  await held
  const { results, failedIndexes } = await batch
  assert.deepEqual(values(producer).slice(6), ['held 1', 'held 2'])
  assert.deepEqual(failedIndexes, [3])
  const topicsOf = results.map((one) => (one instanceof KafkaError ? one.code : one.topic))
  assert.deepEqual(topicsOf, ['quick', 'held', 'quick', 'INVALID_ARGUMENT'])
})

test('serializers see the record and add headers behind its own', async () => {
  const producer = new RecordingProducer()
  const seen: unknown[] = []
  const adding =
    (name: string, wait?: Promise<unknown>): Serializer<number> =>
    (value, context) => {
      seen.push((context.record as { value: unknown }).value)
      if (wait === undefined) {
        context.addHeader?.(name, context.field)
        return `${value}`
      }
      return wait.then(() => {
        context.addHeader?.(name, context.field)
        return `${value}`
      })
    }
  const topics = typedTopics(producer, {
    both: { key: adding('k'), value: adding('v') },
    slow: { value: adding('v', Promise.resolve()) },
  })
  const headers = { own: ['1', '2'], v: 'mine' }
  await topics.send({ topic: 'both', key: 1, value: 2, headers })
  await topics.send({ topic: 'slow', value: 3, headers: [['own', '1']] })
  await topics.send({ topic: 'slow', value: 4 })
  assert.deepEqual(seen, [2, 2, 3, 4])
  const sent = producer.records.map((record) =>
    record.headers.map(([name, value]) => `${name}=${Buffer.from(value ?? '')}`).join(' '),
  )
  assert.deepEqual(sent, ['own=1 own=2 v=mine k=key v=value', 'own=1 v=value', 'v=value'])
  assert.deepEqual(headers, { own: ['1', '2'], v: 'mine' })
})

test('timeoutMs counts from the call: a record serialized too late is not sent', async () => {
  const producer = new RecordingProducer()
  let release = (_value: string): void => {}
  const slow = new Promise<string>((resolve) => {
    release = resolve
  })
  const topics = typedTopics(producer, { orders: { value: (_: string) => slow } })
  const record = { topic: 'orders', value: 'a' } as const
  const late = topics.send(record, { timeoutMs: 1 })
  const { results } = await topics.sendBatch([record, record], { timeoutMs: 1 })
  await assert.rejects(late, { code: 'TIMEOUT', persisted: 'no', topic: 'orders' })
  assert.deepEqual(
    results.map((result) => (result as KafkaError).code),
    ['TIMEOUT', 'TIMEOUT'],
  )
  const inTime = topics.send(record, { timeoutMs: 60_000 })
  release('made')
  await inTime
  assert.deepEqual(values(producer), ['made'])
})

test('a signal ends the wait for a serializer, also one that was aborted before', async () => {
  const producer = new RecordingProducer()
  let release = (_value: string): void => {}
  const slow = new Promise<string>((resolve) => {
    release = resolve
  })
  const topics = typedTopics(producer, { orders: { value: (_: string) => slow } })
  const record = { topic: 'orders', value: 'a' } as const
  const controller = new AbortController()
  const sent = topics.send(record, { signal: controller.signal })
  controller.abort()
  await assert.rejects(sent, { code: 'ABORTED', persisted: 'no' })
  await assert.rejects(topics.send(record, { signal: AbortSignal.abort() }), { code: 'ABORTED' })
  await assert.rejects(topics.send(record, { timeoutMs: -1 }), { code: 'INVALID_ARGUMENT' })
  release('made')
  await topics.send(record)
  assert.deepEqual(values(producer), ['made'])
})

test('the target gets the remaining time', async () => {
  const given: (number | undefined)[] = []
  const send = (_: unknown, options?: { timeoutMs?: number | undefined }) => {
    given.push(options?.timeoutMs)
    return Promise.resolve({} as never)
  }
  const target = { send } as unknown as RecordingProducer
  const slow = async (value: string): Promise<string> => {
    await new Promise(setImmediate)
    return value
  }
  const topics = typedTopics(target, { orders: { value: slow } })
  await topics.send({ topic: 'orders', value: 'a' }, { timeoutMs: 60_000 })
  await topics.send({ topic: 'orders', value: 'a' })
  assert.ok(given[0]! > 0 && given[0]! < 60_000)
  assert.equal(given[1], undefined)
})

test('records that wait for serializers are bounded in number', async () => {
  const order = new SerializationOrder(2)
  const handOver = async (made: string) => made
  const first = order.inTurn('a', 1, never(), handOver)
  const second = order.inTurn('b', 1, Promise.resolve('b'), handOver)
  const rejected = order.inTurn('b', 1, Promise.resolve('c'), handOver)
  await assert.rejects(rejected, { code: 'BUFFER_FULL', topic: 'b' })
  assert.equal(await second, 'b')
  assert.equal(await order.inTurn('b', 1, Promise.resolve('d'), handOver), 'd')
  assert.equal(order.isWaiting('a'), true)
  void first
})

test('errors of a schema registry keep their code, errors of values have one', async () => {
  const topics = typedTopics(new RecordingProducer(), {
    t: {
      value: (code: 'SCHEMA_REGISTRY_UNAVAILABLE' | 'BUFFER_FULL') => {
        throw new KafkaError(code, 'down')
      },
    },
  })
  await assert.rejects(topics.send({ topic: 't', value: 'SCHEMA_REGISTRY_UNAVAILABLE' }), {
    code: 'SCHEMA_REGISTRY_UNAVAILABLE',
    kind: 'retriable',
    message: 'the value of a record for topic t: down',
  })
  await assert.rejects(topics.send({ topic: 't', value: 'BUFFER_FULL' }), {
    code: 'SERIALIZATION_FAILED',
  })
})

test('sendAll serializes an iterable in order; records that fail are the caller’s', async () => {
  const producer = new RecordingProducer()
  const slow: Serializer<number> = async (value) => {
    if (value === 2) throw new Error('not two')
    return String(value)
  }
  const topics = typedTopics(producer, { numbers: { value: slow } })
  const records = [1, 2, 3].map((value) => ({ topic: 'numbers', value }) as const)
  const delivered: number[] = []
  const failed: unknown[] = []
  const counts = await topics.sendAll(records, {
    onDelivered: (_metadata, { value }) => delivered.push(value!),
    onFailed: ({ code }, { value }) => failed.push([code, value]),
  })
  assert.deepEqual(counts, { delivered: 2, failed: 1 })
  assert.deepEqual(delivered, [1, 3])
  assert.deepEqual(failed, [['SERIALIZATION_FAILED', 2]])
  assert.deepEqual(values(producer), ['1', '3'])
  await assert.rejects(topics.sendAll(records), {
    code: 'SERIALIZATION_FAILED',
    topic: 'numbers',
    message: /^record 1: the value of a record for topic numbers: not two/,
  })
  await assert.rejects(topics.sendAll(5 as never), { code: 'INVALID_ARGUMENT' })
  const transactional = new RecordingProducer({ transactionalId: 'typed' })
  await transactional.transaction(async (transaction) => {
    const inTransaction = typedTopics(transaction, { numbers: { value: slow } })
    assert.throws(() => inTransaction.sendAll(records), { code: 'INVALID_STATE' })
  })
})
