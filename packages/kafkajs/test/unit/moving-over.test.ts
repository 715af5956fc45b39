// What programs of kafkajs do besides the calls of its documentation: numbers as text, `null`,
// offsets as its own consumer gives them, codecs and errors that they share with its consumer.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Producer as MillraceProducer } from 'millrace'
import { startCluster, type TestCluster } from 'millrace/testing'
import * as adapter from '../../src/index.ts'
import {
  CompressionCodecs,
  CompressionTypes,
  Kafka,
  type KafkaConfig,
  KafkaJSConnectionError,
  KafkaJSError,
  KafkaJSNonRetriableError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSTimeout,
  type LogEntry,
  logLevel,
  type Message,
  type ProducerConfig,
  type ProducerRecord,
} from '../../src/index.ts'

let cluster: TestCluster

before(async () => {
  cluster = await startCluster({
    topics: { t: 3, in: 1 },
    versions: '3.9',
    autoCreateTopics: false,
  })
})

after(() => cluster.close())

const quiet = { logLevel: logLevel.NOTHING }
const client = (config: Partial<KafkaConfig> = {}) =>
  new Kafka({ brokers: [...cluster.brokers], ...quiet, ...config })

type Thrown = Error & Record<string, unknown> & { cause: Error & Record<string, unknown> }

const errorOf = (call: Promise<unknown>): Promise<Thrown> =>
  call.then(
    () => assert.fail('the call did not fail'),
    (thrown) => thrown as Thrown,
  )

/** The partition and the timestamp under which a message is stored. */
const stored = async (message: object, config: ProducerConfig = {}) => {
  const producer = client().producer(config)
  await producer.connect()
  try {
    const [result] = await producer.send({ topic: 't', messages: [message as Message] })
    const at = { partition: result!.partition, offset: Number(result!.baseOffset) }
    return cluster
      .records('t')
      .find(({ partition, offset }) => partition === at.partition && offset === at.offset)!
  } finally {
    await producer.disconnect()
  }
}

test('partitions may be numeric text, and a custom partitioner is always called', async () => {
  assert.equal((await stored({ value: 'x', partition: '2' })).partition, 2)
  const manualPartition = { createPartitioner: () => () => 1 }
  assert.equal((await stored({ value: 'x', partition: 2 }, manualPartition)).partition, 1)
  const text = { createPartitioner: () => () => '1' as never }
  assert.equal((await stored({ value: 'x' }, text)).partition, 1)
  await assert.rejects(stored({ value: 'x', partition: 'two' }), KafkaJSNonRetriableError)
})

test('a timestamp of zero or nothing is the time of the call, text is a whole number', async () => {
  const since = Date.now()
  for (const timestamp of [0, false, null, undefined]) {
    assert.ok((await stored({ value: 'x', timestamp })).timestamp >= since, String(timestamp))
  }
  const exact = [
    ['1700000000000', 1.7e12],
    ['0', 0],
    [' 5 ', 5],
    ['0x10', 16],
    [5n, 5],
    [new Date(5), 5],
    [true, 1],
  ] as const
  for (const [timestamp, expected] of exact) {
    assert.equal((await stored({ value: 'x', timestamp })).timestamp, expected)
  }
  const wrong = [
    '',
    ' ',
    'yesterday',
    '1e3',
    '12.5',
    12.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    [],
  ]
  for (const timestamp of wrong) {
    await assert.rejects(stored({ value: 'x', timestamp }), /timestamp must be whole milliseconds/)
  }
})

test('keys, values and headers that are neither text nor bytes are rejected by name', async () => {
  const cases: [object, RegExp][] = [
    [{ key: 7, value: 'x' }, /^key must be a string, a Buffer or null, got number/],
    [{ value: { a: 1 } }, /^value must be .*got an object: use JSON\.stringify/],
    [{ value: 'x', headers: { a: 2 } }, /^header "a" must be .*got number/],
    [{ value: 'x', headers: { b: ['3', true] } }, /^header "b" must be .*got boolean/],
  ]
  for (const [message, pattern] of cases) {
    const error = await errorOf(stored(message))
    assert.ok(error instanceof KafkaJSNonRetriableError)
    assert.match(error.message, pattern)
  }
  const { headers } = await stored({ value: 'x', headers: { a: undefined, b: null } })
  assert.deepEqual(headers, [['b', null]])
})

