// The option `interceptors`: every call passes them, each record is reported once, and what
// they throw costs no record.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  KafkaError,
  ProducerInterceptor,
  ProducerRecord,
  RecordMetadata,
} from '../../src/index.ts'
import type { Settler } from '../../src/producer/record.ts'
import { startCluster } from '../../src/testing.ts'
import {
  holdBack,
  memoryLogger,
  nextRequest,
  producerFor,
  rejectionOf,
  thrownBy,
  valuesOf,
} from './producer-kit.ts'

const turn = (): Promise<void> => new Promise(setImmediate)

/** Marks values on their way in, and notes what it is reported. */
const marker = (mark: string) => {
  const reported: string[] = []
  const interceptor: ProducerInterceptor = {
    onSend: (record) => ({ ...record, value: `${String(record.value)}${mark}` }),
    onSettled: (record, error, metadata) => {
      reported.push(`${String(record.value)} ${error?.code ?? metadata!.offset}`)
    },
  }
  return { interceptor, reported }
}

test('each way in goes through the interceptors in order, and each result comes once', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const [first, second] = [marker('1'), marker('2')]
  const interceptors = [first.interceptor, second.interceptor]
  await using producer = producerFor(cluster, { interceptors, transactionalId: 'x' })
  await producer.transaction(async (transaction) => {
    await transaction.send({ topic: 't', value: 'a' })
    await transaction.sendBatch([{ topic: 't', value: 'b' }])
    transaction.enqueue({ topic: 't', value: 'c' })
  })
  assert.deepEqual(valuesOf(cluster, 't'), ['a12', 'b12', 'c12'])
  assert.deepEqual(second.reported, ['a12 0', 'b12 1', 'c12 2'])
  assert.deepEqual(first.reported, ['a1 0', 'b1 1', 'c1 2'])
})

test('each interceptor receives the record that it returned itself', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const [first, second] = [marker('1'), marker('2')]
  const interceptors = [first.interceptor, second.interceptor]
  await using producer = producerFor(cluster, { interceptors })
  await producer.send({ topic: 't', value: 'a' })
  await turn()
  assert.deepEqual([first.reported, second.reported], [['a1 0'], ['a12 0']])
})

test('submit, streams and callbacks work as without interceptors', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const { interceptor, reported } = marker('!')
  await using producer = producerFor(cluster, { interceptors: [interceptor] })
  const results: (RecordMetadata | KafkaError | null)[] = []
  const heldBytes = 0
  const settled: Settler['settled'] = (_tag, error, delivered) =>
    results.push(error ?? delivered!.toMetadata())
  await producer.submitRaw({ topic: 't', value: 'a' }, { heldBytes, settled })
  await producer.submit({ topic: 't', value: 'b' }, (error, metadata) => {
    results.push(error ?? metadata)
  })
  const { delivered } = await producer.sendAll([{ topic: 't', value: 'c' }])
  await producer.flush()
  assert.equal(delivered, 1)
  assert.deepEqual(
    results.map((result) => (result as RecordMetadata).offset),
    [0, 1],
  )
  assert.deepEqual(reported, ['a! 0', 'b! 1', 'c! 2'])
})

test('a rejected record is reported once to the interceptor, as to its caller', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const reported: (KafkaError | null)[] = []
  const onSettled = (_: ProducerRecord, error: KafkaError | null): void => {
    reported.push(error)
  }
  await using producer = producerFor(cluster, { interceptors: [{ onSettled }] })
  const bad = { topic: '', value: 'a' }
  const thrown = thrownBy(() => producer.enqueue(bad))
  const rejectedSend = await rejectionOf(producer.send(bad))
  const rejectedSubmit = await rejectionOf(producer.submit(bad))
  const { results } = await producer.sendBatch([bad])
  await turn()
  assert.deepEqual(reported, [thrown, rejectedSend, rejectedSubmit, results[0]])
  await rejectionOf(producer.sendBatch([bad], { timeoutMs: -1 }))
  await turn()
  assert.equal(reported.length, 4)
})

