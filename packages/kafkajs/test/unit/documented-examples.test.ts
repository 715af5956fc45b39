// The shapes of the kafkajs documentation about producing, each as a program would write it; all
// that is not kafkajs's is the import.

import assert from 'node:assert/strict'
import { hasSubscribers } from 'node:diagnostics_channel'
import { after, before, test } from 'node:test'
import { startCluster, type TestCluster } from 'millrace/testing'
import {
  CompressionCodecs,
  CompressionTypes,
  Kafka,
  logLevel,
  type PartitionerArgs,
  type RequestEvent,
  type RequestTimeoutEvent,
} from '../../src/index.ts'

let cluster: TestCluster
let kafka: Kafka

before(async () => {
  cluster = await startCluster({
    nodes: 2,
    topics: { 'topic-name': 3, 'topic-a': 2, 'topic-b': 2 },
  })
  kafka = new Kafka({ clientId: 'my-app', brokers: [...cluster.brokers] })
})

after(() => cluster.close())

const texts = (topic: string): (string | undefined)[] =>
  cluster.records(topic).map(({ value }) => value?.toString())

test('producing: connect, send two messages with a key, disconnect', async () => {
  const producer = kafka.producer()
  await producer.connect()
  const response = await producer.send({
    topic: 'topic-name',
    messages: [
      { key: 'key1', value: 'hello world' },
      { key: 'key1', value: 'hey hey!' },
    ],
  })
  await producer.disconnect()
  assert.equal(response.length, 1)
  assert.deepEqual(response[0], {
    topicName: 'topic-name',
    partition: response[0]?.partition,
    errorCode: 0,
    baseOffset: '0',
    logAppendTime: '-1',
    logStartOffset: '0',
  })
  assert.deepEqual(texts('topic-name'), ['hello world', 'hey hey!'])
})

test('producing to several topics: the response has an entry for each partition', async () => {
  const producer = kafka.producer({ allowAutoTopicCreation: false, transactionTimeout: 30_000 })
  await producer.connect()
  const topicMessages = [
    {
      topic: 'topic-a',
      messages: [
        { key: 'key', value: 'hello topic-a' },
        { value: 'to 0', partition: 0 },
        { value: 'to 1', partition: 1 },
      ],
    },
    {
      topic: 'topic-b',
      messages: [
        {
          key: 'key',
          value: 'hello topic-b',
          headers: {
            'correlation-id': 'uuid',
            bytes: Buffer.from('x'),
            many: ['a', Buffer.from('b')],
          },
        },
      ],
    },
  ]
  const response = await producer.sendBatch({ topicMessages })
  await producer.disconnect()
  assert.deepEqual(texts('topic-a').sort(), ['hello topic-a', 'to 0', 'to 1'])
  const places = response.map(({ topicName, partition }) => `${topicName}/${partition}`)
  assert.equal(places.length, 3)
  assert.deepEqual([...places].sort().slice(0, 2), ['topic-a/0', 'topic-a/1'])
  const [record] = cluster.records('topic-b')
  const headers = record?.headers.map(([name, value]) => [name, value?.toString()])
  assert.deepEqual(headers, [
    ['correlation-id', 'uuid'],
    ['bytes', 'x'],
    ['many', 'a'],
    ['many', 'b'],
  ])
})

test('compression by call: each codec of CompressionTypes, without registration', async () => {
  const producer = kafka.producer()
  await producer.connect()
  CompressionCodecs[CompressionTypes.Snappy] = () => assert.fail('the codec is built in')
  const value = 'hello '.repeat(200)
  for (const compression of Object.values(CompressionTypes)) {
    await producer.send({ topic: `codec-${compression}`, compression, messages: [{ value }] })
    assert.deepEqual(texts(`codec-${compression}`), [value])
  }
  await producer.disconnect()
})

test('with acks 0 send() returns no offsets, with 1 and -1 it does', async () => {
  const producer = kafka.producer()
  await producer.connect()
  const messages = [{ value: 'x', partition: 0 }]
  for (const acks of [-1, 1]) {
    const [entry] = await producer.send({ topic: 'acks', acks, timeout: 5_000, messages })
    assert.equal(entry?.partition, 0)
  }
  assert.deepEqual(await producer.send({ topic: 'acks', acks: 0, messages }), [])
  await producer.disconnect()
})

test('a custom partitioner receives topic, partitions and message, and decides', async () => {
  const seen: unknown[] = []
  const MyPartitioner = () => {
    return ({ topic, partitionMetadata, message }: PartitionerArgs) => {
      seen.push([topic, partitionMetadata.length, message.headers])
      return partitionMetadata.length - 1
    }
  }
  const producer = kafka.producer({ createPartitioner: MyPartitioner })
  await producer.connect()
  const messages = [{ key: 'a', value: 'x', headers: { tenant: '7' } }]
  const [entry] = await producer.send({ topic: 'partitioned', messages })
  await producer.disconnect()
  const partitionCount = cluster.partitions('partitioned').length
  assert.equal(entry?.partition, partitionCount - 1)
  assert.deepEqual(seen, [['partitioned', partitionCount, { tenant: '7' }]])
})

