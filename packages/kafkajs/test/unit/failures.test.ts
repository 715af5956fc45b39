// What fails arrives under kafkajs's names, with the KafkaError of millrace at the end of the
// chain.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { KafkaError } from 'millrace'
import { startCluster, type TestCluster } from 'millrace/testing'
import { toKafkaJSError } from '../../src/error-mapping.ts'
import {
  type CompressionTypes,
  Kafka,
  type KafkaConfig,
  KafkaJSConnectionError,
  KafkaJSError,
  KafkaJSNonRetriableError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
  logLevel,
  type ProducerConfig,
  type ProducerRecord,
} from '../../src/index.ts'

let cluster: TestCluster

before(async () => {
  cluster = await startCluster({ topics: { orders: 2 }, autoCreateTopics: false })
})

after(() => cluster.close())

const quiet = { logLevel: logLevel.NOTHING }

const connected = async (config: ProducerConfig = {}, client: Partial<KafkaConfig> = {}) => {
  const kafka = new Kafka({ brokers: [...cluster.brokers], ...quiet, ...client })
  const producer = kafka.producer(config)
  await producer.connect()
  return producer
}

/** The error of a call, which must fail. */
const errorOf = async (call: Promise<unknown>): Promise<Error & Record<string, unknown>> => {
  try {
    await call
  } catch (error) {
    return error as Error & Record<string, unknown>
  }
  return assert.fail('the call did not fail')
}

test('without a server connect() rejects after its retries and names the address', async () => {
  const retry = { retries: 1, initialRetryTime: 1 }
  const kafka = new Kafka({ brokers: ['127.0.0.1:1'], retry, ...quiet })
  const error = await errorOf(kafka.producer().connect())
  assert.ok(error instanceof KafkaJSNumberOfRetriesExceeded && error instanceof KafkaJSError)
  assert.equal(error.name, 'KafkaJSNumberOfRetriesExceeded')
  assert.equal(error.retriable, false)
  assert.ok(error.cause instanceof KafkaJSConnectionError)
  assert.equal(error.cause.retriable, true)
  assert.match(error.message, /127\.0\.0\.1:1/)
  assert.ok(error.cause.cause instanceof KafkaError)
})

test('send() rejects after disconnect(), and works after another connect()', async () => {
  const producer = await connected()
  const record = { topic: 'orders', messages: [{ value: 'x', partition: 0 }] }
  await producer.disconnect()
  await producer.disconnect()
  assert.equal((await errorOf(producer.send(record))).name, 'KafkaJSError')
  await producer.connect()
  const disconnecting = producer.disconnect()
  assert.equal((await errorOf(producer.send(record))).name, 'KafkaJSNonRetriableError')
  await producer.connect()
  await disconnecting
  assert.equal((await producer.send(record)).length, 1)
  await producer.disconnect()
})

test('invalid messages are rejected before sending', async () => {
  const producer = await connected({ idempotent: true })
  const before = cluster.records('orders').length
  const wrong: ProducerRecord[] = [
    { topic: '', messages: [{ value: 'x' }] },
    { topic: 'orders', messages: undefined as never },
    { topic: 'orders', messages: [{ value: 'x' }, { key: 'a' } as never] },
    { topic: 'orders', messages: [{ value: 'x' }], acks: 1 },
    { topic: 'orders', messages: [{ value: 'x' }], compression: 9 as never },
  ]
  for (const record of wrong) {
    const error = await errorOf(producer.send(record))
    assert.equal(error.name, 'KafkaJSNonRetriableError')
    assert.equal(error.retriable, false)
  }
  assert.equal(cluster.records('orders').length, before)
  await producer.disconnect()
  const kafka = new Kafka({ brokers: [...cluster.brokers] })
  assert.throws(
    () => kafka.producer({ idempotent: true, retry: { retries: 0 } }),
    KafkaJSNonRetriableError,
  )
})

