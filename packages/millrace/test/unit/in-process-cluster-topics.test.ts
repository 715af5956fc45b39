// Topics, leaders and nodes of the in-process cluster, as metadata and a test see them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchApi } from '../../src/protocol/api/01-fetch.ts'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { createTopicsApi } from '../../src/protocol/api/19-create-topics.ts'
import { deleteTopicsApi } from '../../src/protocol/api/20-delete-topics.ts'
import { describeConfigsApi } from '../../src/protocol/api/32-describe-configs.ts'
import { describeClusterApi } from '../../src/protocol/api/60-describe-cluster.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { batchOf, onStage, produce, type RawClient, type Stage } from './in-process-cluster-kit.ts'

const describe = async ({ run }: Stage, client: RawClient, name: string, create = true) => {
  const response = await run(
    client.request(metadataApi, 12, { topics: [{ name }], allowAutoTopicCreation: create }),
  )
  return response.topics[0]!
}

test('metadata names nodes, controller, topic id, leaders, epochs and replicas', () =>
  onStage({ nodes: 3, topics: { orders: 6 } }, async ({ cluster, connect, run }) => {
    const response = await run(connect(2).request(metadataApi, 12, { topics: null }))
    assert.deepEqual(
      response.brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]),
      cluster.brokers.map((address, index) => [index + 1, address]),
    )
    assert.equal(response.controllerId, 1)
    const topic = response.topics[0]!
    assert.equal(topic.name, 'orders')
    assert.ok(topic.topicId.some((byte) => byte !== 0))
    assert.deepEqual(
      topic.partitions.map(({ leaderId }) => leaderId),
      [1, 2, 3, 1, 2, 3],
    )
    const { leaderEpoch, replicaNodes, isrNodes } = topic.partitions[1]!
    assert.deepEqual([leaderEpoch, replicaNodes, isrNodes], [0, [2, 3, 1], [2, 3, 1]])
  }))

test('no topics means none, and in version 0 all', () =>
  onStage({ topics: { a: 1, b: 1 } }, async ({ connect, run }) => {
    const client = connect()
    const none = await run(client.request(metadataApi, 9, { topics: [] }))
    assert.equal(none.topics.length, 0)
    const all = await run(client.request(metadataApi, 0, { topics: [] }))
    assert.deepEqual(
      all.topics.map(({ name }) => name),
      ['a', 'b'],
    )
  }))

test('a requested topic is created if request and cluster allow it', () =>
  onStage({ defaultPartitions: 4 }, async (stage) => {
    const client = stage.connect()
    const rejected = await describe(stage, client, 'new', false)
    assert.equal(rejected.errorCode, errorNumber.UNKNOWN_TOPIC_OR_PARTITION)
    const made = await describe(stage, client, 'new')
    assert.deepEqual([made.errorCode, made.partitions.length], [0, 4])
    const bad = await describe(stage, client, 'no spaces')
    assert.equal(bad.errorCode, errorNumber.INVALID_TOPIC_EXCEPTION)
  }))

test('without autoCreateTopics a topic is not created', () =>
  onStage({ autoCreateTopics: false }, async (stage) => {
    const topic = await describe(stage, stage.connect(), 'new')
    assert.equal(topic.errorCode, errorNumber.UNKNOWN_TOPIC_OR_PARTITION)
    assert.deepEqual(stage.cluster.topics, [])
  }))

test('with electionMs a new topic has no leader until the election has ended', () =>
  onStage({ electionMs: 200 }, async (stage) => {
    const client = stage.connect()
    const first = await describe(stage, client, 'new')
    assert.equal(first.errorCode, errorNumber.LEADER_NOT_AVAILABLE)
    await stage.clock.advance(199)
    const early = await describe(stage, client, 'new')
    assert.equal(early.errorCode, errorNumber.LEADER_NOT_AVAILABLE)
    await stage.clock.advance(1)
    const ready = await describe(stage, client, 'new')
    assert.deepEqual([ready.errorCode, ready.partitions[0]?.leaderId], [0, 1])
  }))

test('a topic can be requested by its id until it is deleted', () =>
  onStage({ topics: { orders: 1 } }, async (stage) => {
    const client = stage.connect()
    const { topicId } = await describe(stage, client, 'orders')
    const byId = () =>
      stage.run(client.request(metadataApi, 12, { topics: [{ topicId, name: null }] }))
    assert.equal((await byId()).topics[0]?.name, 'orders')
    stage.cluster.deleteTopic('orders')
    assert.equal((await byId()).topics[0]?.errorCode, errorNumber.UNKNOWN_TOPIC_ID)
  }))

