import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BrokerLink, ProduceCall } from '../../src/engine/ports.ts'
import { type ProduceResponse, produceApi } from '../../src/protocol/api/00-produce.ts'
import { apiVersionsApi } from '../../src/protocol/api/18-api-versions.ts'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import { World, type WorldOptions } from './cluster-fixture.ts'

/** The body of a flexible Produce request without topics: no transactional id, acks -1, 1 s. */
const emptyProduce = new Uint8Array([0, 0xff, 0xff, 0, 0, 3, 0xe8, 1, 0])

class Call implements ProduceCall {
  readonly version = 9
  readonly chunks = [emptyProduce]
  readonly expectsResponse: boolean
  readonly responses: (ProduceResponse | null)[] = []
  readonly failures: { error: KafkaError; written: boolean }[] = []

  constructor(expectsResponse = true) {
    this.expectsResponse = expectsResponse
  }

  get settled(): boolean {
    return this.responses.length + this.failures.length > 0
  }

  onResponse(response: ProduceResponse | null): void {
    this.responses.push(response)
  }

  onFailure(error: KafkaError, written: boolean): void {
    this.failures.push({ error, written })
  }
}

/** A world whose topic `a` is known, led by node 1. */
const worldWithTopic = async (options: WorldOptions = {}): Promise<World> => {
  const world = await World.make({ nodes: 2, ...options })
  world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  return world
}

const linkOf = (world: World, nodeId: number): BrokerLink => {
  const link = world.cluster.link(nodeId)
  assert.ok(link)
  return link
}

test('a link connects once, however often it is requested', async () => {
  const world = await worldWithTopic()
  const link = linkOf(world, 2)
  await world.clock.advance(5000)
  assert.equal(world.broker(2).openStreams, 0, 'no caller has opened it yet')
  assert.equal(link.ready, false)
  assert.equal(link.produceVersion, -1)
  for (let count = 0; count < 100; count++) link.open()
  await world.clock.advance(5000)
  for (let count = 0; count < 100; count++) link.open()
  await world.clock.advance(5000)
  assert.equal(world.broker(2).openStreams, 1)
  assert.equal(world.broker(2).count('ApiVersions'), 1)
  assert.deepEqual(world.recorded.of('onLinkReady'), [[2]])
  assert.equal(link.ready, true)
  assert.equal(link.produceVersion, 13)
  assert.equal(link.lastError, null)
  world.cluster.close()
})

test('the produce version is the highest that both sides have', async () => {
  const world = await worldWithTopic()
  world.broker(2).versions.set(produceApi.key, 11)
  await world.untilReady(2)
  assert.equal(linkOf(world, 2).produceVersion, 11)
  world.cluster.close()
})

test('a bootstrap connection becomes the link of the node at its address', async () => {
  const world = await worldWithTopic({ options: { brokers: [{ host: 'n1', port: 9092 }] } })
  assert.equal(world.broker(1).openStreams, 1)
  assert.equal(linkOf(world, 1).ready, true)
  assert.equal(linkOf(world, 1).name, 'n1:9092 (node 1)')
  await world.clock.advance(0)
  assert.deepEqual(world.recorded.of('onLinkReady'), [[1]])
  world.cluster.close()
})

test('a bootstrap connection that is not a node is closed once a node is connected', async () => {
  const world = await worldWithTopic()
  assert.equal(world.broker(1).openStreams, 1)
  await world.untilReady(2)
  await world.clock.advance(100)
  assert.equal(world.broker(1).openStreams, 0)
  assert.equal(world.cluster.counters.connectionsOpened, 2)
  assert.equal(world.cluster.counters.connectionFailures, 0)
  world.cluster.close()
})

test('a Produce call gets the decoded response in a later turn', async () => {
  const world = await worldWithTopic()
  await world.untilReady(1)
  const call = new Call()
  world.broker(1).respond = ({ api }) =>
    api === 'Produce' ? { responses: [{ name: 'a' }] } : undefined
  linkOf(world, 1).produce(call)
  assert.equal(call.settled, false)
  await world.clock.runUntil(() => call.settled, 1000)
  assert.equal(call.responses[0]?.responses[0]?.name, 'a')
  world.cluster.close()
})

