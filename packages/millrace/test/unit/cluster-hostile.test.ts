// What a broker says is bounded: responses that name impossible things are malformed, and fail what
// they are about, before anything of their size is allocated. The brokers here are scripted.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MetricSelection } from '../../src/cluster-client/telemetry-payload.ts'
import { produceApi } from '../../src/protocol/api/00-produce.ts'
import type { MetadataRequest } from '../../src/protocol/api/03-metadata.ts'
import {
  type FindCoordinatorRequest,
  findCoordinatorApi,
} from '../../src/protocol/api/10-find-coordinator.ts'
import { addPartitionsToTxnApi } from '../../src/protocol/api/24-add-partitions-to-txn.ts'
import { addOffsetsToTxnApi } from '../../src/protocol/api/25-add-offsets-to-txn.ts'
import { txnOffsetCommitApi } from '../../src/protocol/api/28-txn-offset-commit.ts'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import {
  type FakeBroker,
  type FakeRequest,
  type FakeResponse,
  World,
  type WorldOptions,
} from './cluster-fixture.ts'

const at = (host: string) => ({ host, port: 9092 })

interface TopicFailure {
  readonly code: string
  readonly final: boolean
}

const failures = (world: World, topic: string): TopicFailure[] =>
  world.recorded
    .of('onTopicFailed')
    .filter(([name]) => name === topic)
    .map(([, { code }, final]) => ({ code, final }))

/** A Metadata response whose topics have the partitions that `indexesOf` gives. */
const metadataWith =
  (world: World, indexesOf: (topic: string) => readonly number[]) =>
  ({ api, body }: FakeRequest): FakeResponse => {
    if (api !== 'Metadata') return undefined
    const topics = (body as MetadataRequest).topics ?? []
    return {
      brokers: [...world.state.nodes].map(([nodeId, address]) => ({ nodeId, ...address })),
      topics: topics.map(({ name }) => ({
        name,
        partitions: indexesOf(name ?? '').map((partitionIndex) => ({
          partitionIndex,
          leaderId: 1,
        })),
      })),
    }
  }

test('a cluster without an id has responded all the same', async () => {
  const world = await World.make()
  world.broker(1).respond = metadataWith(world, () => [0])
  world.cluster.refreshTopic('t', 'unknown')
  await world.untilTopic('t')
  assert.equal(world.cluster.clusterId, null)
  assert.equal(world.cluster.metadataError, null)
  world.cluster.close()
})

test('sparse, repeated, negative or no partitions make that topic malformed', async () => {
  for (const indexes of [[0, 999_999], [0, 0], [-1], [1], []]) {
    const world = await World.make()
    world.broker(1).respond = metadataWith(world, (topic) => (topic === 'bad' ? indexes : [1, 0]))
    world.cluster.refreshTopic('bad', 'unknown')
    world.cluster.refreshTopic('good', 'unknown')
    await world.untilTopic('good')
    assert.equal(world.view('good').partitions.length, 2)
    assert.deepEqual(failures(world, 'bad')[0], { code: 'MALFORMED_RESPONSE', final: false })
    assert.deepEqual(
      world.recorded.of('onTopic').filter(([{ name }]) => name === 'bad'),
      [],
    )
    world.cluster.close()
  }
})

test('a topic that is malformed once is taken when a later response is right', async () => {
  const world = await World.make()
  world.keepRequesting()
  let responses = 0
  world.broker(1).respond = metadataWith(world, () => (responses++ === 0 ? [5] : [0]))
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  assert.equal(failures(world, 'a').length, 1)
  world.cluster.close()
})

test('Metadata with more than 10,000 nodes is malformed, and another broker is tried', async () => {
  const world = await World.make({ nodes: 2, options: { brokers: ['n1', 'n2'].map(at) } })
  world.topic('a', 1)
  let isFirst = true
  for (const broker of world.brokers.values()) {
    broker.respond = (request) => {
      if (request.api !== 'Metadata' || !isFirst) return undefined
      isFirst = false
      const brokers = Array.from({ length: 10_001 }, (_, nodeId) => ({ nodeId, ...at('n1') }))
      return { brokers, topics: [] }
    }
  }
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  assert.equal(world.cluster.nodes().length, 2)
  assert.equal(world.count('Metadata'), 2)
  world.cluster.close()
})

