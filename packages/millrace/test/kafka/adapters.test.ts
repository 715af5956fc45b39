// The neighbours on a real broker: programs as the documentation of kafkajs shows them, with
// another import and nothing else; events of Nest; Avro records with the id of a registry's schema.
// The packages are loaded by name: none of them is known to this one's types.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import { startDocRegistry } from '../docs/doc-registry.ts'
import { type ConsumedRecord, javaConsume, type Kafka, startKafka } from './fixture/index.ts'

// biome-ignore lint/suspicious/noExplicitAny: a package that is not among our types
type Loaded = any

const load = (name: string): Promise<Loaded> => import(name)

const text = (data: Buffer | null): string | null => (data === null ? null : String(data))

const byValue = (records: readonly ConsumedRecord[]) =>
  new Map(records.map((record) => [text(record.value), record]))

describe('the neighbours and a real broker', () => {
  let kafkaNode: Kafka
  before(async () => {
    kafkaNode = await startKafka()
    for (const topic of [
      'topic-name',
      'topic-a',
      'topic-b',
      'topic-c',
      'output',
      'codecs',
      'nest',
    ]) {
      await kafkaNode.admin.createTopic(topic, { partitions: 3 })
    }
  })
  after(() => kafkaNode?.close())

  const read = (
    topic: string,
    isolation: 'read_uncommitted' | 'read_committed' = 'read_committed',
  ) => javaConsume({ brokers: kafkaNode.brokers, topic, isolation })

  describe('kafkajs: the examples of its documentation about producing', () => {
    let kafkajs: Loaded
    let kafka: Loaded
    before(async () => {
      kafkajs = await load('@millrace/kafkajs')
      kafka = new kafkajs.Kafka({ clientId: 'my-app', brokers: kafkaNode.brokers })
    })

    it('messages with keys, partitions, headers and timestamps', async () => {
      const producer = kafka.producer({ allowAutoTopicCreation: false, transactionTimeout: 30000 })
      await producer.connect()
      await producer.send({
        topic: 'topic-name',
        messages: [
          { key: 'key1', value: 'one' },
          { key: 'key2', value: 'two' },
        ],
      })
      await producer.send({
        topic: 'topic-name',
        messages: [
          { key: 'key1', value: 'to 0', partition: 0 },
          { key: 'key2', value: 'to 1', partition: 1 },
        ],
      })
      const headers = { 'correlation-id': 'c-1', 'system-id': 'my-system', many: ['a', 'b'] }
      await producer.send({
        topic: 'topic-name',
        messages: [{ key: 'key1', value: 'headed', headers, timestamp: '1700000000000' }],
        acks: 1,
        timeout: 5000,
      })
      await producer.disconnect()
      const found = byValue(await read('topic-name'))
      assert.deepEqual([found.get('to 0')?.partition, found.get('to 1')?.partition], [0, 1])
      const headed = found.get('headed')!
      assert.equal(headed.timestamp, 1_700_000_000_000)
      assert.equal(headed.partition, found.get('one')?.partition, 'one key, one partition')
      assert.deepEqual(
        headed.headers.map(([name, value]) => [name, text(value)]),
        [
          ['correlation-id', 'c-1'],
          ['system-id', 'my-system'],
          ['many', 'a'],
          ['many', 'b'],
        ],
      )
    })

    it('several topics with one call', async () => {
      const producer = kafka.producer()
      await producer.connect()
      const topicMessages = ['topic-a', 'topic-b', 'topic-c'].map((topic) => ({
        topic,
        messages: [{ key: 'key', value: `hello ${topic}`, headers: { 'correlation-id': 'c-2' } }],
      }))
      const results = await producer.sendBatch({ topicMessages })
      await producer.disconnect()
      assert.deepEqual(
        results.map((entry: Loaded) => [entry.topicName, entry.errorCode, entry.baseOffset]),
        [
          ['topic-a', 0, '0'],
          ['topic-b', 0, '0'],
          ['topic-c', 0, '0'],
        ],
      )
      for (const topic of ['topic-a', 'topic-b', 'topic-c']) {
        assert.deepEqual([...byValue(await read(topic)).keys()], [`hello ${topic}`])
      }
    })

    it('a custom partitioner, and both of kafkajs', async () => {
      const MyPartitioner = () => (input: Loaded) => {
        assert.equal(input.partitionMetadata.length, 3)
        assert.ok(input.partitionMetadata.every((one: Loaded) => one.leader === 1))
        return 2
      }
      const { DefaultPartitioner, LegacyPartitioner } = kafkajs.Partitioners
      for (const createPartitioner of [MyPartitioner, DefaultPartitioner, LegacyPartitioner]) {
        const producer = kafka.producer({ createPartitioner })
        await producer.connect()
        const [entry] = await producer.send({
          topic: 'topic-a',
          messages: [{ key: 'some key', value: 'x' }],
        })
        if (createPartitioner === MyPartitioner) assert.equal(entry.partition, 2)
        await producer.disconnect()
      }
    })

    it('every codec, registered as the page says and by the program', async () => {
      const { CompressionTypes, CompressionCodecs } = kafkajs
      const own = { compress: async () => assert.fail(), decompress: async () => assert.fail() }
      CompressionCodecs[CompressionTypes.Snappy] = () => own
      const producer = kafka.producer({ retry: { initialRetryTime: 100, retries: 8 } })
      await producer.connect()
      const { GZIP, Snappy, LZ4, ZSTD } = CompressionTypes
      for (const compression of [GZIP, Snappy, LZ4, ZSTD]) {
        const value = `${compression} ${'again '.repeat(100)}`
        await producer.send({ topic: 'codecs', compression, messages: [{ value }] })
      }
      await producer.disconnect()
      assert.equal((await read('codecs')).length, 4)
    })

    it('a transaction with offsets, and one that is aborted', async () => {
      const transactionalId = 'my-transactional-producer'
      const options = { transactionalId, maxInFlightRequests: 1, idempotent: true }
      const producer = kafka.producer(options)
      await producer.connect()
      const transaction = await producer.transaction()
      await transaction.send({ topic: 'output', messages: [{ value: 'committed' }] })
      const partitions = [{ partition: 0, offset: '1' }]
      const topics = [{ topic: 'topic-a', partitions }]
      await transaction.sendOffsets({ consumerGroupId: 'my-group', topics })
      await transaction.commit()
      const other = await producer.transaction()
      await other.send({ topic: 'output', messages: [{ value: 'aborted' }] })
      await other.abort()
      await producer.disconnect()
      assert.deepEqual([...byValue(await read('output')).keys()], ['committed'])
      assert.equal((await read('output', 'read_uncommitted')).length, 2)
    })

    it('events of the connection and of requests; errors as its users check them', async () => {
      const producer = kafka.producer({ retry: { retries: 0 } })
      const events: string[] = []
      const { CONNECT, DISCONNECT, REQUEST } = producer.events
      for (const name of [CONNECT, DISCONNECT, REQUEST]) {
        producer.on(name, ({ type, payload }: Loaded) => events.push(payload?.apiName ?? type))
      }
      await producer.connect()
      const value = 'x'.repeat(2_000_000)
      const failed = producer.send({ topic: 'topic-a', messages: [{ value, partition: 0 }] })
      await assert.rejects(failed, (error: Loaded) => {
        assert.ok(error instanceof kafkajs.KafkaJSProtocolError, error.stack)
        assert.deepEqual(
          [error.name, error.type, error.code, error.retriable],
          ['KafkaJSProtocolError', 'MESSAGE_TOO_LARGE', 10, false],
        )
        return true
      })
      await producer.disconnect()
      // Other requests, such as those of the handshake, have events, too.
      const expected = [CONNECT, 'Produce', DISCONNECT]
      const seen = events.filter((name) => expected.includes(name))
      assert.deepEqual(seen, expected)
    })

    it('its own consumer reads what was sent, and the package can be required', async () => {
      const require = createRequire(import.meta.url)
      const { Kafka, logLevel } = require('@millrace/kafkajs') as Loaded
      assert.equal(Kafka.name, kafkajs.Kafka.name)
      const client = new Kafka({ brokers: kafkaNode.brokers, logLevel: logLevel.NOTHING })
      const consumer = client.consumer({ groupId: 'readers' })
      await consumer.connect()
      await consumer.subscribe({ topics: ['topic-b'], fromBeginning: true })
      const message = await new Promise<Loaded>((resolve, reject) => {
        const eachMessage = async ({ message }: Loaded): Promise<void> => resolve(message)
        consumer.run({ eachMessage }).catch(reject)
      })
      await consumer.disconnect()
      assert.deepEqual([String(message.key), String(message.value)], ['key', 'hello topic-b'])
    })
  })

  it('events of a Nest application are in the log once it is closed', async () => {
    await load('reflect-metadata')
    const { MillraceModule } = await load('@millrace/nestjs')
    const { NestFactory } = await load('@nestjs/core')
    const options = { name: 'ORDERS', producer: { brokers: kafkaNode.brokers } }
    const module = MillraceModule.register(options)
    const application = await NestFactory.createApplicationContext(module, { logger: false })
    const client = application.get('ORDERS')
    for (let index = 0; index < 500; index++) {
      client.emit('nest', { key: String(index % 7), value: { index } })
    }
    await application.close()
    const records = await read('nest')
    const indexes = records.map(({ value }) => JSON.parse(String(value)).index)
    assert.deepEqual(
      indexes.sort((one, other) => one - other),
      Array.from({ length: 500 }, (_, index) => index),
    )
  })

  it('Avro with the id of its schema goes through a broker and comes back', async () => {
    const { avroSerializer, SchemaRegistry } = await load('@millrace/schema-registry')
    const { Producer, typedTopics } = await load('millrace')
    const { default: avro } = await load('avsc')
    const double = await startDocRegistry()
    try {
      const registry = new SchemaRegistry({ url: `http://${double.address}` })
      const producer = new Producer({ brokers: kafkaNode.brokers })
      const topics = typedTopics(producer, { avro: { value: avroSerializer({ registry }) } })
      const orders = Array.from({ length: 100 }, (_, index) => ({
        id: `id ${index}`,
        total: index,
      }))
      await topics.sendBatch(orders.map((value) => ({ topic: 'avro', value })))
      await producer.close()
      const response = await fetch(`http://${double.address}/schemas/ids/1`)
      const type = avro.Type.forSchema(JSON.parse(((await response.json()) as Loaded).schema))
      const decoded = (await read('avro')).map(({ value }) => {
        assert.deepEqual([value![0], value!.readInt32BE(1)], [0, 1])
        const { id, total } = type.fromBuffer(value!.subarray(5))
        return { id, total }
      })
      assert.deepEqual(
        decoded.sort((one, other) => one.total - other.total),
        orders,
      )
    } finally {
      await double.close()
    }
  })
})
