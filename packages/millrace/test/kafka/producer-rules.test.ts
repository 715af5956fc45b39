// What the newest Kafka does to a producer by its own rules: it rejects records and batches, stamps
// its time on them, makes topics or does not, forgets them, and restarts under load.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { KafkaError, type RecordMetadata } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { javaConsume, type Kafka, kcatConsume, startKafka } from './fixture/index.ts'
import { checkRecord, listening, producerFor, recordOf } from './producer-kit.ts'

const numbered = (topic: string, count: number) =>
  Array.from({ length: count }, (_, index) => ({ topic, value: `${index}` }))

/** The KafkaError that the promise rejects with. */
const rejectionOf = async (promise: Promise<unknown>): Promise<KafkaError> => {
  const error = await promise.then(
    (value) => assert.fail(`it did not reject: ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof KafkaError, `no KafkaError: ${error}`)
  return error
}

describe('a real broker', () => {
  let kafka: Kafka
  const stored = (topic: string) => javaConsume({ brokers: kafka.brokers, topic })
  const values = async (topic: string) => (await stored(topic)).map(({ value }) => String(value))
  before(async () => {
    kafka = await startKafka()
  })
  after(() => kafka?.close())

  it('rejects records without a key in a compacted topic; the others are delivered', async () => {
    const topic = 'compacted'
    await kafka.admin.createTopic(topic, { configs: { 'cleanup.policy': 'compact' } })
    const reported: string[] = []
    await using producer = producerFor(kafka, { onError: (error) => reported.push(error.code) })
    await producer.send({ topic, key: 'k', value: 'first' })
    const records = Array.from({ length: 100 }, (_, index) => ({
      topic,
      key: index % 10 === 3 ? null : `key-${index}`,
      value: `${index}`,
    }))
    const outcomes = await Promise.all(
      records.map((record) => producer.send(record).catch((error: KafkaError) => error)),
    )
    const failed = outcomes.flatMap((outcome, index) =>
      outcome instanceof KafkaError ? [[index, outcome] as const] : [],
    )
    assert.deepEqual(
      failed.map(([index]) => index),
      [3, 13, 23, 33, 43, 53, 63, 73, 83, 93],
    )
    for (const [, error] of failed) {
      assert.equal(error.brokerError, 'INVALID_RECORD')
      assert.equal(error.kind, 'rejected')
      assert.equal(error.persisted, 'no')
      assert.match(error.message, /key/i)
    }
    assert.deepEqual(reported, new Array(10).fill('BROKER_REJECTED'))
    const accepted = records.filter(({ key }) => key !== null)
    assert.deepEqual(await values(topic), ['first', ...accepted.map(({ value }) => value)])
    const offsets = outcomes.flatMap((outcome) =>
      outcome instanceof KafkaError ? [] : [outcome.offset],
    )
    assert.deepEqual(
      offsets,
      accepted.map((_, index) => index + 1),
    )
    const last = await producer.send({ topic, key: 'k', value: 'last' })
    assert.equal(last.offset, 91)
  })

  it('rejects a batch over max.message.bytes: it is split until it fits, in order', async () => {
    const topic = 'small'
    await kafka.admin.createTopic(topic, { configs: { 'max.message.bytes': '20000' } })
    await using producer = producerFor(kafka)
    const padding = 'x'.repeat(500)
    const records = Array.from({ length: 2000 }, (_, index) => ({
      topic,
      value: `${index} ${padding}`,
    }))
    const large = { topic, value: 'y'.repeat(30_000) }
    const [{ results, failedIndexes }, error] = await Promise.all([
      producer.sendBatch(records),
      rejectionOf(producer.send(large)),
    ])
    assert.deepEqual(failedIndexes, [])
    assert.deepEqual(
      results.map((result) => (result as RecordMetadata).offset),
      records.map((_, index) => index),
    )
    assert.equal(error.code, 'RECORD_TOO_LARGE')
    assert.equal(error.persisted, 'no')
    assert.ok(producer.metrics().splits > 0)
    await producer.send({ topic, value: '2000 last' })
    const numbers = (await values(topic)).map((text) => Number.parseInt(text, 10))
    assert.deepEqual(
      numbers,
      Array.from({ length: 2001 }, (_, index) => index),
    )
  })

  it('sets its own timestamp if the topic says so, and the result has that timestamp', async () => {
    const topic = 'stamped'
    const configs = { 'message.timestamp.type': 'LogAppendTime' }
    await kafka.admin.createTopic(topic, { configs })
    await using producer = producerFor(kafka)
    const start = systemClock.wallTime()
    const sent = await producer.send({ topic, value: 'x', timestamp: 1_000_000_000_000 })
    const [record] = await stored(topic)
    assert.equal(record!.timestampType, 'LogAppendTime')
    assert.equal(sent.timestamp, record!.timestamp)
    assert.ok(sent.timestamp >= start && sent.timestamp <= systemClock.wallTime())
  })

  it('rejects a timestamp that is out of range: only that record fails', async () => {
    const topic = 'in-time'
    const configs = { 'message.timestamp.before.max.ms': '3600000' }
    await kafka.admin.createTopic(topic, { configs })
    await using producer = producerFor(kafka)
    const { results, failedIndexes } = await producer.sendBatch([
      { topic, value: 'a' },
      { topic, value: 'b', timestamp: 1_000_000_000_000 },
      { topic, value: 'c' },
    ])
    assert.deepEqual(failedIndexes, [1])
    assert.equal((results[1] as KafkaError).brokerError, 'INVALID_TIMESTAMP')
    assert.deepEqual(await values(topic), ['a', 'c'])
  })

  it('creates no topic if the producer forbids it: only its records fail', async () => {
    await kafka.admin.createTopic('there')
    await using producer = producerFor(kafka, {
      allowAutoTopicCreation: false,
      unknownTopicTimeoutMs: 700,
    })
    const start = systemClock.now()
    const unknown = rejectionOf(producer.send({ topic: 'nowhere', value: 'x' }))
    const sends = numbered('there', 100).map((record) => producer.send(record))
    await Promise.all(sends)
    const error = await unknown
    assert.ok(systemClock.now() - start < 5000)
    assert.equal(error.code, 'UNKNOWN_TOPIC')
    assert.equal(error.topic, 'nowhere')
    assert.match(error.message, /nowhere/)
    const wrong = await rejectionOf(producer.send({ topic: 'no such name!', value: 'x' }))
    assert.match(wrong.message, /no such name!/)
  })

  it('deletes and creates a topic again: later records go to the new one', async () => {
    const topic = 'made-again'
    const versions = new Set<number>()
    await kafka.admin.createTopic(topic)
    await using producer = producerFor(kafka, {}, listening(versions))
    await Promise.all(numbered(topic, 50).map((record) => producer.send(record)))
    await kafka.admin.deleteTopic(topic)
    await kafka.admin.createTopic(topic)
    const again = numbered(topic, 50).map((record) => producer.send(record))
    const offsets = (await Promise.all(again)).map(({ offset }) => offset)
    assert.deepEqual(
      offsets,
      Array.from({ length: 50 }, (_, index) => index),
    )
    assert.equal((await values(topic)).length, 50)
    assert.deepEqual([...versions], [13])
  })

  it('forgets producers with their records: the next sends recover by themselves', async () => {
    const topic = 'emptied'
    await kafka.admin.createTopic(topic)
    await using producer = producerFor(kafka)
    await Promise.all(numbered(topic, 100).map((record) => producer.send(record)))
    await kafka.admin.deleteRecords(topic, { 0: 100 })
    const sends = numbered(topic, 100).map((record) => producer.send(record))
    const offsets = (await Promise.all(sends)).map(({ offset }) => offset)
    assert.deepEqual(
      offsets,
      Array.from({ length: 100 }, (_, index) => index + 100),
    )
  })

  it("a throttled producer waits for the broker's throttle time, and loses nothing", async () => {
    const topic = 'throttled'
    await kafka.admin.createTopic(topic)
    await kafka.admin.setClientQuota('slow', { producer_byte_rate: 20_000 })
    await using producer = producerFor(kafka, { clientId: 'slow' })
    const start = systemClock.now()
    for (let round = 0; round < 4; round++) {
      const batch = Array.from({ length: 100 }, () => ({ topic, value: Buffer.alloc(1000) }))
      const { failedIndexes } = await producer.sendBatch(batch)
      assert.deepEqual(failedIndexes, [])
    }
    await kafka.admin.setClientQuota('slow', { producer_byte_rate: null })
    assert.ok(systemClock.now() - start > 900)
    assert.equal((await stored(topic)).length, 400)
    assert.equal(producer.metrics().connectionFailures, 0)
  })

  it('kcat reads what was written, under every codec', async () => {
    for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
      const topic = `kcat-${compression}`
      await kafka.admin.createTopic(topic)
      await using producer = producerFor(kafka, { compression })
      // Headers are Java's to judge: kcat prints them as text.
      const records = Array.from({ length: 1000 }, (_, index) => ({
        ...recordOf(index, topic),
        headers: undefined,
      }))
      const { failedIndexes } = await producer.sendBatch(records)
      assert.deepEqual(failedIndexes, [])
      const found = await kcatConsume({ brokers: kafka.brokers, topic })
      assert.equal(found.length, records.length)
      for (const [index, { key, value, offset, partition, timestamp }] of found.entries()) {
        const rest = { timestampType: 'CreateTime', leaderEpoch: 0, headers: [] } as const
        const like = { key, value, offset, partition, timestamp, ...rest }
        checkRecord(like, records[index]!, `record ${index} under ${compression}`)
      }
    }
  })

  it('restarts under load: nothing is lost, nothing is there twice, all is in order', async () => {
    const topic = 'restarted'
    await kafka.admin.createTopic(topic, { partitions: 3 })
    const warnings: string[] = []
    const note = (message: string) => warnings.push(message)
    const logger = { debug() {}, info() {}, warn: note, error: note }
    await using producer = producerFor(kafka, { logger })
    const sent: Promise<RecordMetadata>[] = []
    let number = 0
    let isOver = false
    const load = async () => {
      while (!isOver) {
        const record = { topic, partition: number % 3, value: `${number}` }
        number++
        sent.push(producer.send(record))
        if (number % 200 === 0) await new Promise(setImmediate)
        if (number % 5000 === 0) await producer.flush()
      }
    }
    const loading = load()
    const delivered = async (count: number) => {
      const goal = producer.metrics().recordsDelivered + count
      while (producer.metrics().recordsDelivered < goal) await new Promise(setImmediate)
    }
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      await delivered(10_000)
      await kafka.node(1).kill(signal)
      await kafka.node(1).start()
    }
    await delivered(10_000)
    isOver = true
    await loading
    const results = await Promise.all(sent)
    const found = await stored(topic)
    assert.equal(found.length, number)
    for (const partition of [0, 1, 2]) {
      const numbers = found.filter((one) => one.partition === partition).map((one) => one.value)
      assert.ok(numbers.every((value, index) => Number(value) === 3 * index + partition))
    }
    assert.ok(
      results.every(({ offset }, index) => offset === -1 || offset === Math.floor(index / 3)),
    )
    assert.deepEqual(
      warnings.filter((message) => message.includes('lost:')),
      [],
    )
  })
})

describe('a real broker that creates no topics by itself', () => {
  it('records fail in time, and are delivered once the topic exists', async () => {
    await using kafka = await startKafka({ properties: { 'auto.create.topics.enable': 'false' } })
    await using producer = producerFor(kafka, { unknownTopicTimeoutMs: 500 })
    const error = await rejectionOf(producer.send({ topic: 'late', value: 'x' }))
    assert.equal(error.code, 'UNKNOWN_TOPIC')
    await using waitingProducer = producerFor(kafka, { unknownTopicTimeoutMs: 30_000 })
    const waiting = waitingProducer.send({ topic: 'late', value: 'first' })
    await kafka.admin.createTopic('late')
    assert.equal((await waiting).offset, 0)
    assert.equal((await waitingProducer.send({ topic: 'late', value: 'second' })).offset, 1)
  })
})