test('a node id that is listed twice keeps its connection over refreshes', async () => {
  const world = await World.make({ options: { brokers: [at('n1')] } })
  world.topic('a', 1)
  const broker = world.broker(1)
  broker.respond = (request) => {
    if (request.api !== 'Metadata') return undefined
    const usual = broker.metadata(request)
    return {
      ...usual,
      brokers: [
        { nodeId: 1, ...at('elsewhere') },
        { nodeId: 1, ...at('n1') },
      ],
    }
  }
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  await world.untilReady(1)
  for (let times = 2; times < 5; times++) {
    world.cluster.refreshTopic('a', 'stale')
    await world.untilTopic('a', times)
  }
  assert.equal(world.cluster.counters.connectionsOpened, 1)
  assert.equal(world.cluster.counters.connectionFailures, 0)
  world.cluster.close()
})

test('a producer id or epoch below zero is malformed, and another broker is tried', async () => {
  for (const wrong of [
    { producerId: -1, producerEpoch: 0 },
    { producerId: 5, producerEpoch: -1 },
  ]) {
    const world = await World.make()
    let responses = 0
    world.broker(1).respond = ({ api }) =>
      api === 'InitProducerId' && responses++ === 0 ? wrong : undefined
    world.cluster.initProducerId({ producerId: -1, epoch: -1 })
    await world.clock.runUntil(() => world.recorded.of('onProducerId').length > 0, 60_000)
    assert.deepEqual(world.recorded.of('onProducerId'), [[{ producerId: 1000, epoch: 0 }]])
    assert.equal(world.count('InitProducerId'), 2)
    world.cluster.close()
  }
})

/** A Produce request without topics: no transactional id, acks -1, 1 s. */
const emptyProduce = new Uint8Array([0, 0xff, 0xff, 0, 0, 3, 0xe8, 1, 0])

/** What becomes of a Produce request to node 1: the error, or null. */
const produce = async (world: World): Promise<KafkaError | null> => {
  let outcome: KafkaError | null | undefined
  world.cluster.link(1)!.produce({
    version: 9,
    chunks: [emptyProduce],
    expectsResponse: true,
    onResponse: () => {
      outcome = null
    },
    onFailure: (error) => {
      outcome = error
    },
  })
  await world.clock.runUntil(() => outcome !== undefined, 60_000)
  return outcome ?? null
}

const worldWithNode = async (options: WorldOptions = {}): Promise<World> => {
  const world = await World.make({ ...options })
  world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  await world.untilReady(1)
  return world
}

test('an offset below -1, or so high that later ones are inexact, is malformed', async () => {
  const offsets = [-1, 0, 2 ** 52, -2, -(2 ** 53) + 1, Number.MAX_SAFE_INTEGER]
  const codes: (string | null)[] = []
  for (const baseOffset of offsets) {
    const world = await worldWithNode()
    world.broker(1).respond = ({ api }) =>
      api === 'Produce'
        ? { responses: [{ name: 'a', partitionResponses: [{ index: 0, baseOffset }] }] }
        : undefined
    codes.push((await produce(world))?.code ?? null)
    world.cluster.close()
  }
  const malformed = 'MALFORMED_RESPONSE'
  assert.deepEqual(codes, [null, null, null, malformed, malformed, malformed])
})

test('a log append time that no Date can be is malformed', async () => {
  for (const [logAppendTimeMs, code] of [
    [8.64e15, null],
    [8.64e15 + 1, 'MALFORMED_RESPONSE'],
    [Number.MAX_SAFE_INTEGER, 'MALFORMED_RESPONSE'],
  ] as const) {
    const world = await worldWithNode()
    const part = { index: 0, baseOffset: 5, logAppendTimeMs }
    world.broker(1).respond = ({ api }) =>
      api === 'Produce' ? { responses: [{ name: 'a', partitionResponses: [part] }] } : undefined
    assert.equal((await produce(world))?.code ?? null, code)
    world.cluster.close()
  }
})