test('a topic created again under its name has another id and an empty log', () =>
  onStage({ topics: { orders: 1 } }, async (stage) => {
    const client = stage.connect()
    const before = await describe(stage, client, 'orders')
    await stage.run(produce(client, 'orders', 0, batchOf(3)))
    stage.cluster.deleteTopic('orders')
    stage.cluster.createTopic('orders', 2)
    const after = await describe(stage, client, 'orders')
    assert.notDeepEqual([...after.topicId], [...before.topicId])
    assert.deepEqual([after.partitions.length, stage.cluster.records('orders')], [2, []])
  }))

test('moveLeader changes leader and epoch, and the old leader rejects requests', () =>
  onStage({ nodes: 2, topics: { orders: 1 } }, async ({ cluster, connect, run }) => {
    const client = connect(1)
    assert.equal((await run(produce(client, 'orders', 0, batchOf(1)))).errorCode, 0)
    cluster.moveLeader('orders', 0, 2)
    const { leader, leaderEpoch } = cluster.partitions('orders')[0]!
    assert.deepEqual([leader, leaderEpoch], [2, 1])
    const rejected = await run(produce(client, 'orders', 0, batchOf(1)))
    assert.equal(rejected.errorCode, errorNumber.NOT_LEADER_OR_FOLLOWER)
    assert.equal((await run(produce(connect(2), 'orders', 0, batchOf(1)))).baseOffset, 1)
  }))

test('a node that stops loses its connections and leaderships, not what was written', () =>
  onStage({ nodes: 3, topics: { orders: 3 } }, async (stage) => {
    const { cluster, connect, run } = stage
    const client = connect(1)
    await run(produce(client, 'orders', 0, batchOf(2)))
    await run(cluster.node(1).stop())
    await run(client.closed)
    assert.deepEqual(
      cluster.partitions('orders').map(({ leader }) => leader),
      [2, 2, 3],
    )
    assert.equal((await run(produce(connect(2), 'orders', 0, batchOf(1)))).baseOffset, 2)
    const { isrNodes, offlineReplicas } = (await describe(stage, connect(2), 'orders'))
      .partitions[0]!
    assert.deepEqual([isrNodes, offlineReplicas], [[2, 3], [1]])
  }))

test('a partition has no leader while the node of its only replica is stopped', () =>
  onStage({ nodes: 2, replicationFactor: 1, topics: { orders: 2 } }, async (stage) => {
    const { cluster, connect, run } = stage
    await run(cluster.node(1).stop())
    const { partitions } = await describe(stage, connect(2), 'orders')
    assert.deepEqual(
      [partitions[0]?.errorCode, partitions[0]?.leaderId],
      [errorNumber.LEADER_NOT_AVAILABLE, -1],
    )
    await run(cluster.node(1).start())
    assert.equal(cluster.partitions('orders')[0]?.leader, 1)
    assert.equal((await run(produce(connect(1), 'orders', 0, batchOf(1)))).errorCode, 0)
  }))

test('a node comes back at its port, or at another one that metadata then names', () =>
  onStage({ nodes: 2 }, async ({ cluster, connect, run }) => {
    const before = cluster.node(2).address
    await run(cluster.node(2).stop())
    await run(cluster.node(2).start())
    assert.equal(cluster.node(2).address, before)
    await run(cluster.node(2).stop())
    await run(cluster.node(2).start({ port: 31_234 }))
    const { brokers } = await run(connect(2).request(metadataApi, 9, { topics: [] }))
    assert.equal(brokers[1]?.port, 31_234)
  }))

test('a black hole sends no response, and handles the requests once it ends', () =>
  onStage({ topics: { orders: 1 } }, async ({ cluster, connect, run, clock }) => {
    const client = connect()
    await run(produce(client, 'orders', 0, batchOf(1)))
    cluster.node(1).blackHole(true)
    const stuck = produce(client, 'orders', 0, batchOf(1))
    const later = connect()
    const fresh = produce(later, 'orders', 0, batchOf(1))
    await clock.advance(60_000)
    assert.deepEqual([client.waiting, later.waiting, cluster.records('orders').length], [1, 1, 1])
    cluster.node(1).blackHole(false)
    await run(Promise.all([stuck, fresh]))
    assert.equal(cluster.records('orders').length, 3)
  }))

test('what falls due while a node is a black hole comes when it ends', () =>
  onStage({ topics: { orders: 1 } }, async ({ cluster, connect, run, clock }) => {
    const reader = connect()
    const fetch = reader.request(fetchApi, 11, {
      maxWaitMs: 100,
      minBytes: 1,
      topics: [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0 }] }],
    })
    cluster.fault({ api: 'Produce', delayMs: 200 })
    const writer = connect()
    const write = produce(writer, 'orders', 0, batchOf(1))
    await clock.advance(50)
    cluster.node(1).blackHole(true)
    await clock.advance(1000)
    assert.deepEqual([reader.waiting, writer.waiting], [1, 1])
    assert.equal(cluster.records('orders').length, 0)
    cluster.node(1).blackHole(false)
    await run(Promise.all([fetch, write]))
    assert.equal(cluster.records('orders').length, 1)
  }))

