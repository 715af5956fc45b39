import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import { World } from './cluster-fixture.ts'

const three = [1, 2, 3].map((number) => ({ host: `n${number}`, port: 9092 }))

/** Settles with what connect() called back. */
const connected = (world: World): Promise<KafkaError | null> =>
  new Promise((resolve) => world.cluster.connect(resolve))

/** A world whose topic `a` is known, with a link to each of its nodes. */
const warmWorld = async (nodes: number): Promise<World> => {
  const world = await World.make({ nodes, options: { brokers: three.slice(0, nodes) } })
  world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  for (let nodeId = 1; nodeId <= nodes; nodeId++) await world.untilReady(nodeId)
  return world
}

/** Runs `callback` every `everyMs`, for as long as the world's time moves. */
const every = (clock: Clock, everyMs: number, callback: () => void): { stop(): void } => {
  let stopped = false
  const next = () => {
    clock.setTimer(everyMs, () => {
      if (stopped) return
      callback()
      next()
    })
  }
  next()
  return {
    stop: () => {
      stopped = true
    },
  }
}

test('connect() calls back once a broker has responded, at each call', async () => {
  const world = await World.make({ nodes: 2 })
  let returned = false
  world.cluster.connect((error) => {
    assert.equal(error, null)
    assert.ok(returned, 'in a later turn')
  })
  returned = true
  assert.equal(await world.clock.runUntil(connected(world), 1000), null)
  assert.deepEqual(
    world.cluster.nodes().map(({ nodeId, host, port }) => ({ nodeId, host, port })),
    [
      { nodeId: 1, host: 'n1', port: 9092 },
      { nodeId: 2, host: 'n2', port: 9092 },
    ],
  )
  assert.equal(world.cluster.counters.metadataRequests, 1)
  assert.equal(await world.clock.runUntil(connected(world), 1000), null)
  world.cluster.close()
})

test('connect fails with an error that names each address tried and its reason', async () => {
  const brokers = [
    { host: '127.0.0.1', port: 1 },
    { host: 'nowhere', port: 9092 },
    { host: 'hole', port: 9092 },
    { host: 'web', port: 80 },
  ]
  const world = await World.make({ nodes: 0, options: { brokers } })
  world.network.setHost('nowhere', [])
  world.network.blackHole({ host: 'hole', port: 9092 })
  await world.network.listen({ host: 'web', port: 80 }, (stream) => ({
    onData: () => stream.write([Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]),
    onClose: () => {},
  }))
  const error = await world.clock.runUntil(connected(world), 60_000)
  assert.equal(error?.code, 'CONNECTION_FAILED')
  assert.equal(error?.kind, 'retriable')
  assert.match(error?.message ?? '', /^no broker could be reached: /)
  assert.match(error?.message ?? '', /127\.0\.0\.1:1 connection refused/)
  assert.match(error?.message ?? '', /nowhere:9092 the host name is not known/)
  assert.match(error?.message ?? '', /hole:9092 no response within 10000 ms/)
  assert.match(error?.message ?? '', /web:80 .*a web server responds there, not Kafka/)
  assert.equal(world.cluster.metadataError, error)
  world.cluster.close()
})

test('the reasons known so far can be read while other addresses do not respond', async () => {
  const brokers = [
    { host: 'refused', port: 9092 },
    { host: 'hole', port: 9092 },
  ]
  const world = await World.make({ nodes: 0, options: { brokers } })
  world.network.blackHole({ host: 'hole', port: 9092 })
  world.cluster.refreshTopic('a', 'unknown')
  await world.clock.advance(3000)
  assert.match(world.cluster.metadataError?.message ?? '', /refused:9092 connection refused/)
  world.cluster.close()
})

