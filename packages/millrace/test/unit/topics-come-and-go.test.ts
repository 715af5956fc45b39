// Topics that are deleted, created again, never existed, or were used once: nothing creates a topic
// but a record, what is gone is no longer requested, and records for it fail soon, by name.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admin } from '../../src/index.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { startCluster } from '../../src/testing.ts'
import { World } from './cluster-fixture.ts'
import { Bench } from './engine-kit.ts'
import { start } from './engine-transaction-kit.ts'
import { producerFor } from './producer-kit.ts'

const missing = new KafkaError('UNKNOWN_TOPIC', 'no such topic')

/** Each Metadata request: its topics, and whether it lets them be created. */
const requestsOf = (world: World): string[] =>
  world
    .broker(1)
    .requests.filter(({ api }) => api === 'Metadata')
    .map(({ body }) => {
      const { topics, allowAutoTopicCreation } = body as {
        topics: { name: string }[]
        allowAutoTopicCreation: boolean
      }
      return `${allowAutoTopicCreation ? 'create ' : ''}${topics.map(({ name }) => name).join(' ')}`
    })

test('a topic that is unknown and wanted may be created; a refresh creates nothing', async () => {
  const world = await World.make()
  for (const name of ['old', 'new']) world.topic(name, 1)
  world.cluster.refreshTopic('old', 'unknown')
  await world.untilTopic('old')
  world.cluster.refreshTopic('old', 'stale')
  world.cluster.refreshTopic('new', 'unknown')
  await world.clock.advance(5000)
  assert.deepEqual(requestsOf(world), ['create old', 'old', 'create new'])
  await world.clock.advance(300_000)
  assert.equal(requestsOf(world).at(-1), 'old new', 'the refresh by age creates nothing')
  world.cluster.close()
})

test('topics that wait to be created and stale ones are requested in turns', async () => {
  const world = await World.make()
  world.topic('known', 1)
  world.recorded.react = {
    onTopicFailed: (name) => world.cluster.refreshTopic(name, 'unknown'),
    onTopic: ({ name }) => world.cluster.refreshTopic(name, 'stale'),
  }
  world.cluster.refreshTopic('never', 'unknown')
  world.cluster.refreshTopic('known', 'stale')
  await world.clock.advance(20_000)
  const requests = requestsOf(world)
  const creating = requests.filter((text) => text === 'create never').length
  assert.ok(creating >= 5 && requests.length - creating >= 5, requests.join('; '))
  world.cluster.close()
})

test('a topic that does not exist is requested again only when the engine says so', async () => {
  const world = await World.make()
  world.cluster.refreshTopic('typo', 'unknown')
  await world.clock.advance(60_000)
  assert.deepEqual(requestsOf(world), ['create typo'])
  assert.equal(world.recorded.of('onTopicFailed').length, 1)
  world.cluster.close()
})

test('a topic name that no request can carry fails alone, without a request', async () => {
  const world = await World.make()
  world.topic('good', 1)
  const long = 'x'.repeat(32_768)
  world.cluster.refreshTopic(long, 'unknown')
  world.cluster.refreshTopic('good', 'unknown')
  await world.untilTopic('good')
  const [[name, error, final] = []] = world.recorded.of('onTopicFailed')
  assert.deepEqual([name, error?.kind, final], [long, 'rejected', true])
  assert.equal(world.cluster.counters.metadataFailures, 0)
  assert.deepEqual(requestsOf(world), ['create good'])
  world.cluster.close()
})

test('the engine requests a missing topic again while records wait, and then forgets it', () => {
  const bench = new Bench({ maxBlockMs: 60_000 })
  bench.send('a', { topic: 'typo' })
  bench.engine.onTopicFailed('typo', missing, false)
  bench.step()
  assert.deepEqual(bench.topicRequests.splice(0), ['unknown typo', 'unknown typo'])
  bench.advance(10_000)
  bench.engine.onTopicFailed('typo', missing, false)
  bench.step()
  assert.equal(bench.errors.get('a')?.code, 'UNKNOWN_TOPIC')
  assert.match(bench.errors.get('a')!.message, /Topic "typo" was not found within 10000 ms/)
  assert.deepEqual(bench.forgotten, ['typo'])
  assert.equal(bench.engine.readings.topics().length, 0)
})

test('a missing topic that no record ever used is forgotten, as after partitionsFor()', () => {
  const bench = new Bench()
  bench.engine.onTopicFailed('typo', missing, false)
  assert.deepEqual(bench.forgotten, ['typo'])
  assert.deepEqual(bench.topicRequests, [])
})