test('CreateTopics creates topics, and has an error for each that is wrong', () =>
  onStage({ nodes: 2, topics: { taken: 1 } }, async ({ cluster, connect, run }) => {
    const client = connect()
    const create = (topic: object, validateOnly = false) =>
      run(client.request(createTopicsApi, 7, { topics: [topic], validateOnly })).then(
        (response) => response.topics[0]!,
      )
    const counts = { numPartitions: 3, replicationFactor: 2 }
    const made = await create({ name: 'a', ...counts })
    assert.deepEqual([made.errorCode, made.numPartitions, made.replicationFactor], [0, 3, 2])
    assert.equal(cluster.partitions('a').length, 3)
    const codeFor = async (topic: object) => (await create(topic)).errorCode
    assert.equal(await codeFor({ name: 'taken', ...counts }), errorNumber.TOPIC_ALREADY_EXISTS)
    assert.equal(await codeFor({ name: 'a b', ...counts }), errorNumber.INVALID_TOPIC_EXCEPTION)
    const none = { numPartitions: 0, replicationFactor: 1 }
    assert.equal(await codeFor({ name: 'b', ...none }), errorNumber.INVALID_PARTITIONS)
    const many = { numPartitions: 1, replicationFactor: 3 }
    assert.equal(await codeFor({ name: 'b', ...many }), errorNumber.INVALID_REPLICATION_FACTOR)
    const configs = [{ name: 'cleanup.policy', value: 'burn' }]
    assert.equal(await codeFor({ name: 'b', ...counts, configs }), errorNumber.INVALID_CONFIG)
    assert.equal((await create({ name: 'b', ...counts }, true)).errorCode, 0)
    assert.deepEqual(cluster.topics, ['taken', 'a'])
    const defaults = await create({ name: 'c', numPartitions: -1, replicationFactor: -1 })
    assert.deepEqual([defaults.errorCode, defaults.numPartitions], [0, 1])
  }))

test('an assignment of replicas is taken as it is', () =>
  onStage({ nodes: 3 }, async ({ cluster, connect, run }) => {
    const assignments = [
      { partitionIndex: 0, brokerIds: [3, 1] },
      { partitionIndex: 1, brokerIds: [2] },
    ]
    const topics = [{ name: 'a', numPartitions: -1, replicationFactor: -1, assignments }]
    await run(connect().request(createTopicsApi, 5, { topics }))
    assert.deepEqual(
      cluster.partitions('a').map(({ leader, replicas }) => [leader, replicas]),
      [
        [3, [3, 1]],
        [2, [2]],
      ],
    )
  }))

test('DeleteTopics deletes by name and by id', () =>
  onStage({ topics: { a: 1, b: 1 } }, async (stage) => {
    const { cluster, connect, run } = stage
    const client = connect()
    const { topicId } = await describe(stage, client, 'b')
    const byName = await run(client.request(deleteTopicsApi, 5, { topicNames: ['a', 'x'] }))
    assert.deepEqual(
      byName.responses.map(({ errorCode }) => errorCode),
      [0, errorNumber.UNKNOWN_TOPIC_OR_PARTITION],
    )
    const topics = [{ topicId }, { topicId: Buffer.alloc(16, 9) }]
    const byId = await run(client.request(deleteTopicsApi, 6, { topics }))
    assert.deepEqual(
      byId.responses.map(({ name, errorCode }) => [name, errorCode]),
      [
        ['b', 0],
        [null, errorNumber.UNKNOWN_TOPIC_ID],
      ],
    )
    assert.deepEqual(cluster.topics, [])
  }))

test('DescribeConfigs distinguishes what was set from what is the default', () =>
  onStage(
    { topics: { a: { partitions: 1, config: { 'max.message.bytes': '123' } } } },
    async ({ connect, run }) => {
      const { results } = await run(
        connect().request(describeConfigsApi, 4, {
          resources: [
            { resourceType: 2, resourceName: 'a', configurationKeys: null },
            { resourceType: 2, resourceName: 'x', configurationKeys: null },
          ],
        }),
      )
      const find = (name: string) => results[0]?.configs.find((config) => config.name === name)
      const size = find('max.message.bytes')
      assert.deepEqual([size?.value, size?.configSource], ['123', 1])
      const policy = find('cleanup.policy')
      assert.deepEqual([policy?.value, policy?.configSource], ['delete', 5])
      assert.equal(results[1]?.errorCode, errorNumber.UNKNOWN_TOPIC_OR_PARTITION)
    },
  ))

test('DescribeCluster names the nodes that live', () =>
  onStage({ nodes: 3 }, async ({ cluster, connect, run }) => {
    await run(cluster.node(1).stop())
    const response = await run(connect(2).request(describeClusterApi, 1, {}))
    assert.deepEqual(
      response.brokers.map(({ brokerId }) => brokerId),
      [2, 3],
    )
    assert.equal(response.controllerId, 2)
  }))