test('settings that kafkajs accepts start the producer, changes with one warning', async () => {
  const cases: [Partial<KafkaConfig>, ProducerConfig, RegExp | null][] = [
    [{}, { metadataMaxAge: 50 }, /^metadataMaxAge must be from 1000 .*: 1000 is used/],
    [{}, { metadataMaxAge: Number.POSITIVE_INFINITY }, /metadataMaxAge.*2147483647 is used/],
    [{ connectionTimeout: null as never }, {}, null],
    [{ connectionTimeout: '3000' as never }, {}, null],
    [{ connectionTimeout: 2500.5 }, {}, null],
    [{ requestTimeout: 0 }, {}, /^requestTimeout must be .*: the default is used/],
    [{ retry: { maxRetryTime: 86_400_000 } }, {}, /^retry\.maxRetryTime.*3600000 is used/],
    [{ retry: { initialRetryTime: 300.5, retries: Number.MAX_SAFE_INTEGER } }, {}, null],
    [{ clientId: '' }, {}, null],
    [{ clientId: 5 as never }, { maxInFlightRequests: null as never }, null],
    [{}, { idempotent: null as never, allowAutoTopicCreation: null as never }, null],
    [{}, { transactionalId: 'a', transactionTimeout: '60000' as never }, null],
  ]
  for (const [config, producerConfig, warning] of cases) {
    const warnings: string[] = []
    const logCreator = () => (entry: LogEntry) => {
      if (entry.label === 'WARN') warnings.push(entry.log.message)
    }
    const kafka = client({ ...config, logLevel: logLevel.WARN, logCreator })
    for (let time = 0; time < 2; time++) {
      const producer = kafka.producer(producerConfig)
      await producer.connect()
      await producer.send({ topic: 't', messages: [{ value: 'x' }] })
      await producer.disconnect()
    }
    if (warning === null) assert.deepEqual(warnings, [])
    else assert.match(warnings.join('\n'), warning)
    assert.ok(warnings.length <= 1, warnings.join('\n'))
  }
})

test('an error keeps what happened: retries, the code of the system, the broker', async () => {
  const retry = { retries: 2, initialRetryTime: 1 }
  const error = await errorOf(
    client({ brokers: ['127.0.0.1:1'], retry })
      .producer()
      .connect(),
  )
  assert.ok(error instanceof KafkaJSNumberOfRetriesExceeded)
  assert.equal(error.retryCount, 2)
  assert.match(error.message, /^Connection error: connect ECONNREFUSED 127\.0\.0\.1:1/)
  const { cause } = error as Thrown
  assert.ok(cause instanceof KafkaJSConnectionError)
  assert.deepEqual([cause.code, cause.broker], ['ECONNREFUSED', '127.0.0.1:1'])
})

test('brokers() may reject, and may return nothing', async () => {
  const failing = () => Promise.reject(new Error('no registry'))
  const cases: [unknown, RegExp][] = [
    [failing, /"config\.brokers" threw: no registry/],
    [undefined, /brokers should not be null/],
    [[], /brokers array is empty/],
    [['a:1', 5], /broker at index 1 is invalid "number"/],
  ]
  for (const [brokers, pattern] of cases) {
    const error = await errorOf(
      client({ brokers: brokers as string[] })
        .producer()
        .connect(),
    )
    assert.ok(error instanceof KafkaJSError)
    assert.match(error.message, pattern)
  }
})

test('arguments are checked before the connection, with the messages of kafkajs', async () => {
  const producer = client().producer({ idempotent: true })
  const cases: [object | undefined, RegExp][] = [
    [undefined, /./],
    [{ topic: null, messages: [] }, /^Invalid topic$/],
    [{ topic: 't', messages: null }, /^Invalid messages array \[null\] for topic "t"$/],
    [
      { topic: 't', messages: [{ key: 'a' }] },
      /^Invalid message without value for topic "t": {"key":"a"}$/,
    ],
    [{ topic: 't', acks: 1, messages: [{ value: 'x' }] }, /^Not requiring ack for all messages/],
  ]
  for (const [record, pattern] of cases) {
    const error = await errorOf(producer.send(record as ProducerRecord))
    assert.ok(error instanceof KafkaJSNonRetriableError, String(record))
    assert.match(error.message, pattern)
  }
  const legal = { topic: 't', messages: [{ value: 'x' }] }
  assert.equal((await errorOf(producer.send(legal))).message, 'The producer is disconnected')
  await producer.connect()
  const disconnecting = producer.disconnect()
  assert.match((await errorOf(producer.send(legal))).message, /^The producer is disconnecting/)
  await disconnecting
})

