import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type InitProducerIdRequest,
  initProducerIdApi,
} from '../../src/protocol/api/22-init-producer-id.ts'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import { World } from './cluster-fixture.ts'

const none = { producerId: -1, epoch: -1 }

const untilSettled = (world: World, limitMs = 60_000): Promise<void> =>
  world.clock.runUntil(
    () =>
      world.recorded.of('onProducerId').length + world.recorded.of('onProducerIdFailed').length > 0,
    limitMs,
  )

const bodies = (world: World, nodeId: number): InitProducerIdRequest[] =>
  world
    .broker(nodeId)
    .requests.filter(({ api }) => api === 'InitProducerId')
    .map(({ body }) => body as InitProducerIdRequest)

test('a producer id comes from the first connected broker, also before metadata', async () => {
  const world = await World.make()
  world.cluster.initProducerId(none)
  assert.equal(world.recorded.log.length, 0, 'no event is sent inside the call')
  await untilSettled(world)
  assert.deepEqual(world.recorded.of('onProducerId'), [[{ producerId: 1000, epoch: 0 }]])
  const [body] = bodies(world, 1)
  assert.equal(body?.transactionalId, null)
  assert.equal(body?.producerId, -1)
  assert.equal(body?.producerEpoch, -1)
  world.cluster.close()
})

test('metadata and the first producer id share one connection', async () => {
  const world = await World.make()
  world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  world.cluster.initProducerId(none)
  await untilSettled(world)
  await world.untilTopic('a')
  assert.equal(world.cluster.counters.connectionsOpened, 1)
  world.cluster.close()
})

test('requests for an id during a request are served by that request', async () => {
  const world = await World.make()
  for (let count = 0; count < 10; count++) world.cluster.initProducerId(none)
  await untilSettled(world)
  await world.clock.advance(10_000)
  assert.equal(world.cluster.counters.producerIdRequests, 1)
  assert.equal(world.recorded.of('onProducerId').length, 1)
  world.cluster.close()
})

test('InitProducerId has the present identity from version 3 on, and not below', async () => {
  for (const version of [5, 3, 2]) {
    const world = await World.make()
    world.broker(1).versions.set(initProducerIdApi.key, version)
    world.cluster.initProducerId({ producerId: 42, epoch: 7 })
    await untilSettled(world)
    const [body] = bodies(world, 1)
    assert.equal(body?.producerId, version >= 3 ? 42 : -1)
    assert.equal(body?.producerEpoch, version >= 3 ? 7 : -1)
    world.cluster.close()
  }
})

test('after a retriable error another node is tried, then all again after a backoff', async () => {
  for (const errorCode of [14, 15, 16, 51, 7]) {
    const world = await World.make({ nodes: 2 })
    world.cluster.connect(() => {})
    await world.clock.runUntil(() => world.cluster.nodes().length === 2, 1000)
    const response = ({ api }: { api: string }) =>
      api === 'InitProducerId' ? { errorCode } : undefined
    world.broker(1).respond = response
    world.broker(2).respond = response
    world.cluster.initProducerId(none)
    await world.clock.advance(5000)
    assert.equal(world.recorded.of('onProducerIdFailed').length, 0)
    const [[delay] = []] = world.recorded.of('onProducerIdDelayed')
    assert.equal((delay as KafkaError).brokerCode, errorCode, 'the reason of the delay is reported')
    assert.equal(world.network.openStreams({ host: 'n1', port: 9092 }), 1, 'no second way to n1')
    const requestCounts = [
      world.broker(1).count('InitProducerId'),
      world.broker(2).count('InitProducerId'),
    ]
    assert.ok(
      requestCounts.every((count) => count >= 4 && count <= 20),
      `requests ${requestCounts}`,
    )
    world.broker(2).respond = () => undefined
    await untilSettled(world, 2000)
    assert.equal(world.recorded.of('onProducerId').length, 1)
    world.cluster.close()
  }
})

