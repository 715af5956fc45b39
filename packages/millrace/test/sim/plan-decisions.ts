// Plans that are bent towards one decision of the engine: which partition a record without a key
// goes to while a broker hangs, is slow or is far away, how the buffer is shared then, what `purge`
// fails, what a topic has of its own, and responses that can't be read. Claims say what must come
// of it, beside what must hold in every run (decision-checks.ts).

import { partitionerNames } from '../../src/engine/partitioner/partitioner.ts'
import { malformedKinds } from '../../src/in-process-cluster/malformed-response.ts'
import type { PerTopicOptions } from '../../src/producer/producer-options.ts'
import type { Chance } from './chance.ts'
import type { DrawnPlan, TopicPlan } from './plan.ts'
import type { Bend } from './plan-bends.ts'
import { type CallStep, drawRecords, noLimits, type RecordPlan } from './plan-calls.ts'
import type { FaultStep, RulePlan } from './plan-faults.ts'

/** Of records that were sent in this time. */
interface Span {
  readonly fromMs: number
  readonly toMs: number
}

export type Claim = Span &
  /** Records without a key are in partitions of other brokers, or of some broker of these. */
  (
    | { readonly kind: 'avoided' | 'used'; readonly nodes: readonly number[] }
    /** Of the records without a key, the broker has this part at most. */
    | { readonly kind: 'seldom'; readonly node: number; readonly percentMax: number }
    /** Records for partitions of brokers other than this one are delivered in this time. */
    | { readonly kind: 'prompt'; readonly except: number; readonly withinMs: number }
    /** A batch is first sent when its oldest record has the age of its topic's linger. */
    | { readonly kind: 'lingers' }
  )

const nodes = 3
const partitions = 6
const topic = 'topic-0'
const plain: TopicPlan = { name: topic, partitions, config: {}, exists: true }

const recordFor = (partition: number, key: string, valueBytes: number): RecordPlan => ({
  topic,
  partition,
  key,
  valueBytes,
  tombstone: false,
  headers: 0,
  timestampOffsetMs: null,
  reusesBytes: false,
})

/** Every ten milliseconds: so many records without a key, and so many for one partition each. */
const streamOf = (
  chance: Chance,
  fromMs: number,
  endMs: number,
  keyless: number,
  named: number,
  valueBytes: number,
): CallStep[] =>
  Array.from({ length: (endMs - fromMs) / 10 }, (_, tick) => ({
    atMs: fromMs + tick * 10,
    kind: 'send',
    records: [
      ...Array.from({ length: keyless }, () => recordFor(-1, '', valueBytes)),
      ...Array.from({ length: named }, () =>
        recordFor(chance.between(0, partitions - 1), 'k', valueBytes),
      ),
    ],
    limits: noLimits,
  }))

/** Three brokers, six partitions, a quick network, and a stream that ends with the last result. */
const onThreeBrokers = (drawn: DrawnPlan, changes: Partial<DrawnPlan>): DrawnPlan => ({
  ...drawn,
  cluster: { ...drawn.cluster, nodes, versions: '4.4', electionMs: 0, tellsDuplicates: false },
  network: { latencyMinMs: 1, latencyMaxMs: 3, pieceBytesMax: 0, windowBytes: 256 * 1024 },
  topics: [plain],
  ending: { kind: 'close', atMs: -1, withinMs: 0 },
  faults: [],
  ...changes,
  options: {
    ...drawn.options,
    // Without responses there is nothing to learn of a broker.
    acks: drawn.options.acks === 0 ? 1 : drawn.options.acks,
    flush: undefined,
    retries: undefined,
    lingerMs: 0,
    batchBytes: 1024,
    maxRequestBytes: 65_536,
    bufferMemoryBytes: 131_072,
    deliveryTimeoutMs: 120_000,
    maxBlockMs: 60_000,
    compression: 'none',
    ...changes.options,
  },
})

const freeze = (node: number, atMs: number, forMs: number): FaultStep => ({
  kind: 'freezeNode',
  node,
  atMs,
  forMs,
})

/** Partitioners that choose a partition for records without a key. */
const choosing = partitionerNames.filter((name) => name !== 'manual')

/** How long it may take after a timeout, or after the end of an outage, until a broker is used. */
const noticedMs = 400
const usedAgainMs = 2500