test('an illegal topic name fails as brokers reject it, and other topics go on', async () => {
  const producer = client().producer()
  await producer.connect()
  const error = await errorOf(producer.send({ topic: 'a)(*&^%', messages: [{ value: 'x' }] }))
  assert.match(error.message, /attempted to perform an operation on an invalid topic/)
  assert.deepEqual([error.name, error.retriable], ['KafkaJSNonRetriableError', false])
  assert.deepEqual([error.cause.type, error.cause.code], ['INVALID_TOPIC_EXCEPTION', 17])
  await producer.send({ topic: 't', messages: [{ value: 'x' }] })
  await producer.disconnect()
})

test('a topic that is not there fails when the retries are used up', async () => {
  const producer = client({ retry: { retries: 2, initialRetryTime: 100 } }).producer()
  await producer.connect()
  const since = Date.now()
  const error = await errorOf(producer.send({ topic: 'nowhere', messages: [{ value: 'x' }] }))
  assert.equal(error.name, 'KafkaJSNumberOfRetriesExceeded')
  assert.deepEqual([error.retryCount, error.cause.type], [2, 'UNKNOWN_TOPIC_OR_PARTITION'])
  assert.match(error.message, /^This server does not host this topic-partition/)
  const tookMs = Date.now() - since
  assert.ok(tookMs >= 250 && tookMs < 3000, `${tookMs} ms`)
  await producer.disconnect()
})

test('without its cluster, send fails and disconnect() ends after the retries', async () => {
  for (const retry of [{ retries: 1, initialRetryTime: 100 }, { initialRetryTime: 10 }]) {
    const lost = await startCluster({ topics: { t: 1 } })
    const producer = client({ brokers: [...lost.brokers], retry }).producer()
    await producer.connect()
    await producer.send({ topic: 't', messages: [{ value: 'x' }] })
    await lost.close()
    const since = Date.now()
    const sending = errorOf(producer.send({ topic: 't', messages: [{ value: 'y' }] }))
    // Without `retries` a send waits as millrace does, but disconnect() as kafkajs does.
    if (retry.retries !== undefined) await sending
    await producer.disconnect()
    const error = await sending
    assert.equal(error.name, 'KafkaJSNumberOfRetriesExceeded')
    assert.equal(error.cause.code, 'ECONNREFUSED')
    assert.equal((error.failedMessages as object[]).length, 1)
    const tookMs = Date.now() - since
    assert.ok(tookMs < 5000, `${tookMs} ms`)
  }
})

test('without its cluster, each call of a transaction fails after the retries', async () => {
  const calls: ((producer: adapter.Producer) => Promise<() => Promise<unknown>>)[] = [
    async (producer) => () => producer.transaction(),
    async (producer) => {
      const transaction = await producer.transaction()
      await transaction.send({ topic: 't', messages: [{ value: 'x' }] })
      return () => transaction.commit()
    },
    async (producer) => {
      const transaction = await producer.transaction()
      const topics = [{ topic: 't', partitions: [{ partition: 0, offset: '1' }] }]
      return () => transaction.sendOffsets({ consumerGroupId: 'g', topics })
    },
  ]
  for (const prepare of calls) {
    const lost = await startCluster({ topics: { t: 1 } })
    const retry = { retries: 1, initialRetryTime: 100 }
    const kafka = client({ brokers: [...lost.brokers], retry })
    const producer = kafka.producer({ transactionalId: 'lost' })
    await producer.connect()
    const call = await prepare(producer)
    await lost.close()
    const since = Date.now()
    const error = await errorOf(call())
    assert.equal(error.name, 'KafkaJSNumberOfRetriesExceeded')
    assert.equal(error.cause.code, 'ECONNREFUSED')
    await producer.disconnect()
    const tookMs = Date.now() - since
    assert.ok(tookMs < 5000, `${tookMs} ms`)
  }
})

test('flush() waits for what was sent, up to its timeout', async () => {
  const producer = client().producer()
  await assert.rejects(producer.flush(), /disconnected/)
  await producer.connect()
  await producer.flush()
  const fault = cluster.fault({ api: 'Produce', delayMs: 200 })
  let isSent = false
  const sending = producer.send({ topic: 't', messages: [{ value: 'x' }] }).then(() => {
    isSent = true
  })
  await assert.rejects(producer.flush({ timeout: 20 }), KafkaJSTimeout)
  await producer.flush({ timeout: 10_000 })
  await sending
  assert.ok(isSent)
  fault.remove()
  await producer.disconnect()
})

