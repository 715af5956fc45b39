import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MetadataRequest } from '../../src/protocol/api/03-metadata.ts'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { type FakeBroker, topicIdOf, World } from './cluster-fixture.ts'

const topicsAsked = (broker: FakeBroker): string[][] =>
  broker.requests
    .filter((request) => request.api === 'Metadata')
    .map((request) =>
      ((request.body as MetadataRequest).topics ?? []).map(({ name }) => name ?? ''),
    )

test('the first request connects, and reports leaders, epochs and the topic id', async () => {
  const world = await World.make({ nodes: 2 })
  world.topic('orders', 1, 2, 1)
  world.cluster.refreshTopic('orders', 'unknown')
  assert.equal(world.recorded.log.length, 0, 'no event is sent inside the call')
  await world.untilTopic('orders')
  assert.deepEqual(world.view('orders'), {
    name: 'orders',
    topicId: topicIdOf(7),
    partitions: [
      { leaderId: 1, leaderEpoch: 1 },
      { leaderId: 2, leaderEpoch: 1 },
      { leaderId: 1, leaderEpoch: 1 },
    ],
  })
  assert.equal(world.cluster.metadataError, null)
  assert.equal(world.cluster.clusterId, 'fake')
  assert.equal(world.cluster.link(2)?.name, 'n2:9092 (node 2)')
  assert.equal(world.cluster.link(3), undefined)
  world.cluster.close()
})

test('topics of one turn share a request, and those during a request the next one', async () => {
  const world = await World.make()
  for (const name of ['a', 'b', 'c', 'd']) world.topic(name, 1)
  world.cluster.refreshTopic('a', 'unknown')
  world.cluster.refreshTopic('b', 'unknown')
  world.cluster.refreshTopic('a', 'unknown')
  const broker = world.broker(1)
  await world.clock.runUntil(() => broker.count('Metadata') === 1, 1000)
  world.cluster.refreshTopic('c', 'unknown')
  world.cluster.refreshTopic('d', 'unknown')
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('d')
  await world.clock.advance(10_000)
  assert.deepEqual(topicsAsked(broker), [
    ['a', 'b'],
    ['c', 'd'],
  ])
  assert.equal(world.cluster.counters.metadataRequests, 2)
  world.cluster.close()
})

test('a refresh requested during a request is served by a later response', async () => {
  const world = await World.make()
  const topic = world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  const broker = world.broker(1)
  await world.clock.runUntil(() => broker.count('Metadata') === 1, 1000)
  world.cluster.refreshTopic('a', 'stale')
  topic.partitions[0] = { leader: 1, epoch: 2 }
  await world.untilTopic('a', 2)
  assert.deepEqual(world.view('a').partitions, [{ leaderId: 1, leaderEpoch: 2 }])
  world.cluster.close()
})

test('a new topic does not wait for the backoff of topics that are requested again', async () => {
  const world = await World.make()
  world.topic('b', 1)
  world.cluster.refreshTopic('missing', 'unknown')
  await world.clock.advance(5000)
  const startedAtMs = world.clock.now()
  world.cluster.refreshTopic('b', 'unknown')
  await world.untilTopic('b')
  assert.ok(world.clock.now() - startedAtMs < 10)
  world.cluster.close()
})

test('a topic that is dropped and requested again repeatedly waits for the backoff', async () => {
  const world = await World.make()
  world.topic('secret', 1).error = 29
  world.recorded.react.onTopicFailed = () => world.cluster.refreshTopic('secret', 'unknown')
  world.cluster.refreshTopic('secret', 'unknown')
  await world.clock.advance(60_000)
  assert.ok(world.count('Metadata') < 90, `${world.count('Metadata')} requests`)
  world.cluster.close()
})

test('topics in use are refreshed when they are old, and only those', async () => {
  const world = await World.make()
  for (const name of ['a', 'b', 'c']) world.topic(name, 1)
  for (const name of ['a', 'b', 'c']) world.cluster.refreshTopic(name, 'unknown')
  await world.untilTopic('c')
  world.cluster.forgetTopic('b')
  const startedAtMs = world.clock.now()
  await world.untilTopic('a', 2, 400_000)
  assert.ok(Math.abs(world.clock.now() - startedAtMs - 300_000) < 100)
  assert.deepEqual(topicsAsked(world.broker(1)).at(-1), ['a', 'c'])
  world.cluster.close()
})