// A call that was cancelled in the middle of a later round got an error with one address, as if the
// others had not been tried.
test('a round in progress reports the reasons of the round before, and newer ones', async () => {
  const brokers = ['a', 'b', 'c'].map((host) => ({ host, port: 9092 }))
  for (const seed of [1, 2, 3]) {
    const world = await World.make({ nodes: 0, seed, options: { brokers } })
    const { cluster, clock, network } = world
    const words = () => cluster.metadataError?.message ?? ''
    cluster.refreshTopic('t', 'unknown')
    await clock.runUntil(() => cluster.counters.metadataFailures === 1, 1000)
    for (let elapsedMs = 0; elapsedMs < 2000; elapsedMs++) {
      for (const { host } of brokers) {
        const times = words().split(`${host}:9092 connection refused`).length - 1
        assert.equal(times, 1, `${host} after ${elapsedMs} ms: ${words()}`)
      }
      await clock.advance(1)
    }
    assert.ok(cluster.counters.metadataFailures > 2)
    network.setHost('b', [])
    network.blackHole({ host: 'c', port: 9092 })
    const failuresBefore = cluster.counters.metadataFailures
    await clock.runUntil(() => words().includes('b:9092 the host name is not known'), 9000)
    assert.ok(cluster.counters.metadataFailures <= failuresBefore + 1)
    assert.match(words(), /a:9092 connection refused/)
    assert.match(words(), /c:9092 connection refused/)
    assert.doesNotMatch(words(), /b:9092 connection refused/)
    cluster.close()
  }
})

test('an address that does not respond does not delay the others', async () => {
  for (const seed of [1, 2, 3, 4]) {
    const world = await World.make({ nodes: 3, seed, options: { brokers: three } })
    world.network.blackHole({ host: 'n1', port: 9092 })
    world.network.blackHole({ host: 'n2', port: 9092 })
    assert.equal(await world.clock.runUntil(connected(world), 2100), null)
    world.cluster.close()
  }
})

test('an unreachable advertised address and a stopped broker give different errors', async () => {
  const world = await World.make({
    nodes: 1,
    options: { brokers: [{ host: 'boot', port: 29_092 }] },
  })
  const broker = world.broker(1)
  await broker.stop()
  const behind = await world.startBroker(2, { host: 'n1', port: 29_092 })
  world.network.setHost('boot', ['n1'])
  world.network.setHost('broker-1.internal', [])
  world.state.nodes.clear()
  world.state.nodes.set(1, { host: 'broker-1.internal', port: 9092 })
  world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  assert.equal(behind.count('Metadata'), 1)
  const link = world.cluster.link(1)
  link?.open()
  await world.clock.runUntil(() => world.recorded.of('onLinkDown').length > 0, 1000)
  const expected =
    'bootstrap boot:29092 responded, but node 1 advertises broker-1.internal:9092, ' +
    'which failed: the host name is not known (ENOTFOUND)'
  assert.equal(link?.lastError?.message, expected)
  assert.equal(world.recorded.of('onLinkDown')[0]?.[1].message, expected)
  world.cluster.close()
})

test('a stopped node that was reached before is not called wrongly advertised', async () => {
  const world = await World.make({ nodes: 2 })
  assert.equal(await world.clock.runUntil(connected(world), 1000), null)
  await world.untilReady(2)
  await world.broker(2).stop()
  await world.clock.advance(100)
  const link = world.cluster.link(2)
  link?.open()
  await world.clock.advance(500)
  assert.match(
    link?.lastError?.message ?? '',
    /^could not connect to node 2: n2:9092 connection refu/,
  )
  world.cluster.close()
})

for (const [what, breakIt] of [
  ['a lost connection', (world: World) => world.broker(2).closeStreams()],
  ['a broker that is gone', (world: World) => world.broker(2).stop()],
] as const) {
  test(`${what} makes the client request the topics in use again, once`, async () => {
    const world = await warmWorld(3)
    const before = world.count('Metadata')
    await breakIt(world)
    await world.untilTopic('a', 2, 1000)
    await world.clock.advance(60_000)
    assert.equal(world.count('Metadata'), before + 1)
    world.cluster.close()
  })
}

test('a refused connection causes a metadata request for the topics in use', async () => {
  const world = await World.make({ nodes: 2 })
  world.topic('a', 2)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  await world.broker(2).stop()
  world.cluster.link(2)?.open()
  await world.untilTopic('a', 2, 1000)
  world.cluster.close()
})

