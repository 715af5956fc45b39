// The scenarios of the original's own tests, on a real Kafka, read back by Java's consumer.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AsyncProducer } from '../../src/layers/async-producer.ts'
import {
  type AsyncResultHandler,
  defaultAsyncResultHandler,
} from '../../src/layers/async-result-handler.ts'
import { KafkaProducer } from '../../src/layers/kafka-producer.ts'
import type { Message } from '../../src/layers/message.ts'
import { SyncProducer } from '../../src/layers/sync-producer.ts'
import type { RecordMetadata } from '../../src/producer/record.ts'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { javaConsume, type Kafka, startKafka } from './fixture/index.ts'

let kafka: Kafka

before(async () => {
  kafka = await startKafka()
  for (const topic of ['sync', 'async', 'both-sync', 'both-async', 'buffered']) {
    await kafka.admin.createTopic(topic, { partitions: 3 })
  }
  // A broker's first producer id takes longer than any later one.
  const producer = new SyncProducer(kafka.brokers)
  await producer.sendMessage({ topic: 'warm' }, 'x')
  await producer.close()
})

after(() => kafka?.close())

const read = (topic: string) => javaConsume({ brokers: kafka.brokers, topic })

const texts = async (topic: string): Promise<string[]> =>
  (await read(topic)).map(({ key, value }) => `${key}=${value}`).sort()

/** Paces a load; no test waits by it for something to happen. */
const pace = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    systemClock.setTimer(ms, resolve)
  })

test('(a) a JSON value with a key goes out in sync mode, with a deadline of a second', async () => {
  const producer = new SyncProducer(kafka.brokers)
  const value = JSON.stringify({ id: 42, name: 'Müller', at: new Date(0).toISOString() })
  const metadata = await producer.sendMessage({ topic: 'sync', key: 'user-42' }, value, {
    timeoutMs: 1000,
  })
  await producer.close()
  const [record, ...others] = await read('sync')
  assert.deepEqual(others, [])
  assert.deepEqual([record?.key?.toString(), record?.value?.toString()], ['user-42', value])
  assert.deepEqual(
    [record?.partition, record?.offset, record?.timestamp],
    [metadata.partition, metadata.offset, metadata.timestamp],
  )
})

test('(b) a message goes out in async mode with the default handler', async () => {
  const producer = new AsyncProducer(kafka.brokers, defaultAsyncResultHandler)
  assert.equal(await producer.sendMessage({ topic: 'async', key: 'k' }, 'value'), undefined)
  assert.deepEqual(await producer.close(), { delivered: 1, failed: 0, undelivered: 0 })
  assert.deepEqual(await texts('async'), ['k=value'])
})

test('(c) sync and async at once: 20 messages 100 ms apart, flushed by 5 or 5 s', async () => {
  const handled: Message[] = []
  const errors: KafkaError[] = []
  const handler: AsyncResultHandler = {
    handleSuccess: (message) => void handled.push(message),
    handleError: (error) => void errors.push(error),
  }
  const sync = new SyncProducer(kafka.brokers)
  const flush = { records: 5, intervalMs: 5000 }
  const async = new AsyncProducer({ brokers: kafka.brokers, flush }, handler)
  const expected: string[] = []
  for (let index = 0; index < 20; index++) {
    expected.push(`k${index}=v${index}`)
    await sync.sendMessage({ topic: 'both-sync', key: `k${index}` }, `v${index}`)
    await async.sendMessage({ topic: 'both-async', key: `k${index}` }, `v${index}`)
    await pace(100)
  }
  const reports = await Promise.all([sync.close(), async.close()])
  assert.deepEqual(reports, Array(2).fill({ delivered: 20, failed: 0, undelivered: 0 }))
  assert.deepEqual(errors, [])
  assert.equal(handled.length, 20)
  assert.deepEqual(await texts('both-sync'), expected.sort())
  assert.deepEqual(await texts('both-async'), expected)
})

test('layer 1: 5 sends at once into a buffer of 200 or 3 s, then 20 in sync mode', async () => {
  const places: RecordMetadata[] = []
  const start = systemClock.now()
  let allTold = (): void => {}
  const called = new Promise<void>((resolve) => {
    allTold = resolve
  })
  const buffered = new KafkaProducer(kafka.brokers, {
    batchSize: 200,
    batchTimeoutMs: 3000,
    onSuccess: (metadata) => {
      if (places.push(metadata) === 5) allTold()
    },
  })
  const message = (name: string, index: number): Message => ({
    topic: 'buffered',
    key: `${name}${index}`,
    value: `${index}`,
  })
  await Promise.all([0, 1, 2, 3, 4].map((index) => buffered.send(message('a', index))))
  await called
  const elapsedMs = systemClock.now() - start
  assert.ok(elapsedMs >= 2990 && elapsedMs < 10_000, `flushed after ${elapsedMs} ms`)
  await buffered.close()
  const sync = new KafkaProducer(kafka.brokers, { async: false })
  const messages = Array.from({ length: 20 }, (_, index) => message('s', index))
  const results = await sync.sendBatch(messages)
  await sync.close()
  const records = await read('buffered')
  assert.equal(records.length, 25)
  for (const [index, { partition, offset }] of results.entries()) {
    const record = records.find((one) => one.partition === partition && one.offset === offset)
    assert.equal(record?.key?.toString(), `s${index}`)
  }
})