test('an unknown topic is reported each time, with a growing backoff, until found', async () => {
  const world = await World.make()
  world.keepRequesting()
  world.cluster.refreshTopic('late', 'unknown')
  await world.clock.advance(5000)
  const failures = world.recorded.of('onTopicFailed')
  assert.ok(failures.length >= 5 && failures.length <= 12, `${failures.length} reports`)
  for (const [topic, error, final] of failures) {
    assert.equal(topic, 'late')
    assert.equal(error.code, 'UNKNOWN_TOPIC')
    assert.equal(error.topic, 'late')
    assert.equal(error.persisted, 'no')
    assert.equal(final, false)
  }
  const times = world.recorded.log
    .filter(({ what }) => what === 'onTopicFailed')
    .map(({ atMs }) => atMs)
  const gaps = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0))
  assert.ok((gaps[0] ?? 0) < 130, 'the first retry comes soon')
  assert.ok(gaps.every((gap) => gap <= 1010))
  assert.ok((gaps.at(-1) ?? 0) > 600)
  world.topic('late', 1)
  await world.untilTopic('late')
  const requestCount = world.count('Metadata')
  await world.clock.advance(60_000)
  assert.equal(
    world.count('Metadata'),
    requestCount,
    'a topic that was found is not requested again',
  )
  world.cluster.close()
})

test('a topic without a leader is requested until it has one, and delays no other', async () => {
  const world = await World.make({ nodes: 2 })
  world.keepRequesting()
  const topic = world.topic('a', 1, 2)
  world.topic('b', 1)
  topic.partitions[1] = { leader: -1, epoch: 4, error: 5 }
  world.cluster.refreshTopic('a', 'unknown')
  world.cluster.refreshTopic('b', 'unknown')
  await world.untilTopic('a')
  assert.deepEqual(world.leaders('a'), [1, -1])
  assert.equal(world.view('a').partitions[1]?.leaderEpoch, 4)
  topic.partitions[1] = { leader: 2, epoch: 5 }
  await world.untilTopic('a', 2, 1000)
  assert.deepEqual(world.leaders('a'), [1, 2])
  assert.equal(world.recorded.of('onTopic').filter(([{ name }]) => name === 'b').length, 1)
  world.cluster.close()
})

test('a leader that is not listed as a node counts as none until newer metadata', async () => {
  const world = await World.make({ nodes: 1 })
  world.keepRequesting()
  world.topic('a', 9)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  assert.deepEqual(world.leaders('a'), [-1])
  await world.startBroker(9, { host: 'n9', port: 9092 })
  await world.untilTopic('a', 2, 1000)
  assert.deepEqual(world.leaders('a'), [9])
  world.cluster.close()
})

test('a missing authorization and an invalid name end the requests for a topic', async () => {
  const world = await World.make()
  world.topic('secret', 1).error = 29
  world.topic('bad name', 1).error = 17
  world.cluster.refreshTopic('secret', 'unknown')
  world.cluster.refreshTopic('bad name', 'unknown')
  await world.clock.advance(60_000)
  const failures = world.recorded.of('onTopicFailed')
  assert.deepEqual(
    failures.map(([topic, { code, brokerError }, final]) => [topic, code, brokerError, final]),
    [
      ['secret', 'AUTHORIZATION_FAILED', 'TOPIC_AUTHORIZATION_FAILED', true],
      ['bad name', 'BROKER_REJECTED', 'INVALID_TOPIC_EXCEPTION', true],
    ],
  )
  assert.equal(world.count('Metadata'), 1)
  world.cluster.close()
})

test('a topic that was removed while its metadata was requested is not reported', async () => {
  const world = await World.make()
  world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  await world.clock.runUntil(() => world.count('Metadata') === 1, 1000)
  world.cluster.forgetTopic('a')
  await world.clock.advance(10_000)
  assert.deepEqual(world.recorded.of('onTopic'), [])
  assert.equal(world.count('Metadata'), 1)
  world.cluster.close()
})

