// Transactions as the documentation of kafkajs shows them: consume, transform, produce; commit or
// abort; one at a time.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTopic, startCluster } from 'millrace/testing'
import {
  CompressionTypes,
  Kafka,
  logLevel,
  type Producer,
  type Transaction,
} from '../../src/index.ts'

const withProducer = async (
  body: (producer: Producer, brokers: string[], offsets: () => readonly object[]) => Promise<void>,
): Promise<void> => {
  await using cluster = await startCluster({ topics: { output: 1 } })
  const kafka = new Kafka({ brokers: [...cluster.brokers], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({
    transactionalId: 'my-transactional-producer',
    maxInFlightRequests: 1,
    idempotent: true,
  })
  await producer.connect()
  try {
    await body(producer, [...cluster.brokers], () => cluster.committedOffsets('my-group'))
  } finally {
    await producer.disconnect()
  }
}

const values = async (brokers: string[]): Promise<(string | undefined)[]> => {
  const found: (string | undefined)[] = []
  const read = readTopic({ brokers, topic: 'output', isolation: 'read_committed' })
  for await (const { value } of read) found.push(value?.toString())
  return found
}

test('what is sent and committed is read, with the offsets that were consumed', () =>
  withProducer(async (producer, brokers, offsets) => {
    const transaction = await producer.transaction()
    assert.equal(transaction.isActive(), true)
    await transaction.send({ topic: 'output', messages: [{ key: 'a', value: 'one' }] })
    await transaction.sendBatch({
      topicMessages: [{ topic: 'output', messages: [{ value: '2' }] }],
    })
    await transaction.sendOffsets({
      consumerGroupId: 'my-group',
      topics: [{ topic: 'output', partitions: [{ partition: 0, offset: '7' }] }],
    })
    assert.deepEqual(await values(brokers), [])
    await transaction.commit()
    assert.equal(transaction.isActive(), false)
    assert.deepEqual(await values(brokers), ['one', '2'])
    assert.equal(offsets().length, 1)
  }))

test('what is aborted is not read, and the next transaction goes on', () =>
  withProducer(async (producer, brokers) => {
    const first = await producer.transaction()
    await first.send({ topic: 'output', messages: [{ value: 'dropped' }] })
    await first.abort()
    await assert.rejects(first.commit(), { name: 'KafkaJSNonRetriableError' })
    await assert.rejects(first.send({ topic: 'output', messages: [{ value: 'late' }] }))
    const second = await producer.transaction()
    await assert.rejects(producer.transaction(), /already an ongoing transaction/)
    await second.commit()
    const third = await producer.transaction()
    await third.send({ topic: 'output', messages: [{ value: 'kept' }] })
    await third.commit()
    assert.deepEqual(await values(brokers), ['kept'])
  }))

test('the first send of a transaction decides its codec, sends outside use their own', () =>
  withProducer(async (producer, brokers) => {
    for (const compression of [CompressionTypes.GZIP, CompressionTypes.GZIP]) {
      const transaction = await producer.transaction()
      const messages = [{ value: 'x'.repeat(500) }]
      await transaction.send({ topic: 'output', compression, messages })
      await producer.send({ topic: 'output', messages: [{ value: 'outside' }] })
      await transaction.commit()
    }
    const read = await values(brokers)
    assert.deepEqual([...read].sort(), [
      'outside',
      'outside',
      ...read.filter((v) => v?.length === 500),
    ])
    assert.equal(read.length, 4)
  }))

test('a fenced producer gets the error that kafkajs gets, from every call', async () => {
  await using cluster = await startCluster({ topics: { output: 1, input: 1 }, versions: '3.9' })
  const kafka = new Kafka({ brokers: [...cluster.brokers], logLevel: logLevel.NOTHING })
  const partitions = [{ partition: 0, offset: '1' }]
  const offsets = { consumerGroupId: 'my-group', topics: [{ topic: 'input', partitions }] }
  const message = { topic: 'output', messages: [{ value: 'x' }] }
  const calls: Record<string, (transaction: Transaction) => Promise<unknown>> = {
    send: (transaction) => transaction.send(message),
    sendOffsets: (transaction) => transaction.sendOffsets(offsets),
    commit: (transaction) => transaction.commit(),
    abort: (transaction) => transaction.abort(),
  }
  for (const [name, call] of Object.entries(calls)) {
    const [old, next] = [0, 1].map(() => kafka.producer({ transactionalId: name }))
    await old!.connect()
    const transaction = await old!.transaction()
    await transaction.send(message)
    await next!.connect()
    await next!.transaction()
    const error = await call(transaction).then(
      () => assert.fail(`${name} did not fail`),
      (thrown) => thrown,
    )
    const { type, code, retriable } = error
    assert.deepEqual([name, type, code, retriable], [name, 'INVALID_PRODUCER_EPOCH', 47, false])
    await Promise.all([old!.disconnect(), next!.disconnect()])
  }
})