test('a new leader is known within a second of its election', async () => {
  const world = await warmWorld(3)
  const topic = world.state.topics.get('a')
  assert.ok(topic)
  world.recorded.react.onLinkDown = () => world.cluster.link(1)?.open()
  await world.broker(1).stop()
  await world.clock.advance(4000)
  world.state.nodes.delete(1)
  topic.partitions[0] = { leader: 2, epoch: 2 }
  const electedAtMs = world.clock.now()
  await world.clock.runUntil(() => world.leaders('a')[0] === 2, 2000)
  assert.ok(world.clock.now() - electedAtMs <= 1010)
  assert.equal(world.cluster.link(1), undefined)
  world.cluster.close()
})

test('5,000 sends a second to a stopped cluster cause few metadata requests', async () => {
  const world = await warmWorld(3)
  const before = world.network.connects
  for (let nodeId = 1; nodeId <= 3; nodeId++) await world.broker(nodeId).stop()
  // Each send of an engine that knows no leader requests both.
  const sends = every(world.clock, 1, () => {
    for (let count = 0; count < 5; count++) {
      world.cluster.refreshTopic('a', 'stale')
      world.cluster.refreshTopic(`topic-${count}`, 'unknown')
      world.cluster.link(1)?.open()
    }
  })
  await world.clock.advance(60_000)
  sends.stop()
  const { metadataRequests, metadataFailures } = world.cluster.counters
  assert.ok(metadataRequests < 200, `${metadataRequests} requests`)
  assert.ok(metadataFailures > 20 && metadataFailures < 200, `${metadataFailures} rounds`)
  const attempts = world.network.connects - before
  assert.ok(attempts < 3 * 100, `${attempts} connection attempts to three brokers`)
  world.cluster.close()
})

test('a stopped leader in a running cluster causes few metadata requests', async () => {
  const world = await warmWorld(3)
  await world.broker(1).stop()
  const before = world.count('Metadata')
  const sends = every(world.clock, 1, () => {
    for (let count = 0; count < 5; count++) {
      world.cluster.refreshTopic('a', 'stale')
      world.cluster.link(1)?.open()
    }
  })
  await world.clock.advance(60_000)
  sends.stop()
  const requestCount = world.count('Metadata') - before
  assert.ok(requestCount > 30 && requestCount < 200, `${requestCount} requests`)
  world.cluster.close()
})

test('the backoff applies while brokers return errors and new topics are requested', async () => {
  const world = await warmWorld(2)
  for (const nodeId of [1, 2]) {
    world.broker(nodeId).respond = ({ api }) => (api === 'Metadata' ? { errorCode: 13 } : undefined)
  }
  let count = 0
  const sends = every(world.clock, 1, () => world.cluster.refreshTopic(`t${count++}`, 'unknown'))
  await world.clock.advance(20_000)
  sends.stop()
  assert.ok(world.cluster.counters.metadataFailures < 40)
  world.cluster.close()
})

test('the backoff restarts after an idle time, and after one without any broker', async () => {
  const world = await warmWorld(1)
  world.keepRequesting()
  const requestGapMs = async (): Promise<number> => {
    const before = world.count('Metadata')
    world.cluster.refreshTopic('a', 'stale')
    await world.clock.runUntil(() => world.count('Metadata') === before + 1, 5000)
    const firstAtMs = world.clock.now()
    world.cluster.refreshTopic('a', 'stale')
    await world.clock.runUntil(() => world.count('Metadata') === before + 2, 5000)
    return world.clock.now() - firstAtMs
  }
  const topic = world.state.topics.get('a')
  assert.ok(topic)
  topic.partitions[0] = { leader: -1, epoch: 2, error: 5 }
  world.cluster.refreshTopic('a', 'stale')
  await world.clock.advance(20_000)
  topic.partitions[0] = { leader: 1, epoch: 3 }
  await world.clock.advance(20_000)
  const quietMs = await requestGapMs()
  assert.ok(quietMs < 140, `${quietMs} ms after a quiet time`)

  await world.broker(1).stop()
  await world.clock.advance(20_000)
  const failures = world.cluster.counters.metadataFailures
  assert.ok(failures > 5)
  topic.partitions[0] = { leader: -1, epoch: 4, error: 5 }
  await world.broker(1).start(world.network)
  const before = world.count('Metadata')
  await world.clock.runUntil(() => world.count('Metadata') === before + 1, 5000)
  const firstAtMs = world.clock.now()
  await world.clock.runUntil(() => world.count('Metadata') === before + 2, 5000)
  assert.ok(world.clock.now() - firstAtMs < 140, 'after a time without any broker')
  world.cluster.close()
})