test('the request says whether topics may be created', async () => {
  for (const allowAutoTopicCreation of [true, false]) {
    const world = await World.make({ options: { allowAutoTopicCreation } })
    world.topic('a', 1)
    world.cluster.refreshTopic('a', 'unknown')
    await world.untilTopic('a')
    const [request] = world.broker(1).requests.filter(({ api }) => api === 'Metadata')
    const body = request?.body as MetadataRequest
    assert.equal(body.allowAutoTopicCreation, allowAutoTopicCreation)
    world.cluster.close()
  }
})

test('a partition never goes back to an older leader epoch', async () => {
  const world = await World.make({ nodes: 3 })
  const topic = world.topic('a', 1, 1)
  topic.partitions[0] = { leader: 2, epoch: 5 }
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  topic.partitions = [
    { leader: 3, epoch: 4 },
    { leader: 3, epoch: 2 },
  ]
  world.cluster.refreshTopic('a', 'stale')
  await world.untilTopic('a', 2)
  assert.deepEqual(world.view('a').partitions, [
    { leaderId: 2, leaderEpoch: 5 },
    { leaderId: 3, leaderEpoch: 2 },
  ])
  world.cluster.close()
})

/** Requests metadata as an engine does whose batch each leader but `leader` rejects. */
const rejectAllBut = (world: World, leader: number): void => {
  world.recorded.react = {
    onTopic: ({ name, partitions: [partition] }) => {
      if (partition?.leaderId === leader) return
      world.clock.setTimer(100, () => world.cluster.refreshTopic(name, 'stale', 0))
    },
  }
}

test('a leader epoch that is too high is corrected within seconds', async () => {
  const world = await World.make({ nodes: 3 })
  const topic = world.topic('a', 1)
  topic.partitions[0] = { leader: 2, epoch: 2 ** 31 - 1 }
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  topic.partitions[0] = { leader: 3, epoch: 4 }
  rejectAllBut(world, 3)
  world.cluster.refreshTopic('a', 'stale', 0)
  await world.clock.runUntil(() => world.leaders('a')[0] === 3, 10_000)
  assert.deepEqual(world.view('a').partitions, [{ leaderId: 3, leaderEpoch: 4 }])
  world.cluster.close()
})

test('two brokers with old metadata that name each other get few requests', async () => {
  const world = await World.make({ nodes: 3 })
  const topic = world.topic('a', 1)
  topic.partitions[0] = { leader: 3, epoch: 7 }
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  for (const nodeId of [1, 2, 3]) {
    const broker = world.broker(nodeId)
    broker.respond = (request) => {
      if (request.api !== 'Metadata') return undefined
      topic.partitions[0] = nodeId === 1 ? { leader: 2, epoch: 5 } : { leader: 1, epoch: 4 }
      return broker.metadata(request)
    }
  }
  rejectAllBut(world, -1)
  world.cluster.refreshTopic('a', 'stale', 0)
  const before = world.count('Metadata')
  await world.clock.advance(60_000)
  assert.ok(world.count('Metadata') - before < 80, `${world.count('Metadata') - before} requests`)
  const leaders = world.recorded.of('onTopic').map(([{ partitions }]) => partitions[0]!.leaderId)
  const changes = leaders.filter((leader, index) => index > 0 && leader !== leaders[index - 1])
  assert.ok(changes.length > 0 && changes.length < 30, `${changes.length} changes`)
  world.cluster.close()
})

test('a topic that was deleted and made again is taken as it is, whatever its epochs', async () => {
  const world = await World.make({ nodes: 2 })
  const topic = world.topic('a', 1, 1)
  topic.partitions[0] = { leader: 1, epoch: 9 }
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  topic.id = 8
  topic.partitions = [{ leader: 2, epoch: 0 }]
  world.cluster.refreshTopic('a', 'stale')
  await world.untilTopic('a', 2)
  assert.deepEqual(world.view('a').partitions, [{ leaderId: 2, leaderEpoch: 0 }])
  assert.deepEqual(world.view('a').topicId, topicIdOf(8))
  world.cluster.close()
})

