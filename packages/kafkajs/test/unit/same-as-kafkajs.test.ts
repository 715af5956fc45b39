// Compared with kafkajs itself, which is installed for the tests: its exports, its numbers, its
// error classes, and where its partitioners put a key.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { startCluster } from 'millrace/testing'
import * as ours from '../../src/index.ts'
import * as ownErrors from '../../src/own-errors.ts'

type Names = Readonly<Record<string, unknown>>
const require = createRequire(import.meta.url)
const theirs = require('kafkajs') as Names & typeof import('kafkajs')

test('every name that kafkajs exports is there, and in the default export', () => {
  const missing = Object.keys(theirs).filter((name) => !(name in ours) || !(name in ours.default))
  assert.deepEqual(missing, [])
  assert.equal(ours.default.Kafka, ours.Kafka)
})

test('numbers are the same', () => {
  const tables = [
    'logLevel',
    'CompressionTypes',
    'ConfigResourceTypes',
    'ConfigSource',
    'AclResourceTypes',
    'AclOperationTypes',
    'AclPermissionTypes',
    'ResourcePatternTypes',
  ]
  for (const name of tables) {
    assert.deepEqual({ ...((ours as Names)[name] as object) }, { ...(theirs[name] as object) })
  }
})

/** From a class to its oldest ancestor, by name. */
const line = (type: unknown): string[] => {
  const names: string[] = []
  for (let next = type; typeof next === 'function' && next.name; next = Object.getPrototypeOf(next))
    names.push(next.name)
  return names
}

test('error classes are those of kafkajs, and without it have the same ancestors', () => {
  const classes = Object.entries(theirs).filter(([name]) => name.startsWith('KafkaJS'))
  assert.ok(classes.length > 25)
  for (const [name, type] of classes) {
    assert.equal((ours as Names)[name], type)
    const own = line((ownErrors as Names)[name])
    assert.deepEqual(
      own.filter((one) => line(type).includes(one)),
      line(type),
      name,
    )
  }
})

test('errors have the names and messages of those of kafkajs', () => {
  for (const library of [theirs, ownErrors] as (typeof theirs)[]) {
    const cause = new library.KafkaJSConnectionError('refused', { broker: 'a:1', code: 'X' })
    const error = new library.KafkaJSNumberOfRetriesExceeded(cause, {
      retryCount: 5,
      retryTime: 300,
    })
    const { name, message, retriable, retryCount, retryTime } = error
    assert.deepEqual(
      { name, message, retriable, retryCount, retryTime, cause: error.cause },
      {
        name: 'KafkaJSNumberOfRetriesExceeded',
        message: 'refused',
        retriable: false,
        retryCount: 5,
        retryTime: 300,
        cause,
      },
    )
    assert.equal(cause.retriable, true)
    assert.equal(cause.broker, 'a:1')
  }
})

test('a key goes to the partition that kafkajs chooses, today and in its version 1', () => {
  const partitionMetadata = (count: number) =>
    Array.from({ length: count }, (_, partitionId) => ({
      partitionErrorCode: 0,
      partitionId,
      leader: 0,
      replicas: [],
      isr: [],
    }))
  for (const name of ['DefaultPartitioner', 'LegacyPartitioner'] as const) {
    const own = ours.Partitioners[name]()
    const original = theirs.Partitioners[name]()
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
        fc.integer({ min: 1, max: 50 }),
        (key, count) => {
          const args = {
            topic: 't',
            partitionMetadata: partitionMetadata(count),
            message: { key, value: null },
          }
          assert.equal(own(args), original(args))
        },
      ),
    )
    const named = { key: 'a', value: null, partition: 3 }
    assert.equal(own({ topic: 't', partitionMetadata: [], message: named }), 3)
    const withoutKey = Array.from({ length: 8 }, () =>
      own({ topic: 't', partitionMetadata: partitionMetadata(4), message: { value: null } }),
    )
    assert.deepEqual([...withoutKey].slice(0, 4).sort(), [0, 1, 2, 3])
    assert.deepEqual(withoutKey.slice(4), withoutKey.slice(0, 4))
  }
})