/**
 * One broker hangs, and has its share of the buffer soon: records for the others go on, and those
 * that may go anywhere avoid it until it responds again.
 */
export const withSickBroker: Bend = (drawn, chance) => {
  const node = chance.between(1, nodes)
  const timeoutMs = chance.pick([200, 1000])
  const [frozenMs, thawMs, endMs] = [1000, 5000, 10_500]
  const burst: CallStep = {
    atMs: frozenMs + chance.between(0, 200),
    kind: 'send',
    records: Array.from({ length: 80 }, (_, index) => recordFor(index % partitions, 'k', 500)),
    limits: noLimits,
  }
  return onThreeBrokers(drawn, {
    options: {
      partitioner: chance.pick(choosing),
      partitionerAvailabilityTimeoutMs: timeoutMs,
    },
    calls: [
      ...streamOf(chance, 0, thawMs, 1, 2, 400),
      burst,
      // A hundred runs of a sticky partitioner: some of them go to the broker.
      ...streamOf(chance, thawMs, endMs, 1, 0, 6000),
    ],
    faults: [freeze(node, frozenMs, thawMs - frozenMs)],
    claims: [
      { kind: 'prompt', except: node, withinMs: 300, fromMs: frozenMs + 1000, toMs: thawMs },
      { kind: 'avoided', nodes: [node], fromMs: frozenMs + timeoutMs + noticedMs, toMs: thawMs },
      { kind: 'used', nodes: [node], fromMs: thawMs + usedAgainMs, toMs: endMs },
    ],
  })
}

/** One broker takes 200 ms for each response: records without a key go there as it takes them. */
export const withSlowBroker: Bend = (drawn, chance) => {
  const node = chance.between(1, nodes)
  const endMs = 4000
  return onThreeBrokers(drawn, {
    options: {
      partitioner: chance.pick(['java', 'sticky']),
      batchBytes: 16_384,
      bufferMemoryBytes: 8 * 1024 * 1024,
    },
    calls: streamOf(chance, 0, endMs, 5, 0, 3000),
    faults: [
      {
        kind: 'rule',
        rule: { api: 'Produce', node, at: 'before', count: 100_000, delayMs: 200 },
        atMs: 0,
        forMs: endMs,
      },
    ],
    claims: [{ kind: 'seldom', node, percentMax: 25, fromMs: 1500, toMs: endMs }],
  })
}

/**
 * Brokers have racks: records without a key stay in the rack of the producer, but for the time in
 * which none of its brokers responds.
 */
export const withRacks: Bend = (drawn, chance) => {
  const racks = chance.pick([
    ['a', 'b', 'c'],
    ['a', 'a', 'b'],
    ['b', 'a', 'a'],
  ])
  const rack = chance.pick(racks)
  const ids = racks.map((_, index) => index + 1)
  const near = ids.filter((id) => racks[id - 1] === rack)
  const far = ids.filter((id) => racks[id - 1] !== rack)
  const [frozenMs, thawMs, endMs] = [1000, 3000, 7500]
  const timeoutMs = 200
  const isNearSick = chance.percent(50)
  const sick = isNearSick ? near : chance.percent(50) ? [chance.pick(far)] : []
  const stays = (fromMs: number, toMs: number): Claim => ({
    kind: 'avoided',
    nodes: far,
    fromMs,
    toMs,
  })
  const leaves: Claim = {
    kind: 'avoided',
    nodes: near,
    fromMs: frozenMs + timeoutMs + noticedMs,
    toMs: thawMs,
  }
  const onceSick = [stays(0, frozenMs), leaves, stays(thawMs + usedAgainMs, endMs)]
  const changed = onThreeBrokers(drawn, {
    options: {
      rack,
      partitioner: chance.pick(choosing),
      partitionerAvailabilityTimeoutMs: timeoutMs,
    },
    calls: streamOf(chance, 0, endMs, 1, 1, 300),
    faults: sick.map((node) => freeze(node, frozenMs, thawMs - frozenMs)),
    claims: isNearSick ? onceSick : [stays(0, endMs)],
  })
  return { ...changed, cluster: { ...changed.cluster, racks } }
}