test('a broker that breaks the connection once is tried once more in the same round', async () => {
  const world = await World.make()
  let broken = false
  world.broker(1).respond = ({ api }) => {
    if (api !== 'Metadata' || broken) return undefined
    broken = true
    return 'close'
  }
  assert.equal(await world.clock.runUntil(connected(world), 1000), null)
  assert.equal(world.cluster.counters.metadataFailures, 0)
  world.cluster.close()
})

test('without a reachable node the bootstrap servers are resolved and tried again', async () => {
  const world = await World.make({ nodes: 2 })
  world.topic('a', 2)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  await world.untilReady(1)
  await world.untilReady(2)
  for (const nodeId of [1, 2]) await world.broker(nodeId).stop()
  world.state.nodes.clear()
  await world.startBroker(7, { host: 'n7', port: 9092 })
  world.network.setHost('boot', ['n7'])
  // The new cluster counts its epochs from the start.
  world.topic('a', 7).partitions[0] = { leader: 7, epoch: 0 }
  await world.clock.runUntil(() => world.leaders('a')[0] === 7, 5000)
  assert.ok(world.cluster.counters.rebootstraps >= 1)
  assert.equal(world.cluster.link(1), undefined)
  assert.equal(world.cluster.link(7)?.name, 'n7:9092 (node 7)')
  assert.equal(world.cluster.metadataError, null)
  world.cluster.close()
})

test('REBOOTSTRAP_REQUIRED closes every connection and bootstraps again', async () => {
  const world = await World.make({ nodes: 2 })
  world.topic('a', 2)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  await world.untilReady(2)
  await world.clock.advance(1000)
  const before = world.broker(1).count('Metadata')
  world.broker(2).respond = ({ api }) => (api === 'Metadata' ? { errorCode: 129 } : undefined)
  world.cluster.refreshTopic('a', 'stale')
  await world.untilTopic('a', 2, 5000)
  assert.equal(world.broker(1).count('Metadata'), before + 1)
  assert.equal(world.broker(2).openStreams, 0)
  assert.equal(world.recorded.of('onLinkDown').length, 1)
  assert.equal(world.cluster.counters.rebootstraps, 1)
  world.cluster.close()
})

test('REBOOTSTRAP_REQUIRED from every broker fails the round and does not loop', async () => {
  const world = await World.make({ nodes: 2, options: { brokers: three.slice(0, 2) } })
  for (const nodeId of [1, 2]) {
    world.broker(nodeId).respond = ({ api }) =>
      api === 'Metadata' ? { errorCode: 129 } : undefined
  }
  const error = await world.clock.runUntil(connected(world), 5000)
  assert.match(error?.message ?? '', /REBOOTSTRAP_REQUIRED/)
  assert.ok(world.count('Metadata') < 6)
  world.cluster.close()
})

test('after five minutes without a response every connection is closed', async () => {
  const world = await warmWorld(2)
  for (const nodeId of [1, 2]) {
    world.broker(nodeId).respond = ({ api }) => (api === 'Metadata' ? { errorCode: 13 } : undefined)
  }
  world.cluster.refreshTopic('a', 'stale')
  await world.clock.advance(290_000)
  assert.deepEqual(world.recorded.of('onLinkDown'), [])
  await world.clock.advance(20_000)
  assert.equal(world.recorded.of('onLinkDown').length, 2)
  for (const nodeId of [1, 2]) world.broker(nodeId).respond = () => undefined
  await world.untilTopic('a', 2, 5000)
  world.cluster.close()
})