test('a throttle time is the reason why the link is not ready, and counts up to 60 s', async () => {
  const world = await worldWithNode()
  world.broker(1).respond = ({ api }) =>
    api === 'Produce' ? { responses: [], throttleTimeMs: 2 ** 31 - 1 } : undefined
  assert.equal(await produce(world), null)
  const link = world.cluster.link(1)!
  assert.equal(link.ready, false)
  assert.equal(link.lastError?.code, 'BROKER_UNAVAILABLE')
  assert.match(
    link.lastError?.message ?? '',
    /^n1:9092 \(node 1\) throttles this client .*60000 ms/,
  )
  await world.clock.advance(59_000)
  assert.equal(link.ready, false)
  await world.clock.advance(2_000)
  assert.equal(link.ready, true)
  assert.equal(link.lastError, null)
  world.cluster.close()
})

test('a throttle time of the handshake is waited for, and is the reason meanwhile', async () => {
  const world = await World.make()
  world.topic('a', 1)
  const usual = [0, 3, 18, 22].map((apiKey) => ({ apiKey, minVersion: 0, maxVersion: 4 }))
  world.broker(1).respond = ({ api }) =>
    api === 'ApiVersions' ? { errorCode: 0, apiKeys: usual, throttleTimeMs: 5_000 } : undefined
  world.cluster.refreshTopic('a', 'unknown')
  await world.clock.advance(4_000)
  assert.match(
    world.cluster.metadataError?.message ?? '',
    /^no usable broker: boot:9092 throttles this client by a quota: no request for 5000 ms/,
  )
  assert.deepEqual([world.count('ApiVersions'), world.count('Metadata')], [1, 0])
  await world.untilTopic('a', 1, 2_000)
  world.cluster.close()
})

test('a broker without a usable version of Produce fails at once, with a warning', async () => {
  const served: (number | undefined)[] = [2, undefined]
  for (const max of served) {
    const warnings: string[] = []
    const logger = { ...silentLogger, warn: (text: string) => warnings.push(text) }
    const world = await World.make({ options: { logger } })
    world.topic('a', 1)
    if (max === undefined) world.broker(1).versions.delete(produceApi.key)
    else world.broker(1).versions.set(produceApi.key, max)
    world.cluster.refreshTopic('a', 'unknown')
    await world.clock.runUntil(() => world.recorded.of('onTopicFailed').length > 0, 10_000)
    const [[topic, error, final] = []] = world.recorded.of('onTopicFailed')
    assert.deepEqual(
      [topic, error?.code, error?.persisted, final],
      ['a', 'UNSUPPORTED_VERSION', 'no', true],
    )
    const has = max === undefined ? 'does not serve Produce' : 'serves versions 0 to 2 of Produce'
    assert.ok(error?.message.includes(`${has}; version 3 to 13 is needed`), error?.message)
    await world.clock.advance(10_000)
    assert.equal(warnings.length, 1)
    world.cluster.close()
  }
})

test('a requirement of an option names the option', async () => {
  const requirements = [{ api: produceApi, min: 7, feature: 'compression zstd' }]
  const world = await World.make({ options: { requirements } })
  world.broker(1).versions.set(produceApi.key, 6)
  let error: KafkaError | null | undefined
  world.cluster.connect((outcome) => {
    error = outcome
  })
  await world.clock.runUntil(() => error !== undefined, 10_000)
  const pattern =
    /serves versions 0 to 6 of Produce; version 7 to 13 is needed for compression zstd/
  assert.match(error?.message ?? '', pattern)
  world.cluster.close()
})