test('a broker that closes the connection or does not run is skipped', async () => {
  const world = await World.make({ nodes: 3 })
  world.cluster.connect(() => {})
  await world.clock.runUntil(() => world.cluster.nodes().length === 3, 1000)
  world.broker(1).respond = ({ api }) => (api === 'InitProducerId' ? 'close' : undefined)
  await world.broker(2).stop()
  world.cluster.initProducerId(none)
  await untilSettled(world, 1000)
  assert.equal(world.broker(3).count('InitProducerId'), 1)
  world.cluster.close()
})

// A node left the cluster while a request for an id was at another; the search came to its closed
// link, and waited for it for ever (simulator seed 100015000).
test('a node that is removed during its request does not delay the next node', async () => {
  const world = await World.make({ nodes: 3, options: { brokers: [{ host: 'n1', port: 9092 }] } })
  world.topic('a', 1)
  world.cluster.connect(() => {})
  await world.clock.runUntil(() => world.cluster.nodes().length === 3, 1000)
  world.cluster.link(3)!.open()
  await world.clock.runUntil(() => world.recorded.of('onLinkReady').length === 2, 1000)
  let isMended = false
  for (const broker of world.brokers.values()) {
    broker.respond = ({ api }) => {
      if (api !== 'InitProducerId' || isMended) return undefined
      return world.state.nodes.has(2) ? 'nothing' : { errorCode: 16 }
    }
  }
  world.cluster.initProducerId(none)
  await world.clock.runUntil(() => world.count('InitProducerId') === 1, 1000)
  world.state.nodes.delete(2)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  for (const broker of world.brokers.values()) broker.closeStreams()
  await world.clock.advance(3000)
  isMended = true
  await untilSettled(world, 5000)
  assert.equal(world.recorded.of('onProducerId').length, 1)
  world.cluster.close()
})

test('a broker that does not respond delays the id by its request timeout at most', async () => {
  const world = await World.make({
    nodes: 2,
    options: { brokers: [{ host: 'n1', port: 9092 }] },
  })
  world.cluster.connect(() => {})
  await world.clock.runUntil(() => world.cluster.nodes().length === 2, 1000)
  world.broker(1).respond = ({ api }) => (api === 'InitProducerId' ? 'nothing' : undefined)
  world.cluster.initProducerId(none)
  await untilSettled(world, 31_000)
  assert.equal(world.recorded.of('onProducerId').length, 1)
  world.cluster.close()
})

test('a missing authorization is final, and a later call requests an id again', async () => {
  const world = await World.make({ nodes: 2 })
  world.cluster.connect(() => {})
  await world.clock.runUntil(() => world.cluster.nodes().length === 2, 1000)
  const response = ({ api }: { api: string }) =>
    api === 'InitProducerId' ? { errorCode: 31 } : undefined
  world.broker(1).respond = response
  world.broker(2).respond = response
  world.cluster.initProducerId(none)
  await untilSettled(world)
  const [[error] = []] = world.recorded.of('onProducerIdFailed')
  assert.equal(error?.code, 'AUTHORIZATION_FAILED')
  assert.equal(error?.brokerError, 'CLUSTER_AUTHORIZATION_FAILED')
  await world.clock.advance(10_000)
  assert.equal(world.cluster.counters.producerIdRequests, 1)
  world.broker(1).respond = () => undefined
  world.cluster.initProducerId(none)
  await world.clock.runUntil(() => world.recorded.of('onProducerId').length === 1, 1000)
  world.cluster.close()
})

test('a broker without the API is final', async () => {
  const world = await World.make()
  world.broker(1).versions.delete(initProducerIdApi.key)
  world.cluster.initProducerId(none)
  await untilSettled(world)
  const [[error] = []] = world.recorded.of('onProducerIdFailed')
  assert.equal(error?.code, 'UNSUPPORTED_VERSION')
  world.cluster.close()
})