test('with acks 0 a Produce call gets null once the bytes are written', async () => {
  const world = await worldWithTopic()
  await world.untilReady(1)
  world.broker(1).respond = ({ api }) => (api === 'Produce' ? 'nothing' : undefined)
  const call = new Call(false)
  linkOf(world, 1).produce(call)
  await world.clock.runUntil(() => call.settled, 1000)
  assert.deepEqual(call.responses, [null])
  world.cluster.close()
})

test('produce without a connection fails in a later turn, with nothing written', async () => {
  const world = await worldWithTopic()
  const call = new Call()
  linkOf(world, 2).produce(call)
  assert.equal(call.settled, false)
  await world.clock.advance(0)
  assert.equal(call.failures[0]?.written, false)
  assert.equal(call.failures[0]?.error.code, 'CONNECTION_LOST')
  world.cluster.close()
})

test('a malformed response to Produce fails the request and closes the connection', async () => {
  const world = await worldWithTopic()
  await world.untilReady(1)
  const broker = world.broker(1)
  broker.respond = ({ api }) => (api === 'Produce' ? new Uint8Array([9, 9, 9]) : undefined)
  const calls = [new Call(), new Call()]
  for (const call of calls) linkOf(world, 1).produce(call)
  await world.clock.runUntil(() => calls.every(({ settled }) => settled), 1000)
  for (const call of calls) {
    assert.equal(call.failures[0]?.error.code, 'MALFORMED_RESPONSE')
    assert.equal(call.failures[0]?.written, true)
  }
  await world.clock.runUntil(() => world.recorded.of('onLinkDown').length === 1, 1000)
  assert.equal(linkOf(world, 1).lastError?.code, 'MALFORMED_RESPONSE')
  assert.match(linkOf(world, 1).lastError?.message ?? '', /n1:9092 \(node 1\)/)
  await world.untilReady(1)
  assert.equal(linkOf(world, 1).lastError, null)
  world.cluster.close()
})

test('a throttle time mutes the link, and onLinkReady says when it is over', async () => {
  const world = await worldWithTopic()
  await world.untilReady(1)
  world.broker(1).respond = ({ api }) => (api === 'Produce' ? { throttleTimeMs: 5000 } : undefined)
  const call = new Call()
  linkOf(world, 1).produce(call)
  await world.clock.runUntil(() => call.settled, 1000)
  assert.equal(linkOf(world, 1).ready, false)
  const mutedAtMs = world.clock.now()
  await world.clock.runUntil(() => world.recorded.of('onLinkReady').length === 2, 10_000)
  assert.ok(world.clock.now() - mutedAtMs >= 4990)
  assert.equal(linkOf(world, 1).ready, true)
  world.cluster.close()
})

test('attempts back off from 50 ms to 1 s with jitter, anew after each success', async () => {
  const world = await worldWithTopic()
  await world.broker(2).stop()
  const link = linkOf(world, 2)
  world.recorded.react.onLinkDown = () => link.open()
  const attemptsAtMs = () =>
    world.recorded.log.filter(({ what }) => what === 'onLinkDown').map(({ atMs }) => atMs)
  link.open()
  await world.clock.advance(20_000)
  const gaps = attemptsAtMs().map((atMs, index, all) => atMs - (all[index - 1] ?? 0))
  assert.ok((gaps[1] ?? 0) >= 40 && (gaps[1] ?? 0) <= 65, `${gaps[1]}`)
  assert.ok((gaps[3] ?? 0) >= 160 && (gaps[3] ?? 0) <= 250, `${gaps[3]}`)
  const late = gaps.slice(7)
  assert.ok(late.every((gap) => gap >= 660 && gap <= 1005))
  assert.ok(new Set(late.map(Math.round)).size > 3, 'the longest waits differ as well')
  await world.broker(2).start(world.network)
  await world.clock.runUntil(() => link.ready, 2000)
  await world.clock.advance(2000)
  const before = attemptsAtMs().length
  world.broker(2).closeStreams()
  await world.clock.runUntil(() => attemptsAtMs().length > before, 1000)
  const lostAtMs = world.clock.now()
  await world.clock.runUntil(() => link.ready, 2000)
  assert.ok(world.clock.now() - lostAtMs < 70)
  world.cluster.close()
})

