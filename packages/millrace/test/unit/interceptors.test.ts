// The option `interceptors`: every way in goes through them, each record is told of once, and what
// they throw costs no record.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  KafkaError,
  ProducerInterceptor,
  ProducerRecord,
  RecordMetadata,
} from '../../src/index.ts'
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

/** Marks values on their way in, and notes what it is told. */
const marker = (mark: string) => {
  const told: string[] = []
  const interceptor: ProducerInterceptor = {
    onSend: (record) => ({ ...record, value: `${String(record.value)}${mark}` }),
    onSettled: (record, error, metadata) => {
      told.push(`${String(record.value)} ${error?.code ?? metadata!.offset}`)
    },
  }
  return { interceptor, told }
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
  assert.deepEqual(second.told, ['a12 0', 'b12 1', 'c12 2'])
  assert.deepEqual(first.told, ['a1 0', 'b1 1', 'c1 2'])
})

test('each interceptor is told of the record that it returned itself', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const [first, second] = [marker('1'), marker('2')]
  const interceptors = [first.interceptor, second.interceptor]
  await using producer = producerFor(cluster, { interceptors })
  await producer.send({ topic: 't', value: 'a' })
  await turn()
  assert.deepEqual([first.told, second.told], [['a1 0'], ['a12 0']])
})

test('submit, streams and callbacks work as without interceptors', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const { interceptor, told } = marker('!')
  await using producer = producerFor(cluster, { interceptors: [interceptor] })
  const results: (RecordMetadata | KafkaError | null)[] = []
  const heldBytes = 0
  const settled = (_tag: number, error: KafkaError | null, metadata: RecordMetadata | null) =>
    results.push(error ?? metadata)
  await producer.submit({ topic: 't', value: 'a' }, { heldBytes, settled })
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
  assert.deepEqual(told, ['a! 0', 'b! 1', 'c! 2'])
})

test('a record that is refused is told once, as its caller is', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const told: (KafkaError | null)[] = []
  const onSettled = (_: ProducerRecord, error: KafkaError | null): void => {
    told.push(error)
  }
  await using producer = producerFor(cluster, { interceptors: [{ onSettled }] })
  const bad = { topic: '', value: 'a' }
  const thrown = thrownBy(() => producer.enqueue(bad))
  const rejected = await rejectionOf(producer.send(bad))
  const refused = await rejectionOf(producer.submit(bad)!)
  const { results } = await producer.sendBatch([bad])
  await turn()
  assert.deepEqual(told, [thrown, rejected, refused, results[0]])
  await rejectionOf(producer.sendBatch([bad], { timeoutMs: -1 }))
  await turn()
  assert.equal(told.length, 4)
})

test('a record that enqueue does not take is not seen', async () => {
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
  const { interceptor, told } = marker('!')
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
  assert.deepEqual(told, ['a! 0'])
  const words = logger.lines.map(({ message }) => message).join('\n')
  assert.match(words, /broken on send[\s\S]*broken on settled/)
})

test('asynchronous interceptors are reported, and cost no record', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const logger = memoryLogger()
  const { interceptor, told } = marker('!')
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
  assert.deepEqual(told, ['a! 0', 'b! 1'])
  const words = logger.lines.map(({ message }) => message).join('\n')
  for (const part of [
    /onSend returned a promise: expected the record, at once/,
    /rejected on send/,
    /onSend returned a string/,
    /promise on settled/,
    /nothing on settled/,
  ]) {
    assert.match(words, part)
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

test('a failure that nobody asked for is reported, with interceptors as without', async () => {
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

test('what is no interceptor is refused by its place', async () => {
  await using cluster = await startCluster()
  const make = (interceptors: unknown) => () =>
    producerFor(cluster, { interceptors: interceptors as never })
  assert.match(thrownBy(make([{ onSend: () => null }, {}])).message, /interceptors has at 1 no/)
  assert.match(thrownBy(make([null])).message, /interceptors has at 0 no interceptor/)
  assert.match(thrownBy(make('x')).message, /interceptors is a string: expected an array/)
})