/** `purge` is called while records wait: for a broker, a leader, a topic or space. */
export const withPurges: Bend = (drawn, chance, durationMs) => {
  const drawPurge = (): CallStep => {
    const { name, partitions: count } = chance.pick(drawn.topics)
    const scope = chance.pick([
      {},
      { topic: name },
      { topic: name, partition: chance.between(0, count - 1) },
    ])
    return { atMs: chance.between(0, durationMs), kind: 'purge', scope }
  }
  const frame = { topics: drawn.topics, durationMs }
  const burstAtMs = chance.between(0, durationMs)
  const burst = Array.from(
    { length: 20 },
    (): CallStep => ({
      atMs: burstAtMs,
      kind: 'send',
      records: drawRecords(chance, frame, 12),
      limits: noLimits,
    }),
  )
  const purges = Array.from({ length: chance.between(2, 8) }, drawPurge)
  const outage = freeze(chance.between(1, drawn.cluster.nodes), burstAtMs, 2000)
  return {
    ...drawn,
    calls: [
      ...drawn.calls.map((call) =>
        call.kind === 'enqueue' ? { ...call, callback: 'plain' as const } : call,
      ),
      ...burst,
      ...purges,
      { ...drawPurge(), atMs: burstAtMs + chance.between(0, 1500) },
    ],
    faults: chance.percent(70) ? [...drawn.faults, outage] : drawn.faults,
  }
}

const drawTopicOptions = (chance: Chance): PerTopicOptions => ({
  ...(chance.percent(60)
    ? { compression: chance.pick(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) }
    : {}),
  ...(chance.percent(60) ? { batchBytes: chance.pick([1024, 2048, 4096]) } : {}),
  ...(chance.percent(60)
    ? {
        partitioner: chance.pick(['java', 'consistent_random', 'fnv1a', 'kafkajs_legacy'] as const),
      }
    : {}),
})

/** Each topic has codec, partitioner and batch size of its own beside those of the producer. */
export const withTopicOptions: Bend = (drawn, chance) => ({
  ...drawn,
  cluster: { ...drawn.cluster, versions: '4.4' },
  topics: drawn.topics.map((each) => ({ ...each, config: {} })),
  options: {
    ...drawn.options,
    maxRequestBytes: 65_536,
    topics: Object.fromEntries(drawn.topics.map(({ name }) => [name, drawTopicOptions(chance)])),
  },
})

/** One topic lingers, the others do not. Nothing else may release a batch. */
export const withTopicLinger: Bend = (drawn, chance) => {
  const lingerMs = chance.pick([30, 200])
  const endMs = 3000
  const calls = Array.from(
    { length: 60 },
    (): CallStep => ({
      atMs: chance.between(0, endMs),
      kind: 'send',
      records: [
        { ...recordFor(chance.between(-1, 1), '', 40), topic: chance.pick([topic, 'topic-1']) },
      ],
      limits: noLimits,
    }),
  )
  return onThreeBrokers(drawn, {
    topics: [plain, { ...plain, name: 'topic-1', partitions: 2 }],
    options: {
      partitioner: 'java',
      bufferMemoryBytes: 1_048_576,
      topics: { [topic]: { lingerMs, batchBytes: 16_384 } },
    },
    calls,
    claims: [{ kind: 'lingers', fromMs: 0, toMs: endMs }],
  })
}

/** Responses are huge, cut or garbage, and some records run out of time meanwhile. */
export const withMalformedResponses: Bend = (drawn, chance, durationMs) => {
  // InitProducerId has no counts: its garbage would be read, as a throttle time of a minute.
  const kindsOf = (api: RulePlan['api']) =>
    api === 'InitProducerId' ? (['huge', 'truncated'] as const) : malformedKinds
  const draw = (api: RulePlan['api'], count: number): FaultStep => ({
    kind: 'rule',
    rule: { api, at: 'after', count, malformed: chance.pick(kindsOf(api)) },
    atMs: chance.percent(25) ? 0 : chance.between(0, durationMs),
    forMs: chance.pick([300, 2000, 6000]),
  })
  const apis = ['Produce', 'Produce', 'Metadata', 'InitProducerId', 'ApiVersions'] as const
  return {
    ...drawn,
    options: { ...drawn.options, deliveryTimeoutMs: 700 },
    faults: [
      ...drawn.faults.slice(0, 2),
      ...Array.from({ length: 3 }, () => draw('Produce', 100)),
      ...Array.from({ length: chance.between(1, 6) }, () =>
        draw(chance.pick(apis), chance.pick([1, 2, 4])),
      ),
    ],
  }
}