// Each handshake counted as a success: twenty connections a second, as long as it lasted.
test('attempts back off from a broker that closes connections after the handshake', async () => {
  const world = await worldWithTopic()
  const link = linkOf(world, 2)
  const readyAtMs: number[] = []
  world.recorded.react.onLinkReady = () => {
    readyAtMs.push(world.clock.now())
    world.broker(2).closeStreams()
  }
  world.recorded.react.onLinkDown = () => link.open()
  link.open()
  await world.clock.advance(20_000)
  const gaps = readyAtMs.slice(1).map((atMs, index) => atMs - readyAtMs[index]!)
  assert.ok(gaps[0]! < 80, `${gaps[0]} ms before the second attempt`)
  assert.ok(gaps.slice(7).every((gap) => gap >= 660))
  assert.ok(gaps.length < 35, `${gaps.length} connections in 20 s`)
  world.cluster.close()
})

test('a link reconnects only when a caller requests it', async () => {
  const world = await worldWithTopic()
  await world.broker(2).stop()
  linkOf(world, 2).open()
  await world.clock.advance(60_000)
  assert.equal(world.recorded.of('onLinkDown').length, 1)
  world.cluster.close()
})

test('every resolved address is tried in turn, with its own reason when all fail', async () => {
  const world = await World.make({ nodes: 1 })
  world.network.setHost('boot', ['10.0.0.1', '10.0.0.2', 'n1'])
  world.network.blackHole({ host: '10.0.0.2', port: 9092 })
  world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  assert.ok(world.clock.now() >= 10_000, 'the black hole took its connect timeout')
  world.cluster.close()

  const other = await World.make({ nodes: 1 })
  other.network.setHost('boot', ['10.0.0.1', '10.0.0.2'])
  other.network.blackHole({ host: '10.0.0.2', port: 9092 })
  other.cluster.refreshTopic('a', 'unknown')
  assert.equal(other.cluster.metadataError?.message, 'no response yet from boot:9092')
  await other.clock.runUntil(() => other.cluster.counters.metadataFailures > 0, 60_000)
  const message = other.cluster.metadataError?.message ?? ''
  assert.match(message, /boot:9092 \(10\.0\.0\.1:9092 connection refused/)
  assert.match(message, /10\.0\.0\.2:9092 no response within 10000 ms/)
  other.cluster.close()
})

test('the error for a host name with one address contains the address', async () => {
  const world = await World.make({ nodes: 0 })
  world.network.setHost('boot', ['10.0.0.1'])
  world.cluster.refreshTopic('a', 'unknown')
  await world.clock.advance(100)
  assert.match(
    world.cluster.metadataError?.message ?? '',
    /: boot:9092 \(10\.0\.0\.1:9092 connection refused \(ECONNREFUSED\)\)$/,
  )
  world.cluster.close()
})

test('the name is looked up again at each attempt', async () => {
  const world = await World.make({ nodes: 1 })
  world.network.setHost('boot', ['10.0.0.1'])
  world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  await world.clock.advance(2000)
  world.network.setHost('boot', [])
  await world.clock.advance(2000)
  assert.match(world.cluster.metadataError?.message ?? '', /boot:9092 the host name is not known/)
  world.network.setHost('boot', ['n1'])
  await world.untilTopic('a', 1, 3000)
  world.cluster.close()
})

test('an IPv6 bootstrap address is connected to, and is shown in brackets', async () => {
  const world = await World.make({ nodes: 0, options: { brokers: [{ host: '::1', port: 9092 }] } })
  world.cluster.refreshTopic('a', 'unknown')
  await world.clock.advance(100)
  assert.match(world.cluster.metadataError?.message ?? '', /\[::1\]:9092 connection refused/)
  await world.startBroker(1, { host: '::1', port: 9092 })
  world.topic('a', 1)
  await world.untilTopic('a')
  assert.equal(linkOf(world, 1).name, '[::1]:9092 (node 1)')
  world.cluster.close()
})

test('a node that moves loses its connection, and the next goes to the new address', async () => {
  const world = await worldWithTopic()
  await world.untilReady(1)
  await world.untilReady(2)
  const old = world.broker(2)
  old.respond = ({ api }) => (api === 'Produce' ? 'nothing' : undefined)
  const call = new Call()
  const link = linkOf(world, 2)
  link.produce(call)
  world.recorded.react.onLinkDown = () => link.open()
  const next = await world.startBroker(2, { host: 'n2-again', port: 9093 })
  world.cluster.refreshTopic('a', 'stale')
  await world.clock.runUntil(() => next.openStreams === 1 && link.ready, 5000)
  assert.equal(old.openStreams, 0)
  assert.equal(call.failures[0]?.written, true)
  assert.match(call.failures[0]?.error.message ?? '', /moved from n2:9092 .* to n2-again:9093/)
  const recorded = world.recorded.log.map(({ what }) => what)
  assert.equal(recorded.filter((what) => what === 'onLinkDown').length, 1)
  assert.equal(world.cluster.link(2), link, 'the link is the same')
  assert.equal(link.name, 'n2-again:9093 (node 2)')
  world.cluster.close()
})

test('a node that moves while it is being tried is tried at the new address at once', async () => {
  const world = await worldWithTopic()
  const link = linkOf(world, 2)
  world.network.blackHole({ host: 'n2', port: 9092 })
  link.open()
  await world.clock.advance(100)
  await world.startBroker(2, { host: 'n2-again', port: 9092 })
  world.cluster.refreshTopic('a', 'stale')
  await world.clock.runUntil(() => link.ready, 1000)
  assert.deepEqual(world.recorded.of('onLinkDown'), [])
  world.cluster.close()
})

test('a broker that closes the connection at ApiVersions receives its oldest version', async () => {
  const world = await worldWithTopic()
  world.broker(2).respond = ({ api, version }) =>
    api === 'ApiVersions' && version > 0 ? 'close' : undefined
  await world.untilReady(2, 1000)
  assert.deepEqual(
    world.broker(2).requests.map(({ version }) => version),
    [5, 0],
  )
  assert.deepEqual(world.recorded.of('onLinkDown'), [])
  world.cluster.close()
})

test('UNSUPPORTED_VERSION to ApiVersions: repeated in a version that it names', async () => {
  const world = await worldWithTopic()
  world.broker(2).versions.set(apiVersionsApi.key, 3)
  await world.untilReady(2, 1000)
  assert.deepEqual(
    world.broker(2).requests.map(({ version }) => version),
    [5, 3],
  )
  world.cluster.close()
})

test('an idle connection is closed without a failure; the next request opens another', async () => {
  const world = await worldWithTopic({ options: { connectionsMaxIdleMs: 60_000 } })
  await world.untilReady(2)
  // A call while it is open does not open another connection later.
  linkOf(world, 2).open()
  await world.clock.advance(61_000)
  assert.equal(world.broker(2).openStreams, 0)
  assert.deepEqual(world.recorded.of('onLinkDown'), [])
  assert.equal(linkOf(world, 2).ready, false)
  await world.untilReady(2, 1000)
  world.cluster.close()
})

test('a request without a response times out and causes a metadata request', async () => {
  const world = await worldWithTopic()
  await world.untilReady(1)
  world.broker(1).respond = ({ api }) => (api === 'Produce' ? 'nothing' : undefined)
  const call = new Call()
  linkOf(world, 1).produce(call)
  await world.clock.runUntil(() => call.settled, 31_000)
  assert.equal(call.failures[0]?.error.code, 'REQUEST_TIMEOUT')
  assert.equal(call.failures[0]?.written, true)
  await world.untilTopic('a', 2, 5000)
  world.cluster.close()
})