test('an error of a broker has its type and number', async () => {
  const producer = await connected()
  cluster.fault({ topic: 'orders', api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED' })
  const error = await errorOf(producer.send({ topic: 'orders', messages: [{ value: 'x' }] }))
  assert.ok(error instanceof KafkaJSProtocolError, error.stack)
  assert.equal(error.type, 'TOPIC_AUTHORIZATION_FAILED')
  assert.equal(error.code, 29)
  assert.equal(error.retriable, false)
  assert.ok(error.cause instanceof KafkaError)
  await producer.disconnect()
})

test('a topic that does not exist fails alone, and the error names the messages', async () => {
  const producer = await connected({ millrace: { unknownTopicTimeoutMs: 50 } })
  const before = cluster.records('orders').length
  const lost = { key: 'b', value: 'lost' }
  const error = await errorOf(
    producer.sendBatch({
      topicMessages: [
        { topic: 'orders', messages: [{ key: 'a', value: 'kept' }] },
        { topic: 'nowhere', messages: [lost] },
      ],
    }),
  )
  assert.equal(error.name, 'KafkaJSNumberOfRetriesExceeded')
  const cause = error.cause as KafkaJSProtocolError
  assert.equal(cause.type, 'UNKNOWN_TOPIC_OR_PARTITION')
  const failed = error.failedMessages as { topic: string; message: object; error: KafkaError }[]
  assert.equal(failed.length, 1)
  assert.equal(failed[0]?.message, lost)
  assert.equal(failed[0]?.error.code, 'UNKNOWN_TOPIC')
  assert.equal(cluster.records('orders').length, before + 1)
  await producer.disconnect()
})

test('a partition that the topic does not have fails the call', async () => {
  const producer = await connected({ createPartitioner: () => () => 99 })
  const error = await errorOf(producer.send({ topic: 'orders', messages: [{ value: 'x' }] }))
  assert.equal(error.name, 'KafkaJSNonRetriableError')
  assert.match(error.message, /0 to 1 for topic "orders", got 99/)
  await producer.disconnect()
})

test('a transaction without a transactional id is rejected', async () => {
  const producer = await connected()
  assert.match((await errorOf(producer.transaction())).message, /transactional id/)
  await producer.disconnect()
})

test('sends with every codec and acks at a time: nothing is lost', async () => {
  const producer = await connected()
  const before = cluster.records('orders').length
  const sends = Array.from({ length: 24 }, (_, index) =>
    producer.send({
      topic: 'orders',
      acks: index % 2 === 0 ? 1 : -1,
      compression: (index % 5) as CompressionTypes,
      messages: [{ value: `m${index}` }],
    }),
  )
  await Promise.all(sends)
  assert.equal(cluster.records('orders').length, before + 24)
  await producer.disconnect()
})

test('errors of topic metadata are non-retriable, caused by a protocol error', async (context) => {
  const producer = await connected()
  context.after(() => producer.disconnect())
  const messages = [{ value: 'x' }]
  const expect = async (call: Promise<unknown>, type: string, code: number) => {
    const error = await errorOf(call)
    assert.equal(error.name, 'KafkaJSNonRetriableError')
    assert.equal(error.retriable, false)
    const cause = error.cause as KafkaJSProtocolError
    assert.ok(cause instanceof KafkaJSProtocolError, error.stack)
    assert.deepEqual([cause.type, cause.code], [type, code])
    assert.equal(error.message, cause.message)
    assert.ok(cause.cause instanceof KafkaError)
  }
  for (const topic of ['a/b', '..', 'x'.repeat(250)]) {
    await expect(producer.send({ topic, messages }), 'INVALID_TOPIC_EXCEPTION', 17)
  }
  const topicMessages = [
    { topic: 'orders', messages },
    { topic: 'a b', messages },
  ]
  await expect(producer.sendBatch({ topicMessages }), 'INVALID_TOPIC_EXCEPTION', 17)
  const forbidden = { api: 'Metadata', topic: 'secret', error: 29, count: Number.POSITIVE_INFINITY }
  const fault = cluster.fault(forbidden)
  await expect(producer.send({ topic: 'secret', messages }), 'TOPIC_AUTHORIZATION_FAILED', 29)
  fault.remove()
})

test('a call that ended at its time limit fails with what it waited for', () => {
  const context = {
    api: 'InitProducerId',
    brokerCode: 15,
    brokerError: 'COORDINATOR_NOT_AVAILABLE',
  }
  const cause = new KafkaError('BROKER_UNAVAILABLE', 'there is no coordinator', context)
  const message = 'beginTransaction() did not finish within 50 ms'
  const waited = toKafkaJSError(new KafkaError('TIMEOUT', message, { cause }), { retries: 1 })
  assert.equal(waited.name, 'KafkaJSNumberOfRetriesExceeded')
  assert.equal((waited.cause as KafkaJSProtocolError).type, 'GROUP_COORDINATOR_NOT_AVAILABLE')

  const silent = new KafkaError('REQUEST_TIMEOUT', 'no response', { api: 'InitProducerId' })
  const timedOut = new KafkaError('TIMEOUT', message, { cause: silent })
  const error = toKafkaJSError(timedOut, { retries: 1 })
  assert.equal((error.cause as Error).name, 'KafkaJSRequestTimeoutError')
  assert.match(error.message, /^Request InitProducerId timed out/)
})