test('retry, log level and log creator of the client', async () => {
  const lines: string[] = []
  const MyLogCreator = (level: logLevel) => {
    assert.equal(level, logLevel.INFO)
    return ({ namespace, label, log }: { namespace: string; label: string; log: object }) => {
      const { message, ...extra } = log as { message: string }
      lines.push(`${label} ${namespace} ${message} ${JSON.stringify({ ...extra, timestamp: 0 })}`)
    }
  }
  const client = new Kafka({
    clientId: 'my-app',
    brokers: async () => [...cluster.brokers],
    logLevel: logLevel.INFO,
    logCreator: MyLogCreator,
    connectionTimeout: 3000,
    requestTimeout: 25_000,
    enforceRequestTimeout: false,
    retry: { initialRetryTime: 100, retries: 8 },
  })
  const producer = client.producer({ maxInFlightRequests: 1, metadataMaxAge: 300_000 })
  await producer.connect()
  await producer.send({ topic: 'logged', messages: [{ value: 'x' }] })
  producer.logger().info('sent', { count: 1 })
  client.logger().debug('not at this level')
  client.logger().namespace('Mine', logLevel.DEBUG).debug('at this one')
  client.logger().setLogLevel(logLevel.NOTHING)
  client.logger().error('not any more')
  await producer.disconnect()
  assert.deepEqual(lines, [
    'INFO Producer sent {"timestamp":0,"logger":"kafkajs","count":1}',
    'DEBUG Mine at this one {"timestamp":0,"logger":"kafkajs"}',
  ])
})

test('requests of every API are reported while there is a listener', async () => {
  const producer = kafka.producer({ transactionalId: 'instrumented' })
  const otherProducer = kafka.producer()
  const events: RequestEvent[] = []
  const remove = producer.on(producer.events.REQUEST, (event) => {
    events.push(event)
  })
  const apis = () => events.map(({ payload }) => payload.apiName)
  await producer.connect()
  assert.deepEqual(apis(), ['ApiVersions', 'Metadata'])
  await otherProducer.connect()
  const record = { topic: 'instrumented', messages: [{ value: 'x' }] }
  const count = events.length
  await otherProducer.send(record)
  assert.equal(events.length, count, 'requests of another producer are not reported')
  await producer.send(record)
  await producer.send({ ...record, acks: 0 })
  const transaction = await producer.transaction()
  await transaction.send(record)
  await transaction.commit()
  for (const api of ['Produce', 'InitProducerId', 'FindCoordinator', 'EndTxn']) {
    assert.ok(apis().includes(api), api)
  }
  for (const { id, type, timestamp, payload } of events) {
    assert.equal(type, 'producer.network.request')
    assert.equal(typeof id, 'number')
    assert.equal(payload.clientId, 'my-app')
    assert.ok(cluster.brokers.includes(payload.broker), payload.broker)
    assert.ok(payload.apiKey >= 0 && payload.apiVersion >= 0 && payload.correlationId >= 0)
    assert.ok(payload.duration >= 0 && payload.sentAt + payload.duration <= timestamp + 2)
  }
  const sizes = events
    .filter(({ payload }) => payload.apiKey === 0)
    .map(({ payload }) => payload.size)
  assert.equal(sizes.filter((size) => size === 0).length, 1, 'acks 0 has no response')
  remove()
  assert.equal(hasSubscribers('millrace:response.received'), false)
  const all = events.length
  await producer.send(record)
  await Promise.all([producer.disconnect(), otherProducer.disconnect()])
  assert.equal(events.length, all)
})

test('calls that wait for a request to end are reported where requests are limited', async () => {
  const producer = kafka.producer({ maxInFlightRequests: 1 })
  const sizes: number[] = []
  producer.on(producer.events.REQUEST_QUEUE_SIZE, ({ payload }) => {
    assert.ok(payload.broker.includes(':'))
    assert.equal(payload.clientId, 'my-app')
    sizes.push(payload.queueSize)
  })
  await producer.connect()
  const send = () => producer.send({ topic: 'instrumented', messages: [{ value: 'x' }] })
  await Promise.all([send(), send(), send()])
  await producer.disconnect()
  assert.deepEqual([Math.max(...sizes), sizes.at(-1)], [2, 0])
})

test('a request that has no response in time is reported', async () => {
  const slow = new Kafka({
    clientId: 'my-app',
    brokers: [...cluster.brokers],
    requestTimeout: 200,
    logLevel: logLevel.NOTHING,
  })
  const producer = slow.producer({ retry: { retries: 5 } })
  const timeouts: RequestTimeoutEvent[] = []
  producer.on(producer.events.REQUEST_TIMEOUT, (event) => {
    timeouts.push(event)
  })
  await producer.connect()
  cluster.fault({ api: 'Produce', topic: 'slow', drop: true, count: 1 })
  await producer.send({ topic: 'slow', messages: [{ value: 'x' }] })
  await producer.disconnect()
  assert.equal(hasSubscribers('millrace:response.timedOut'), false)
  assert.equal(timeouts.length, 1)
  const { type, timestamp, payload } = timeouts[0]!
  assert.equal(type, 'producer.network.request_timeout')
  assert.deepEqual([payload.apiName, payload.clientId], ['Produce', 'my-app'])
  // Both are rounded to whole milliseconds.
  const agoMs = timestamp - payload.sentAt
  assert.ok(agoMs >= 199, `sent ${agoMs} ms before it timed out`)
})

test('connect and disconnect call the listeners, and a listener can be removed', async () => {
  const producer = kafka.producer()
  const { CONNECT, DISCONNECT, REQUEST } = producer.events
  const events: string[] = []
  const remove = producer.on(CONNECT, (event) => events.push(`${event.type} ${event.payload}`))
  producer.on(DISCONNECT, ({ type, timestamp }) => events.push(`${type} ${timestamp > 0}`))
  producer.on(REQUEST, () => {})
  await producer.connect()
  await producer.disconnect()
  remove()
  await producer.connect()
  await producer.disconnect()
  assert.deepEqual(events, [
    'producer.connect null',
    'producer.disconnect true',
    'producer.disconnect true',
  ])
  assert.throws(() => producer.on('producer.nothing' as never, () => {}), {
    name: 'KafkaJSNonRetriableError',
  })
})