test('a broker whose metadata has no brokers yet is skipped', async () => {
  const world = await World.make({ nodes: 2, options: { brokers: three.slice(0, 2) } })
  world.topic('a', 1)
  world.broker(1).respond = ({ api }) => (api === 'Metadata' ? { brokers: [] } : undefined)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a', 1, 2000)
  assert.equal(world.broker(2).count('Metadata'), 1)
  world.broker(2).respond = world.broker(1).respond
  world.cluster.refreshTopic('a', 'stale')
  await world.clock.advance(5000)
  assert.deepEqual(world.recorded.of('onTopicFailed'), [])
  assert.equal(world.cluster.nodes().length, 2, 'what is known is kept')
  assert.match(world.cluster.metadataError?.message ?? '', /returned metadata without brokers/)
  world.cluster.close()
})

test('a broker that responds with invalid bytes is skipped, its connection closed', async () => {
  const world = await World.make({ nodes: 2, options: { brokers: three.slice(0, 2) } })
  world.topic('a', 1)
  world.broker(1).respond = ({ api }) =>
    api === 'Metadata' ? new Uint8Array([1, 2, 3]) : undefined
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a', 1, 2000)
  await world.clock.advance(10)
  assert.equal(world.broker(1).openStreams, 0)
  world.cluster.close()
})

test('brokers that are too old for us are a final failure that says so', async () => {
  const world = await World.make()
  world.broker(1).versions.set(3, 3)
  const error = await world.clock.runUntil(connected(world), 5000)
  assert.equal(error?.code, 'UNSUPPORTED_VERSION')
  assert.match(
    error?.message ?? '',
    /^no usable broker: boot:9092 .*serves versions 0 to 3 of Metadata; version 4 to 13 is needed/,
  )
  world.cluster.close()
})

test('a process that was suspended reconnects without a failed round', async () => {
  const world = await World.make({
    options: { brokers: three.slice(0, 1), connectionsMaxIdleMs: 60_000 },
  })
  world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  world.network.silenceStreams({ host: 'n1', port: 9092 })
  world.clock.stall(200_000)
  world.cluster.refreshTopic('a', 'stale')
  await world.untilTopic('a', 2, 1000)
  assert.equal(world.cluster.counters.metadataFailures, 0)
  world.cluster.close()
})

test('after close() no timer, connection or event is left, and calls do nothing', async () => {
  const world = await warmWorld(3)
  world.cluster.refreshTopic('a', 'stale')
  world.cluster.refreshTopic('b', 'unknown')
  world.cluster.initProducerId({ producerId: -1, epoch: -1 })
  world.cluster.connect(() => assert.fail('called after close'))
  const recorded = world.recorded.log.length
  const link = world.cluster.link(1)
  world.cluster.close()
  world.cluster.close()
  world.cluster.refreshTopic('c', 'unknown')
  world.cluster.initProducerId({ producerId: -1, epoch: -1 })
  world.cluster.connect(() => assert.fail('called after close'))
  world.cluster.applyLeaderHint({
    topic: 'a',
    partition: 0,
    leaderId: 2,
    leaderEpoch: 9,
    endpoint: null,
  })
  link?.open()
  await world.clock.advance(1000)
  assert.equal(world.clock.pendingTimers, 0)
  assert.equal(world.recorded.log.length, recorded)
  for (let nodeId = 1; nodeId <= 3; nodeId++) assert.equal(world.broker(nodeId).openStreams, 0)
  assert.equal(world.cluster.link(1), undefined)
})

test('close() during an attempt, a backoff or a DNS lookup leaves no timer', async () => {
  for (const afterMs of [0, 1, 2, 3, 5, 60, 200, 1500, 10_050]) {
    const world = await World.make({ nodes: 1 })
    world.network.setHost('boot', ['10.0.0.1', '10.0.0.2'])
    world.network.blackHole({ host: '10.0.0.2', port: 9092 })
    world.cluster.refreshTopic('a', 'unknown')
    world.cluster.initProducerId({ producerId: -1, epoch: -1 })
    await world.clock.advance(afterMs)
    world.cluster.close()
    await world.clock.advance(10)
    assert.equal(world.clock.pendingTimers, 0, `closed after ${afterMs} ms`)
  }
})