test('a response from before partitions were added does not take them away', async () => {
  const world = await World.make()
  const topic = world.topic('a', 1, 1)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  topic.partitions = [{ leader: 1, epoch: 1 }]
  world.cluster.refreshTopic('a', 'stale')
  await world.untilTopic('a', 2)
  assert.equal(world.view('a').partitions.length, 2)
  world.cluster.close()
})

test('topic ids are zero below version 10, and a broker without them takes none away', async () => {
  const world = await World.make()
  world.topic('a', 1)
  const broker = world.broker(1)
  broker.versions.set(metadataApi.key, 9)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  assert.deepEqual(world.view('a').topicId, new Uint8Array(16))
  broker.versions.set(metadataApi.key, 12)
  broker.closeStreams()
  world.cluster.refreshTopic('a', 'stale')
  await world.untilTopic('a', 2)
  assert.deepEqual(world.view('a').topicId, topicIdOf(7))
  broker.versions.set(metadataApi.key, 8)
  broker.closeStreams()
  world.cluster.refreshTopic('a', 'stale')
  await world.untilTopic('a', 3)
  assert.deepEqual(world.view('a').topicId, topicIdOf(7))
  world.cluster.close()
})

test('a leader hint is applied where its epoch is newer, and only there', async () => {
  const world = await World.make({ nodes: 2 })
  world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  const hint = { topic: 'a', partition: 0, leaderId: 2, leaderEpoch: 2, endpoint: null }
  world.cluster.applyLeaderHint(hint)
  assert.equal(world.recorded.of('onTopic').length, 1, 'no event is sent inside the call')
  await world.untilTopic('a', 2)
  assert.deepEqual(world.view('a').partitions, [{ leaderId: 2, leaderEpoch: 2 }])
  world.cluster.applyLeaderHint({ ...hint, leaderId: 1 })
  world.cluster.applyLeaderHint({ ...hint, topic: 'b', leaderEpoch: 9 })
  world.cluster.applyLeaderHint({ ...hint, partition: 5, leaderEpoch: 9 })
  await world.clock.advance(10_000)
  assert.equal(world.recorded.of('onTopic').length, 2)
  assert.equal(world.count('Metadata'), 1)
  world.cluster.close()
})

test('a leader hint may name a node that is not known yet', async () => {
  const world = await World.make({ nodes: 1 })
  world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  const hint = { topic: 'a', partition: 0, leaderId: 5, leaderEpoch: 2 }
  await world.startBroker(5, { host: 'n5', port: 9092 })
  world.cluster.applyLeaderHint({ ...hint, endpoint: { host: 'n5', port: 9092 } })
  await world.untilTopic('a', 2)
  assert.deepEqual(world.leaders('a'), [5])
  await world.untilReady(5)
  assert.equal(world.count('Metadata'), 1)
  world.cluster.close()
})

test('a leader hint with an unknown node is ignored, and metadata is requested', async () => {
  const world = await World.make({ nodes: 1 })
  world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  world.cluster.applyLeaderHint({
    topic: 'a',
    partition: 0,
    leaderId: 5,
    leaderEpoch: 2,
    endpoint: null,
  })
  await world.untilTopic('a', 2)
  assert.deepEqual(world.leaders('a'), [1])
  assert.equal(world.count('Metadata'), 2)
  world.cluster.close()
})

test('metadata goes to the ready broker with the least in flight', async () => {
  const world = await World.make({ nodes: 2 })
  world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  await world.untilReady(1)
  await world.untilReady(2)
  world.broker(1).respond = (request) => (request.api === 'Produce' ? 'nothing' : undefined)
  world.cluster.link(1)?.produce({
    version: 9,
    chunks: [emptyProduce],
    expectsResponse: true,
    onResponse: () => {},
    onFailure: () => {},
  })
  const before = world.broker(2).count('Metadata')
  world.cluster.refreshTopic('a', 'stale')
  await world.untilTopic('a', 2)
  assert.equal(world.broker(2).count('Metadata'), before + 1)
  world.cluster.close()
})

/** The body of a flexible Produce request without topics: no transactional id, acks -1, 1 s. */
const emptyProduce = new Uint8Array([0, 0xff, 0xff, 0, 0, 3, 0xe8, 1, 0])