test('errors of consumer and admin are instances of the exported classes', async () => {
  const kafka = client({ retry: { retries: 0 } })
  const topics = [null as never]
  const error = await errorOf(kafka.consumer({ groupId: 'g' }).subscribe({ topics }))
  assert.ok(error instanceof KafkaJSNonRetriableError && error instanceof KafkaJSError)
  const admin = kafka.admin()
  await admin.connect()
  assert.ok((await errorOf(admin.fetchTopicMetadata({ topics }))) instanceof KafkaJSError)
  await admin.disconnect()
})

test('a codec that a program registers is used by its consumer', async () => {
  const writer = new MillraceProducer({ brokers: cluster.brokers, compression: 'snappy' })
  await writer.send({ topic: 'in', value: 'x'.repeat(500) })
  await writer.close()
  let decompressed = 0
  const previous = CompressionCodecs[CompressionTypes.Snappy]!
  CompressionCodecs[CompressionTypes.Snappy] = () => ({
    compress: async () => Buffer.alloc(0),
    decompress: async () => {
      decompressed++
      throw new KafkaJSNonRetriableError('the codec of the test was called')
    },
  })
  const consumer = client().consumer({
    groupId: 'codec',
    maxWaitTimeInMs: 20,
    retry: { retries: 0 },
  })
  const crashed = new Promise<Error>((resolve) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error))
  })
  await consumer.connect()
  await consumer.subscribe({ topics: ['in'], fromBeginning: true })
  await consumer.run({ eachMessage: async () => {} })
  assert.match((await crashed).message, /codec of the test/)
  assert.ok(decompressed > 0)
  await consumer.disconnect()
  CompressionCodecs[CompressionTypes.Snappy] = previous
})

test('read, transform and produce with what the consumer of kafkajs gives', async () => {
  await using own = await startCluster({ topics: { in: 1, out: 1 }, versions: '3.9' })
  const kafka = client({ brokers: [...own.brokers] })
  const producer = kafka.producer({ transactionalId: 'eos', maxInFlightRequests: 1 })
  const consumer = kafka.consumer({ groupId: 'g', maxWaitTimeInMs: 20 })
  await producer.connect()
  await producer.send({ topic: 'in', messages: [{ value: 'x' }] })
  await consumer.connect()
  await consumer.subscribe({ topics: ['in'], fromBeginning: true })
  let settle: (left: object | Error) => void = () => {}
  const settled = new Promise<object | Error>((resolve) => {
    settle = resolve
  })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch, resolveOffset, uncommittedOffsets }) => {
      try {
        resolveOffset(batch.lastOffset())
        const transaction = await producer.transaction()
        await transaction.send({ topic: 'out', messages: [{ value: 'y' }] })
        const offsets = { consumerGroupId: 'g', ...uncommittedOffsets() }
        assert.equal(offsets.topics.length, 1)
        await transaction.sendOffsets(offsets)
        await transaction.commit()
        settle(uncommittedOffsets())
      } catch (error) {
        settle(error as Error)
      }
    },
  })
  assert.deepEqual(await settled, { topics: [] })
  assert.equal(own.committedOffsets('g')[0]?.offset, 1)
  await Promise.all([consumer.disconnect(), producer.disconnect()])
})

test('calls of a transaction without arguments reject, and after its end all do', async () => {
  const producer = client().producer({ transactionalId: 'calls' })
  await producer.connect()
  const transaction = await producer.transaction()
  const call = transaction as unknown as Record<string, () => Promise<unknown>>
  for (const name of ['send', 'sendBatch', 'sendOffsets']) {
    assert.ok((await errorOf(call[name]!())) instanceof KafkaJSNonRetriableError, name)
  }
  await transaction.abort()
  for (const name of ['send', 'sendBatch', 'sendOffsets', 'commit', 'abort']) {
    const error = await errorOf(call[name]!())
    assert.equal(error.message, 'Cannot continue to use transaction once ended')
  }
  await producer.disconnect()
})

test('ES modules may import the default export', () => {
  assert.equal(adapter.default.Kafka, Kafka)
  assert.equal(adapter.default.CompressionTypes.GZIP, 1)
})

test('a configuration that cannot be read is named in an error of kafkajs', () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const message = /^config could not be read: .*revoked/
  const isNamed = { name: 'KafkaJSNonRetriableError', message }
  assert.throws(() => new adapter.Kafka(proxy as never), isNamed)
  assert.throws(() => new adapter.Kafka({ brokers: ['a:1'] }).producer(proxy as never), isNamed)
})
