// The admin against the in-process cluster: topics are made, listed and described as the cluster
// has them, and what can't be done is said with its reason.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admin, KafkaError } from '../../src/index.ts'
import { startCluster, type TestCluster } from '../../src/testing.ts'

const withAdmin = async (
  body: (admin: Admin, cluster: TestCluster) => Promise<void>,
  options: Parameters<typeof startCluster>[0] = {},
): Promise<void> => {
  await using cluster = await startCluster({ nodes: 3, ...options })
  await using admin = new Admin({ brokers: cluster.brokers })
  await body(admin, cluster)
}

const errorOf = async (promise: Promise<unknown>): Promise<KafkaError> => {
  const error = await promise.then(
    () => assert.fail('it did not reject'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof KafkaError, String(error))
  return error
}

test('a topic is created with the requested settings, and listed by name', () =>
  withAdmin(async (admin, cluster) => {
    assert.deepEqual(await admin.listTopics(), [])
    const made = await admin.createTopic({ name: 'orders', partitions: 4, replicationFactor: 2 })
    assert.deepEqual(made, { name: 'orders', partitions: 4, replicationFactor: 2 })
    await admin.createTopic({ name: 'audit' })
    assert.deepEqual(cluster.topics.toSorted(), ['audit', 'orders'])
    assert.deepEqual(await admin.listTopics(), [
      { name: 'audit', partitions: 1, replicationFactor: 3, internal: false },
      { name: 'orders', partitions: 4, replicationFactor: 2, internal: false },
    ])
  }))

test('a description names leaders, replicas and the settings of the topic itself', () =>
  withAdmin(async (admin, cluster) => {
    const config = { 'max.message.bytes': '2000' }
    await admin.createTopic({ name: 'orders', partitions: 2, config })
    cluster.moveLeader('orders', 1, 3)
    const topic = await admin.describeTopic('orders')
    assert.equal(topic.topicId.length, 22)
    assert.deepEqual(topic.partitionList[1], {
      partition: 1,
      leaderId: 3,
      leaderEpoch: 1,
      replicas: [2, 3, 1],
      inSyncReplicas: [2, 3, 1],
      offlineReplicas: [],
    })
    const own = topic.settings.filter(({ source }) => source === 'topic')
    assert.deepEqual(own, [{ name: 'max.message.bytes', value: '2000', source: 'topic' }])
    assert.ok(topic.settings.some(({ source }) => source === 'default'))
  }))

test('describing a topic never creates it: UNKNOWN_TOPIC names it', () =>
  withAdmin(async (admin, cluster) => {
    const error = await errorOf(admin.describeTopic('missing'))
    assert.equal(error.code, 'UNKNOWN_TOPIC')
    assert.equal(error.topic, 'missing')
    assert.deepEqual(cluster.topics, [])
  }))

test('a rejection has the broker’s name of the error and its message', () =>
  withAdmin(
    async (admin) => {
      const exists = await errorOf(admin.createTopic({ name: 'orders' }))
      assert.equal(exists.brokerError, 'TOPIC_ALREADY_EXISTS')
      const tooMany = await errorOf(admin.createTopic({ name: 'more', replicationFactor: 9 }))
      assert.equal(tooMany.brokerError, 'INVALID_REPLICATION_FACTOR')
      assert.equal(tooMany.topic, 'more')
    },
    { topics: { orders: 1 } },
  ))

test('a controller that has moved is found again', () =>
  withAdmin(async (admin, cluster) => {
    const fault = cluster.fault({ api: 'CreateTopics', error: 'NOT_CONTROLLER', count: 2 })
    await admin.createTopic({ name: 'orders' })
    assert.equal(fault.hits, 2)
    assert.deepEqual(cluster.topics, ['orders'])
  }))

test('a broker that fails is skipped while another one responds', () =>
  withAdmin(
    async (admin, cluster) => {
      const fault = cluster.fault({ api: 'Metadata', close: true, count: 2 })
      assert.equal((await admin.listTopics()).length, 1)
      assert.equal(fault.hits, 2)
    },
    { topics: { orders: 1 } },
  ))

test('the error names each address that was tried when no broker responds', async () => {
  await using admin = new Admin({ brokers: '127.0.0.1:1,127.0.0.1:2' })
  const error = await errorOf(admin.listTopics())
  assert.equal(error.code, 'CONNECTION_FAILED')
  assert.match(error.message, /127\.0\.0\.1:1 .*127\.0\.0\.1:2 |127\.0\.0\.1:2 .*127\.0\.0\.1:1 /)
})

test('a call ends with its time limit, its signal, or the admin', () =>
  withAdmin(async (admin, cluster) => {
    cluster.fault({ api: 'Metadata', drop: true, count: Number.POSITIVE_INFINITY })
    const late = await errorOf(admin.listTopics({ timeoutMs: 20 }))
    assert.equal(late.code, 'TIMEOUT')
    assert.match(late.message, /listTopics: not done within 20 ms/)
    const aborted = new AbortController()
    const call = errorOf(admin.listTopics({ signal: aborted.signal }))
    aborted.abort()
    assert.equal((await call).code, 'ABORTED')
    assert.equal((await errorOf(admin.listTopics({ signal: aborted.signal }))).code, 'ABORTED')
    const open = errorOf(admin.listTopics())
    await admin.close()
    assert.equal((await open).code, 'CLOSED')
    assert.equal((await errorOf(admin.listTopics())).code, 'CLOSED')
  }))

test('the options of an admin are checked as those of a producer', () => {
  assert.throws(() => new Admin({ brokers: 'x:1', acks: 7 } as never), { code: 'INVALID_OPTION' })
})

test('an admin authenticates as a producer does', async () => {
  const sasl = { mechanism: 'SCRAM-SHA-512', username: 'alice', password: 'geheim' } as const
  await using cluster = await startCluster({
    sasl: { mechanisms: ['SCRAM-SHA-512'], users: { alice: 'geheim' } },
  })
  await using admin = new Admin({ brokers: cluster.brokers, sasl })
  await admin.createTopic({ name: 'orders' })
  assert.deepEqual(cluster.topics, ['orders'])
  const withWrongPassword = new Admin({
    brokers: cluster.brokers,
    sasl: { ...sasl, password: 'no' },
  })
  assert.equal((await errorOf(withWrongPassword.listTopics())).code, 'AUTHENTICATION_FAILED')
  await withWrongPassword.close()
})