test('a record that enqueue rejects is not seen by interceptors', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  let seen = 0
  const onSend = (record: ProducerRecord): ProducerRecord => {
    seen++
    return record
  }
  const bufferMemoryBytes = 65_536
  const producer = producerFor(cluster, { interceptors: [{ onSend }], bufferMemoryBytes })
  await producer.send({ topic: 't', value: 'warm' })
  holdBack(cluster)
  const requested = nextRequest(cluster, 'Produce')
  let taken = 1
  while (producer.enqueue({ topic: 't', value: 'x'.repeat(1000) })) taken++
  await requested
  assert.ok(taken > 5)
  assert.equal(seen, taken)
  producer.destroy()
})

test('an interceptor that throws is reported, and the record goes on without it', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const logger = memoryLogger()
  const { interceptor, reported } = marker('!')
  const broken: ProducerInterceptor = {
    onSend: () => {
      throw new Error('broken on send')
    },
    onSettled: () => {
      throw new Error('broken on settled')
    },
  }
  await using producer = producerFor(cluster, { interceptors: [broken, interceptor], logger })
  await producer.send({ topic: 't', value: 'a' })
  await turn()
  assert.deepEqual(valuesOf(cluster, 't'), ['a!'])
  assert.deepEqual(reported, ['a! 0'])
  const text = logger.lines.map(({ message }) => message).join('\n')
  assert.match(text, /broken on send[\s\S]*broken on settled/)
})

test('asynchronous interceptors are reported, and lose no record', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const logger = memoryLogger()
  const { interceptor, reported } = marker('!')
  const odd = (name: string, result: unknown): ProducerInterceptor => ({
    onSend: () => result as ProducerRecord,
    onSettled: async () => {
      throw new Error(`${name} on settled`)
    },
  })
  const interceptors = [
    odd('promise', Promise.resolve({ topic: 'other', value: 'x' })),
    odd('rejection', Promise.reject(new Error('rejected on send'))),
    odd('text', 'a record?'),
    odd('nothing', undefined),
    interceptor,
  ]
  await using producer = producerFor(cluster, { interceptors, logger })
  await producer.send({ topic: 't', value: 'a' })
  await producer.sendBatch([{ topic: 't', value: 'b' }])
  await turn()
  assert.deepEqual(valuesOf(cluster, 't'), ['a!', 'b!'])
  assert.deepEqual(reported, ['a! 0', 'b! 1'])
  const text = logger.lines.map(({ message }) => message).join('\n')
  for (const part of [
    /onSend must return the record, got a promise/,
    /rejected on send/,
    /onSend must return the record, got a string/,
    /promise on settled/,
    /nothing on settled/,
  ]) {
    assert.match(text, part)
  }
})

test('what an interceptor does to a record after it returned it is not sent', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const kept: { topic: string; value: string }[] = []
  const onSend = (record: ProducerRecord): ProducerRecord => {
    const own = { topic: record.topic, value: `${String(record.value)}!` }
    kept.push(own)
    return own
  }
  await using producer = producerFor(cluster, { interceptors: [{ onSend }] })
  const given = { topic: 't', value: 'a' }
  const sent = producer.send(given)
  producer.enqueue(given)
  for (const own of kept) own.value = 'changed'
  await sent
  await producer.flush()
  assert.deepEqual(valuesOf(cluster, 't'), ['a!', 'a!'])
  assert.deepEqual(given, { topic: 't', value: 'a' })
})

test('a failure without a result receiver is reported, with interceptors as without', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const reported: KafkaError[] = []
  const { interceptor } = marker('!')
  const producer = producerFor(cluster, {
    interceptors: [interceptor],
    onError: (error) => reported.push(error),
  })
  producer.enqueue({ topic: 't', value: 'a' })
  producer.enqueue({ topic: 't', value: 'b' }, async () => {
    throw new Error('an async callback')
  })
  producer.destroy()
  await turn()
  assert.deepEqual(
    reported.map(({ code }) => code),
    ['ABORTED'],
  )
})

test('a value that is not an interceptor is rejected with its index', async () => {
  await using cluster = await startCluster()
  const make = (interceptors: unknown) => () =>
    producerFor(cluster, { interceptors: interceptors as never })
  assert.match(
    thrownBy(make([{ onSend: () => null }, {}])).message,
    /interceptors must be an array .*got Object at index 1/,
  )
  assert.match(
    thrownBy(make([null])).message,
    /interceptors must be an array .*got null at index 0/,
  )
  assert.match(
    thrownBy(make('x')).message,
    /interceptors must be an array of objects with onSend or onSettled, got "x"/,
  )
})