test('records for a known topic that was deleted fail after unknownTopicTimeoutMs', () => {
  const bench = Bench.ready()
  bench.send('a')
  bench.step()
  bench.takeOne().respond({ error: errorNumber.UNKNOWN_TOPIC_OR_PARTITION })
  bench.engine.onTopicFailed('t', missing, false)
  bench.advance(9_000)
  assert.deepEqual(bench.log, [])
  for (const request of bench.sent.splice(0)) {
    request.respond({ error: errorNumber.UNKNOWN_TOPIC_OR_PARTITION })
  }
  bench.advance(1_000)
  bench.engine.onTopicFailed('t', missing, false)
  bench.step()
  assert.deepEqual(bench.log, ['a!UNKNOWN_TOPIC'])
})

test('a topic created again with fewer partitions: lost partitions fail by name', () => {
  const bench = Bench.ready({}, { t: [1, 1, 1] })
  bench.tellTopic('t', [1, 1, 1], 0, 1)
  for (const partition of [0, 2]) bench.send(`p${partition}`, { partition })
  bench.tellTopic('t', [1], 0, 2)
  bench.step()
  const { code, message, kind } = bench.errors.get('p2')!
  // The partitioner may have chosen the partition: sent again, the record goes to another one.
  assert.deepEqual([code, kind], ['UNKNOWN_PARTITION', 'retriable'])
  assert.match(message, /Topic "t" has only 1 partition now: partition 2 is gone/)
  for (let index = 0; index < 20; index++) bench.send(`k${index}`, { key: `k${index}` })
  bench.step()
  const partitions = bench.sent.flatMap(({ batches }) => batches.map(({ partition }) => partition))
  assert.deepEqual([...new Set(partitions)], [0])
  assert.equal(bench.engine.partitionsOf('t')?.length, 1)
})

test('a topic unused for metadataMaxIdleMs is forgotten with the next metadata', () => {
  const bench = Bench.ready({ metadataMaxIdleMs: 60_000 })
  bench.send('a')
  bench.step()
  bench.takeOne().respond()
  bench.advance(59_000)
  bench.tellTopic('t')
  assert.deepEqual(bench.forgotten, [])
  bench.advance(1_000)
  bench.tellTopic('t')
  assert.deepEqual(bench.forgotten, ['t'])
  assert.equal(bench.engine.partitionsOf('t'), null)
})

test('a topic that was forgotten starts under another epoch: no number is reused', () => {
  const bench = Bench.ready({ metadataMaxIdleMs: 60_000 })
  bench.send('a')
  bench.step()
  const [first] = bench.takeOne().batches
  bench.advance(0)
  bench.tellTopic('t')
  const bench2 = Bench.ready({ metadataMaxIdleMs: 60_000 })
  bench2.send('a')
  bench2.step()
  bench2.takeOne().respond()
  bench2.advance(60_000)
  bench2.tellTopic('t')
  bench2.send('b')
  bench2.step()
  bench2.tellTopic('t')
  bench2.step()
  const [again] = bench2.takeOne().batches
  assert.equal(again!.sequence, 0)
  assert.ok(again!.epoch > first!.epoch, `${again!.epoch} > ${first!.epoch}`)
})

test('of many topics that were used once, the oldest are forgotten', () => {
  const bench = Bench.ready({}, {})
  for (let index = 0; index < 12_000; index++) {
    const topic = `tenant-${index}`
    bench.send(topic, { topic })
    bench.tellTopic(topic, [1])
    bench.step()
    for (const request of bench.sent.splice(0)) request.respond()
  }
  bench.step()
  assert.equal(bench.log.filter((text) => text.startsWith('tenant-')).length, 12_000)
  const left = bench.engine.readings.topics().length
  assert.ok(left <= 5_000, `${left} topics are left`)
  assert.equal(bench.forgotten.length, 12_000 + 1 - left - 1)
})

for (const version2 of [true, false]) {
  const version = version2 ? 2 : 1
  test(`a topic created again in a transaction fails it at once, version ${version}`, () => {
    const { stage, bench, coordinator } = start(version2)
    bench.tellTopic('t', [1, 1], 1, 4)
    stage.deliver('a')
    bench.send('b')
    bench.send('c')
    bench.tellTopic('t', [1, 1], 1, 5)
    bench.step()
    for (const name of ['b', 'c']) {
      const { code, message } = bench.errors.get(name)!
      assert.equal(code, 'TRANSACTION_ABORTED')
      assert.match(message, /Topic "t" was deleted and created again during the transaction/)
    }
    assert.equal(stage.end('commit').error?.code, 'TRANSACTION_ABORTED')
    const aborted = stage.end('abort')
    coordinator.takeOne().succeed(version2 ? { producerId: 4711, epoch: 1 } : null)
    assert.deepEqual(aborted, { called: true, error: null })
    stage.begin(1)
    bench.send('d')
    bench.advance(1000)
    for (const call of coordinator.calls.splice(0)) call.succeed()
    bench.advance(1000)
    const [batch] = bench.takeOne().batches
    assert.deepEqual([batch!.epoch, batch!.sequence], [1, 0])
  })
}

