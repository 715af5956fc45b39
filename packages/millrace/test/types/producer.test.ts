// Wrong use of the library must not compile. Every line under an `@ts-expect-error` is an error to
// the compiler, or the build fails; nothing here is run but the last test, which says that it was
// compiled.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import {
  type BatchResult,
  type CloseReport,
  type ErrorCode,
  KafkaError,
  type Logger,
  type PartitionView,
  type Persisted,
  Producer,
  type ProducerMetrics,
  type ProducerOptions,
  type ProducerRecord,
  type RecordHeaders,
  type RecordMetadata,
} from '../../src/index.ts'
import { startCluster } from '../../src/testing.ts'

/** Compiles only where both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never
const holds = <Claim extends true>(_claim?: Claim): void => {}

const producer = new Producer({ brokers: 'localhost:9092' })

export const options = (): void => {
  // @ts-expect-error brokers are needed
  new Producer({})
  // @ts-expect-error options are needed
  new Producer()
  // @ts-expect-error an address is a string
  new Producer({ brokers: [9092] })
  // @ts-expect-error a typo
  new Producer({ brokers: 'a', lingerMS: 5 })
  // @ts-expect-error no such acks
  new Producer({ brokers: 'a', acks: 2 })
  // @ts-expect-error acks has no text except 'all'
  new Producer({ brokers: 'a', acks: '1' })
  // @ts-expect-error no such codec
  new Producer({ brokers: 'a', compression: 'brotli' })
  // @ts-expect-error no such codec
  new Producer({ brokers: 'a', compression: { type: 'deflate', level: 1 } })
  // @ts-expect-error a level without a codec
  new Producer({ brokers: 'a', compression: { level: 1 } })
  // @ts-expect-error no such partitioner
  new Producer({ brokers: 'a', partitioner: 'murmur3' })
  // @ts-expect-error a partitioner returns a number
  new Producer({ brokers: 'a', partitioner: () => 'p' })
  // @ts-expect-error a time is a number
  new Producer({ brokers: 'a', deliveryTimeoutMs: '5s' })
  // @ts-expect-error null is not undefined
  new Producer({ brokers: 'a', clientId: null })
  // @ts-expect-error a logger has four calls
  new Producer({ brokers: 'a', logger: { info() {} } })
  // @ts-expect-error not a field of flush
  new Producer({ brokers: 'a', flush: { messages: 3 } })
  new Producer({ brokers: ['a', 'b:1'], acks: 'all', compression: { type: 'zstd', level: 3 } })
  new Producer({
    brokers: 'a',
    logger: console,
    partitioner: ({ partitionCount }) => partitionCount - 1,
  })
  const readonlyOptions: Readonly<ProducerOptions> = { brokers: Object.freeze(['a']) }
  new Producer(readonlyOptions)
}

export const records = (): void => {
  // @ts-expect-error a topic is needed
  producer.send({ value: 'x' })
  // @ts-expect-error a value is needed: null is a tombstone
  producer.send({ topic: 't' })
  // @ts-expect-error undefined is not a value
  producer.send({ topic: 't', value: undefined })
  // @ts-expect-error a number is not a value
  producer.send({ topic: 't', value: 7 })
  // @ts-expect-error an object is not a value
  producer.send({ topic: 't', value: { a: 1 } })
  // @ts-expect-error a number is no key
  producer.send({ topic: 't', key: 7, value: null })
  // @ts-expect-error numbers are not bytes
  producer.send({ topic: 't', value: new Uint16Array(1) })
  // @ts-expect-error a typo
  producer.send({ topic: 't', value: 'x', header: {} })
  // @ts-expect-error a number is not a header
  producer.send({ topic: 't', value: 'x', headers: { a: 1 } })
  // @ts-expect-error a pair has two parts
  producer.send({ topic: 't', value: 'x', headers: [['a']] })
  // @ts-expect-error a time is a number of milliseconds
  producer.send({ topic: 't', value: 'x', timestamp: new Date(0) })
  // @ts-expect-error a partition is a number
  producer.send({ topic: 't', value: 'x', partition: '0' })
  // @ts-expect-error one record, not many
  producer.send([{ topic: 't', value: 'x' }])
  // @ts-expect-error many records, not one
  producer.sendBatch({ topic: 't', value: 'x' })
  // @ts-expect-error an iterable is not an array
  producer.sendBatch(new Set<ProducerRecord>())
  producer.send({ topic: 't', key: null, value: null, headers: { a: ['1', null], b: undefined } })
  producer.send({ topic: 't', key: undefined, value: Buffer.alloc(1), headers: [['a', 'b']] })
  const frozen: readonly ProducerRecord[] = []
  producer.sendBatch(frozen)
  const headers: RecordHeaders = [...new Map([['a', 'b']]).entries()]
  producer.send({ topic: 't', value: 'x', headers })
}

export const calls = (): void => {
  // @ts-expect-error a signal, not its controller
  producer.send({ topic: 't', value: 'x' }, { signal: new AbortController() })
  // @ts-expect-error the limit has its unit in its name
  producer.flush({ timeout: 5 })
  // @ts-expect-error options are an object
  producer.close(5000)
  // @ts-expect-error a topic has a name
  producer.partitionsFor()
  // @ts-expect-error an error comes first
  producer.enqueue({ topic: 't', value: 'x' }, (metadata: RecordMetadata) => metadata)
  // @ts-expect-error metadata may be missing
  producer.enqueue({ topic: 't', value: 'x' }, (_error, metadata) => metadata.offset)
  // @ts-expect-error destroy takes an error
  producer.destroy('why')
  // @ts-expect-error what is private stays private
  producer.engine
  // @ts-expect-error metrics are read, not written
  producer.metrics().requests = 0
}

export const results = async (): Promise<void> => {
  holds<Same<ReturnType<typeof producer.send>, Promise<RecordMetadata>>>()
  holds<Same<ReturnType<typeof producer.sendBatch>, Promise<BatchResult>>>()
  holds<Same<ReturnType<typeof producer.enqueue>, boolean>>()
  holds<Same<ReturnType<typeof producer.close>, Promise<CloseReport>>>()
  holds<Same<ReturnType<typeof producer.metrics>, ProducerMetrics>>()
  holds<Same<Awaited<ReturnType<typeof producer.partitionsFor>>, readonly PartitionView[]>>()
  holds<Same<RecordMetadata['offset'], number>>()
  holds<Same<Persisted, 'no' | 'maybe'>>()
  const {
    results: [first],
  } = await producer.sendBatch([])
  // @ts-expect-error it may be an error, or not be there
  first.offset
  if (first !== undefined && !(first instanceof KafkaError))
    first.offset satisfies number
    // @ts-expect-error what was delivered is not changed
  ;(await producer.send({ topic: 't', value: 'x' })).offset = 1
}

export const errors = (error: KafkaError): void => {
  // @ts-expect-error no such code
  if (error.code === 'QUEUE_FULL') return
  // @ts-expect-error no such kind
  if (error.kind === 'temporary') return
  // @ts-expect-error no such code
  new KafkaError('NOPE', 'words')
  const code: ErrorCode = error.code
  if (code === 'BUFFER_FULL' && error.persisted === 'no' && error.retriable) return
  // @ts-expect-error a logger takes text
  const logger: Logger = { ...console, warn: (message: number) => message }
  void logger
}

export const testing = async (): Promise<void> => {
  // @ts-expect-error partitions are a number
  await startCluster({ topics: { t: '3' } })
  // @ts-expect-error a typo
  await startCluster({ node: 3 })
  await using cluster = await startCluster({ nodes: 3, topics: { t: 3, u: { partitions: 1 } } })
  // @ts-expect-error no such fault
  cluster.fault({ explode: true })
  // @ts-expect-error records are those of a topic
  cluster.records()
}

it('wrong use does not compile', () => {
  assert.equal(typeof options, 'function')
  producer.destroy()
})