test('error types of brokers are those of kafkajs, number by number', async (context) => {
  const { errorCodes } = require('kafkajs/src/protocol/error') as {
    errorCodes: { type: string; code: number; retriable: boolean }[]
  }
  const cluster = await startCluster({ topics: { t: 1 } })
  context.after(() => cluster.close())
  const kafka = new ours.Kafka({ brokers: [...cluster.brokers], logLevel: ours.logLevel.NOTHING })
  const producer = kafka.producer({ idempotent: false, retry: { retries: 0 } })
  await producer.connect()
  context.after(() => producer.disconnect())
  // 46 says that the batch is there already.
  const known = errorCodes.filter(({ code }) => code !== 0 && code !== 46)
  for (const { type, code } of known) {
    const fault = cluster.fault({ api: 'Produce', error: code, count: Number.POSITIVE_INFINITY })
    const error = await producer.send({ topic: 't', messages: [{ value: 'x' }] }).then(
      () => assert.fail(`error ${code} was not thrown`),
      (thrown) => thrown as Error & { type?: string; cause?: { type?: string } },
    )
    fault.remove()
    const thrown = error.type ?? error.cause?.type ?? error.name
    const special: Record<string, string> = {
      KafkaJSSASLAuthenticationError: thrown,
      KafkaJSServerDoesNotSupportApiKey: thrown,
    }
    assert.equal(thrown, special[thrown] ?? type)
  }
})

test('consumer and admin are those of kafkajs', async () => {
  const kafka = new ours.Kafka({ brokers: ['127.0.0.1:1'], logLevel: ours.logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: 'g' })
  assert.equal(consumer.events.GROUP_JOIN, 'consumer.group_join')
  assert.equal(kafka.admin().events.CONNECT, 'admin.connect')
  assert.equal(
    ours.PartitionAssigners.roundRobin,
    (theirs as typeof import('kafkajs')).PartitionAssigners.roundRobin,
  )
})

test('send resolves with the partitions in the order of kafkajs', async (context) => {
  const cluster = await startCluster({ topics: { a: 4, b: 3 }, versions: '3.9' })
  context.after(() => cluster.close())
  const to = (...partitions: number[]) =>
    partitions.map((partition) => ({ value: `${partition}`, partition }))
  const topicMessages = () => [
    { topic: 'b', messages: to(2, 0) },
    { topic: 'a', messages: to(3, 1, 3, 2) },
    { topic: 'b', messages: to(1, 2) },
  ]
  const results: unknown[] = []
  for (const library of [theirs, ours] as (typeof theirs)[]) {
    const kafka = new library.Kafka({ brokers: [...cluster.brokers], logLevel: 0 })
    const producer = kafka.producer({ createPartitioner: library.Partitioners.DefaultPartitioner })
    await producer.connect()
    const written = await producer.sendBatch({ topicMessages: topicMessages() })
    results.push(written.map(({ topicName, partition }) => `${topicName} ${partition}`))
    await producer.disconnect()
  }
  assert.deepEqual(results[0], ['b 0', 'b 1', 'b 2', 'a 1', 'a 2', 'a 3'])
  assert.deepEqual(results[1], results[0])
})

test('connect() and disconnect() have the events and log levels of kafkajs', async (context) => {
  const cluster = await startCluster({ topics: { t: 1 }, versions: '3.9' })
  context.after(() => cluster.close())
  const results: unknown[] = []
  for (const library of [theirs, ours] as (typeof theirs)[]) {
    const events: string[] = []
    const errors: string[] = []
    const client = (brokers: readonly string[]) =>
      new library.Kafka({
        brokers: [...brokers],
        retry: { retries: 1, initialRetryTime: 1 },
        logLevel: library.logLevel.ERROR,
        logCreator:
          () =>
          ({ label }) =>
            errors.push(label),
      })
    const createPartitioner = library.Partitioners.DefaultPartitioner
    const producer = client(cluster.brokers).producer({ createPartitioner })
    producer.on(producer.events.CONNECT, () => events.push('connect'))
    producer.on(producer.events.DISCONNECT, () => events.push('disconnect'))
    await producer.disconnect()
    await producer.connect()
    await producer.connect()
    await producer.disconnect()
    await producer.disconnect()
    await assert.rejects(client(['127.0.0.1:1']).producer({ createPartitioner }).connect())
    results.push({ events, labels: [...new Set(errors)] })
  }
  assert.deepEqual(results[1], results[0])
  assert.deepEqual(results[0], {
    events: ['disconnect', 'connect', 'connect', 'disconnect', 'disconnect'],
    labels: ['ERROR'],
  })
})