test('the coordinator of another key is malformed, and so is one without an address', async () => {
  for (const version of [6, 3]) {
    const world = await World.make({ options: { transactionalId: 'mine' } })
    world.broker(1).versions.set(findCoordinatorApi.key, version)
    const wrong = { key: 'theirs', nodeId: 1, ...at('n1') }
    const homeless = { key: 'mine', nodeId: 1, host: '', port: 9092 }
    const right = { key: 'mine', nodeId: 1, ...at('n1') }
    const found = version === 6 ? [wrong, homeless, right] : [homeless, right]
    let requestCount = 0
    world.broker(1).respond = ({ api }) => {
      if (api !== 'FindCoordinator') return undefined
      const coordinator = found[Math.min(requestCount++, found.length - 1)]!
      return version === 6 ? { coordinators: [coordinator] } : coordinator
    }
    let identity: unknown
    world.cluster.transactions?.initProducerId({ producerId: -1, epoch: -1 }, (_error, got) => {
      identity = got
    })
    await world.clock.runUntil(() => identity !== undefined, 60_000)
    assert.deepEqual(identity, { producerId: 1000, epoch: 0 })
    assert.equal(requestCount, found.length)
    world.cluster.close()
  }
})

/** A transactional client; its broker responds as `respond`, and is every coordinator. */
const worldWithCoordinator = async (respond: FakeBroker['respond']): Promise<World> => {
  const world = await World.make({ options: { transactionalId: 'mine' } })
  const broker = world.broker(1)
  for (const { key } of [addPartitionsToTxnApi, addOffsetsToTxnApi, txnOffsetCommitApi]) {
    broker.versions.set(key, 3)
  }
  broker.respond = (request) => {
    if (request.api === 'AddOffsetsToTxn') return { errorCode: 0 }
    if (request.api !== 'FindCoordinator') return respond(request)
    const { coordinatorKeys } = request.body as FindCoordinatorRequest
    return { coordinators: coordinatorKeys.map((key) => ({ key, nodeId: 1, ...at('n1') })) }
  }
  return world
}

interface Place {
  readonly topic: string
  readonly partition: number
}

const addedTo = (places: readonly Place[]): object => ({
  resultsByTopicV3AndBelow: places.map(({ topic, partition }) => ({
    name: topic,
    resultsByPartition: [{ partitionIndex: partition, partitionErrorCode: 0 }],
  })),
})

const committedOf = (places: readonly Place[]): object => ({
  topics: places.map(({ topic, partition }) => ({
    name: topic,
    partitions: [{ partitionIndex: partition, errorCode: 0 }],
  })),
})

const scope = { producerId: 1000, epoch: 0, version2: false }

/** Adds the offset of a-1 to the transaction, and waits for the outcome. */
const sendOffset = async (world: World, groupId: string): Promise<KafkaError | null> => {
  const group = { groupId, generationId: -1, memberId: '', groupInstanceId: null }
  const offsets = [{ topic: 'a', partition: 1, offset: 5, leaderEpoch: -1, metadata: '' }]
  let outcome: KafkaError | null | undefined
  world.cluster.transactions!.sendOffsets(scope, group, offsets, (error) => {
    outcome = error
  })
  await world.clock.runUntil(() => outcome !== undefined, 60_000)
  return outcome ?? null
}

test('a partition that a coordinator does not name is neither added nor committed', async () => {
  const place = { topic: 'a', partition: 1 }
  const named = [[], [{ topic: 'a', partition: 0 }], [{ topic: 'b', partition: 1 }], [place]]
  for (const name of ['AddPartitionsToTxn', 'TxnOffsetCommit']) {
    let requestCount = 0
    const reasons: string[] = []
    const world = await worldWithCoordinator(({ api }) => {
      if (api !== name) return undefined
      reasons.push(world.cluster.transactions?.lastError?.message ?? '')
      const places = named[requestCount++]!
      return name === 'TxnOffsetCommit' ? committedOf(places) : addedTo(places)
    })
    let outcome: KafkaError | null | undefined
    if (name === 'TxnOffsetCommit') outcome = await sendOffset(world, 'g')
    else {
      world.cluster.transactions!.addPartitions(scope, [place], (error) => {
        outcome = error
      })
      await world.clock.runUntil(() => outcome !== undefined, 60_000)
    }
    assert.equal(outcome, null)
    assert.equal(requestCount, named.length, name)
    assert.match(reasons.at(-1)!, new RegExp(`Malformed ${name} response of n1.*a-1`))
    world.cluster.close()
  }
})