test('a deleted topic is not created again by a producer that does not send to it', async () => {
  await using cluster = await startCluster({ topics: { old: 3, live: 1 } })
  await using producer = producerFor(cluster, { metadataMaxAgeMs: 1_000 })
  await producer.send({ topic: 'old', value: 'the last one' })
  await producer.send({ topic: 'live', value: 'x' })
  cluster.deleteTopic('old')
  const requests = cluster.requests.Metadata ?? 0
  while ((cluster.requests.Metadata ?? 0) < requests + 3) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(!cluster.topics.includes('old'), cluster.topics.join(' '))
})

test('partitionsFor() creates a topic as a send does, unless the option forbids it', async () => {
  await using cluster = await startCluster()
  await using admin = new Admin({ brokers: cluster.brokers, logger: silentLogger })
  await assert.rejects(admin.describeTopic('new'), { code: 'UNKNOWN_TOPIC' })
  const limits = { unknownTopicTimeoutMs: 200, maxBlockMs: 2000 }
  await using careful = producerFor(cluster, { ...limits, allowAutoTopicCreation: false })
  await assert.rejects(careful.partitionsFor('new'), { code: 'UNKNOWN_TOPIC' })
  assert.deepEqual(cluster.topics, [])
  await using producer = producerFor(cluster)
  assert.equal((await producer.partitionsFor('new')).length, cluster.partitions('new').length)
  assert.deepEqual(cluster.topics, ['new'])
})

test('an error of a partition without a leader names the reason and the cause', () => {
  const bench = Bench.ready({ deliveryTimeoutMs: 4_000 })
  bench.send('a')
  bench.tellTopic('t', [-1], 1)
  bench.advance(4_000)
  const error = bench.errors.get('a')!
  assert.equal(error.code, 'DELIVERY_TIMEOUT')
  assert.match(error.message, /the partition has no leader/)
  assert.equal((error.cause as KafkaError).brokerError, 'LEADER_NOT_AVAILABLE')
})

test('an error of a partition without a leader has the reason that metadata gives', async () => {
  const bench = Bench.ready({ deliveryTimeoutMs: 4_000 })
  bench.send('a')
  bench.leaderErrors.set(0, errorNumber.LISTENER_NOT_FOUND)
  bench.tellTopic('t', [-1], 1)
  bench.advance(1_000)
  const [blocked] = bench.engine.readings.blockedTopics(bench.now)
  assert.equal(blocked?.error.brokerError, 'LISTENER_NOT_FOUND')
  bench.advance(3_000)
  const { message, cause } = bench.errors.get('a')!
  assert.match(message, /the leader does not have this listener \(LISTENER_NOT_FOUND, 72\)/)
  assert.match((cause as KafkaError).remedy, /advertised\.listeners/)

  const world = await World.make()
  const { partitions } = world.topic('t', 1, 1)
  Object.assign(partitions[0]!, { leader: -1, error: errorNumber.LISTENER_NOT_FOUND })
  Object.assign(partitions[1]!, { leader: -1 })
  world.cluster.refreshTopic('t', 'unknown')
  await world.untilTopic('t')
  const codes = [0, 1].map((partition) => world.cluster.leaderErrorCode('t', partition))
  assert.deepEqual(codes, [errorNumber.LISTENER_NOT_FOUND, errorNumber.LEADER_NOT_AVAILABLE])
  Object.assign(partitions[0]!, { leader: 1, error: 0 })
  world.cluster.refreshTopic('t', 'stale')
  await world.untilTopic('t', 2)
  assert.equal(world.cluster.leaderErrorCode('t', 0), errorNumber.LEADER_NOT_AVAILABLE)
  world.cluster.close()
})

test('an error of a record behind a broker that does not respond names that broker', () => {
  const bench = Bench.ready({ deliveryTimeoutMs: 4_000, maxInFlightRequests: 1 })
  bench.send('a')
  bench.step()
  bench.send('b')
  bench.advance(4_000)
  for (const name of ['a', 'b']) {
    assert.match(bench.errors.get(name)!.message, /test:1 has not responded to a Produce request/)
  }
})
