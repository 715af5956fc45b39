// The producer against the profiles of the in-process cluster: what it does where other brokers'
// rules apply.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KafkaError, Producer, type ProducerOptions } from '../../src/index.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { type ClusterProfile, startCluster, type TestCluster } from '../../src/testing.ts'

const topics = { orders: 3 }

const withCluster = async (
  profile: ClusterProfile,
  options: Partial<ProducerOptions>,
  body: (producer: Producer, cluster: TestCluster) => Promise<void>,
): Promise<void> => {
  await using cluster = await startCluster({ profile, topics })
  await using producer = new Producer({
    brokers: cluster.brokers,
    logger: silentLogger,
    ...options,
  })
  await body(producer, cluster)
}

const sendTen = async (producer: Producer): Promise<void> => {
  const value = 'repeat '.repeat(50)
  const records = Array.from({ length: 10 }, (_, index) => ({
    topic: 'orders',
    key: `${index}`,
    value,
  }))
  const { failedIndexes } = await producer.sendBatch(records)
  assert.deepEqual(failedIndexes, [])
}

for (const profile of [
  'event-hubs',
  'event-hubs-premium',
  'msk-serverless',
  'confluent-cloud',
  'redpanda',
] as const) {
  test(`with default options the producer is idempotent on ${profile}`, () =>
    withCluster(profile, {}, async (producer, cluster) => {
      await sendTen(producer)
      assert.equal(cluster.records('orders').length, 10)
      assert.ok(cluster.records('orders').every(({ producerId }) => producerId >= 0))
    }))
}

test('event-hubs-2019 rejects idempotence at once; without it records are sent', async () => {
  await withCluster('event-hubs-2019', {}, async (producer) => {
    const sent = producer.send({ topic: 'orders', value: 'a' })
    await assert.rejects(sent, (error: unknown) => {
      assert.ok(error instanceof KafkaError)
      assert.deepEqual([error.code, error.persisted], ['UNSUPPORTED_VERSION', 'no'], error.message)
      assert.match(`${error.message} ${error.remedy}`, /idempoten/)
      return true
    })
  })
  await withCluster('event-hubs-2019', { idempotent: false }, async (producer, cluster) => {
    await sendTen(producer)
    assert.equal(cluster.records('orders').length, 10)
  })
})

test('a codec that the service does not take fails the record; none of it is written', async () => {
  for (const [profile, compression] of [
    ['event-hubs', 'gzip'],
    ['event-hubs-premium', 'lz4'],
  ] as const) {
    await withCluster(profile, { compression }, async (producer, cluster) => {
      const sent = producer.send({ topic: 'orders', value: 'repeat '.repeat(100) })
      await assert.rejects(sent, { brokerError: 'UNSUPPORTED_FOR_MESSAGE_FORMAT', persisted: 'no' })
      assert.equal(cluster.records('orders').length, 0)
    })
  }
  await withCluster('event-hubs-premium', { compression: 'gzip' }, (producer) => sendTen(producer))
})

test('transactions run on event-hubs-premium and redpanda, in old versions', async () => {
  for (const profile of ['event-hubs-premium', 'redpanda'] as const) {
    await withCluster(profile, { transactionalId: 'billing' }, async (producer, cluster) => {
      await producer.transaction(async (transaction) => {
        await transaction.send({ topic: 'orders', value: 'a' })
      })
      const [view] = cluster.transactions()
      assert.equal(view?.state, 'CompleteCommit', profile)
    })
  }
})

test('event-hubs has no transactions: the error says so at once', () =>
  withCluster('event-hubs', { transactionalId: 'billing' }, async (producer) => {
    const done = producer.transaction((transaction) =>
      transaction.send({ topic: 'orders', value: 'a' }),
    )
    await assert.rejects(done, { message: /does not serve AddPartitionsToTxn/, persisted: 'no' })
  }))

test('with maxRequestBytes below the limit of event-hubs no connection is closed', async () => {
  await using cluster = await startCluster({
    profile: 'event-hubs',
    topics: { orders: 3 },
    produceQuota: {},
  })
  await using producer = new Producer({
    brokers: cluster.brokers,
    logger: silentLogger,
    maxRequestBytes: 1_000_000,
  })
  const value = Buffer.alloc(100_000, 'x')
  const sends = Array.from({ length: 60 }, (_, index) =>
    producer.send({ topic: 'orders', partition: index % 3, value }),
  )
  await Promise.all(sends)
  assert.equal(cluster.records('orders').length, 60)
})