test('of many groups whose offsets were sent, the oldest are forgotten', async () => {
  const world = await worldWithCoordinator(({ api }) =>
    api === 'TxnOffsetCommit' ? committedOf([{ topic: 'a', partition: 1 }]) : undefined,
  )
  const groupCount = 120
  for (let group = 0; group < groupCount; group++) {
    assert.equal(await sendOffset(world, `g${group}`), null)
    await sendOffset(world, 'often')
  }
  // One for the transactional id, and one for each group.
  const findings = groupCount + 2
  assert.equal(world.count('FindCoordinator'), findings)
  await sendOffset(world, `g${groupCount - 1}`)
  assert.equal(world.count('FindCoordinator'), findings, 'a recent group is known')
  await sendOffset(world, 'g0')
  assert.equal(world.count('FindCoordinator'), findings + 1, 'the oldest one is not')
  world.cluster.close()
})

test('a broker that is not the expected node makes the client bootstrap again', async () => {
  const world = await World.make({ nodes: 2, options: { brokers: [at('n1')] } })
  world.topic('a', 2)
  let isMisrouted = true
  const expected: unknown[] = []
  world.broker(2).respond = ({ api, body }) => {
    if (api !== 'ApiVersions') return undefined
    const { nodeId, clusterId } = body as { nodeId: number; clusterId: string | null }
    expected.push({ nodeId, clusterId })
    return isMisrouted ? { errorCode: 129 } : undefined
  }
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  world.cluster.link(2)?.open()
  await world.clock.runUntil(() => world.cluster.counters.rebootstraps > 0, 60_000)
  isMisrouted = false
  await world.untilTopic('a', 2)
  await world.untilReady(2)
  assert.deepEqual(expected[0], { nodeId: 2, clusterId: 'fake' })
  world.cluster.close()
})

test('the level of transaction.version follows the newest epoch, up and down', async () => {
  const world = await World.make({ options: { transactionalId: 'x', brokers: [at('n1')] } })
  world.topic('a', 1)
  world.cluster.refreshTopic('a', 'unknown')
  await world.untilTopic('a')
  const steps = [
    { epoch: 4, transactionVersion: 2, isVersion2: true },
    { epoch: 3, transactionVersion: 1, isVersion2: true },
    { epoch: 5, transactionVersion: 1, isVersion2: false },
    { epoch: 6, transactionVersion: 2, isVersion2: true },
    { epoch: 7, transactionVersion: 0, isVersion2: false },
  ]
  for (const { isVersion2, ...features } of steps) {
    world.state.features = features
    world.broker(1).closeStreams()
    await world.clock.runUntil(() => world.cluster.link(1)?.ready === false, 10_000)
    await world.untilReady(1)
    assert.equal(world.cluster.transactions?.version2, isVersion2, JSON.stringify(features))
  }
  world.cluster.close()
})

test('a telemetry subscription of many prefixes is compiled once and searched fast', () => {
  const prefixes = Array.from({ length: 1000 }, (_, index) => `org.apache.kafka.${index}.`)
  const selection = new MetricSelection([...prefixes, 'org.apache.kafka.7', 'client.', 'client.id'])
  const names = ['org.apache.kafka.999.x', 'org.apache.kafka.7', 'client.id', 'client.x']
  for (const name of names) assert.equal(selection.has(name), true, name)
  for (const name of ['', 'a', 'org.apache.kafka', 'org.apache.kafka.8', 'zzz', 'client']) {
    assert.equal(selection.has(name), false, name)
  }
  assert.equal(new MetricSelection(['']).has('anything'), true)
  assert.equal(new MetricSelection([]).isEmpty, true)
})
