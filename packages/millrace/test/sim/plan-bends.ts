// Where chance alone seldom leads: some seeds, by their remainder of 24, have a plan that is bent
// towards one kind of fault, and some by their remainder of 48 towards one decision of the engine
// (plan-decisions.ts). More kinds are added here; a bend changes data only.

import type { Chance } from './chance.ts'
import type { DrawnPlan } from './plan.ts'
import { type CallStep, drawRecords, noLimits } from './plan-calls.ts'
import {
  withMalformedResponses,
  withPurges,
  withRacks,
  withSickBroker,
  withSlowBroker,
  withTopicLinger,
  withTopicOptions,
} from './plan-decisions.ts'
import type { FaultStep } from './plan-faults.ts'

export type Bend = (drawn: DrawnPlan, chance: Chance, durationMs: number) => DrawnPlan

const drawSend = (chance: Chance, { topics }: DrawnPlan, atMs: number): CallStep => ({
  atMs,
  kind: 'send',
  records: drawRecords(chance, { topics, durationMs: 0 }, 6),
  limits: noLimits,
})

/** One batch that is too large to be copied on its way: a socket reads the batch's own buffer. */
const drawLargeSend = (chance: Chance, { topics }: DrawnPlan, atMs: number): CallStep => {
  const [record] = drawRecords(chance, { topics, durationMs: 0 }, 1)
  const large = { ...record!, partition: 0, tombstone: false, valueBytes: 4000 }
  return { atMs, kind: 'send', records: [large, large, large], limits: noLimits }
}

/**
 * Brokers stop reading while batches expire, and the program continues: what the sockets have not
 * taken is still their own.
 */
const withFullSockets: Bend = (drawn, chance, durationMs) => {
  const frozenAtMs = chance.between(400, 400 + durationMs)
  // Some connect, some fill the sockets and expire, some find buffers to reuse.
  const sendsAtMs = [-400, -350, -5, 0, 5, 10, 50, 100, 800, 850, 900, 1000, 1600, 1800, 2000]
  return {
    ...drawn,
    network: { ...drawn.network, windowBytes: chance.pick([512, 4096]) },
    topics: drawn.topics.map((topic) => ({ ...topic, config: {} })),
    options: {
      ...drawn.options,
      batchBytes: 16_384,
      maxRequestBytes: 65_536,
      bufferMemoryBytes: 262_144,
      deliveryTimeoutMs: 700,
      requestTimeoutMs: 5000,
      compression: 'none',
    },
    calls: [
      ...drawn.calls,
      ...sendsAtMs.map((afterMs) => drawLargeSend(chance, drawn, frozenAtMs + afterMs)),
    ],
    faults: [
      ...drawn.faults.slice(0, 1),
      ...Array.from(
        { length: drawn.cluster.nodes },
        (_, index): FaultStep => ({
          kind: 'freezeNode',
          node: index + 1,
          atMs: chance.percent(80) ? frozenAtMs : chance.between(0, durationMs),
          forMs: 2500,
        }),
      ),
    ],
  }
}

/** Leaders move while responses about them are slow: metadata comes in the wrong order. */
const withSlowNews: Bend = (drawn, chance, durationMs) => {
  const nodes = 3
  const moves = Array.from({ length: 8 }, (): FaultStep => {
    const topic = chance.pick(drawn.topics)
    return {
      kind: 'moveLeader',
      topic: topic.name,
      partition: chance.between(0, topic.partitions - 1),
      node: chance.between(1, nodes),
      atMs: chance.between(0, durationMs),
      forMs: 0,
    }
  })
  const slow: FaultStep = {
    kind: 'rule',
    rule: { api: 'Metadata', at: 'after', count: 100, delayMs: chance.pick([30, 300]) },
    atMs: 0,
    forMs: durationMs,
  }
  return {
    ...drawn,
    cluster: { ...drawn.cluster, nodes, versions: '4.4' },
    options: { ...drawn.options, metadataMaxAgeMs: 1000 },
    faults: [slow, ...moves, ...drawn.faults.slice(0, 1)],
  }
}

/** A dense stream of sends lasts as long. */
const streamMs = 600

interface Partition {
  readonly topic: string
  readonly partition: number
}

const drawPartition = (chance: Chance, { topics }: DrawnPlan): Partition => {
  const { name: topic, partitions } = chance.pick(topics)
  return { topic, partition: chance.between(0, partitions - 1) }
}

/** One request for the partition is rejected, or is carried out without a response. */
const failOnce = (
  place: Partition,
  atMs: number,
  what: 'refused' | 'withoutResponse',
): FaultStep => {
  const request = { api: 'Produce', count: 1, ...place } as const
  return {
    kind: 'rule',
    rule:
      what === 'refused'
        ? { ...request, at: 'before', error: 'NOT_ENOUGH_REPLICAS' }
        : { ...request, at: 'after', close: true },
    atMs,
    forMs: 2000,
  }
}

/** What the partition remembers of its producers is gone, or is not what it was. */
const drawLapse = (chance: Chance, place: Partition, atMs: number): FaultStep => {
  const once = { atMs, forMs: 0 }
  return chance.weighted<FaultStep>([
    [2, { ...once, kind: 'forget', topic: place.topic }],
    [1, { ...once, kind: 'expireIds' }],
    [2, { ...once, kind: 'shiftState', ...place, what: 'sequence' }],
    [5, { ...once, kind: 'shiftState', ...place, what: 'epoch' }],
  ])
}

const withStream = (drawn: DrawnPlan, chance: Chance): DrawnPlan => {
  const { acks: _acks, idempotent: _idempotent, ...options } = drawn.options
  return {
    ...drawn,
    network: { ...drawn.network, latencyMinMs: 5, latencyMaxMs: 10, windowBytes: 256 * 1024 },
    options: { ...options, flush: undefined, lingerMs: 0, maxInFlightRequests: 5 },
    calls: Array.from({ length: 90 }, () => drawSend(chance, drawn, chance.between(0, streamMs))),
  }
}

/**
 * A response is lost, then the partition's state, and no producer id can be had: records
 * whose outcome is unknown expire.
 */
const withUnknownOutcome: Bend = (plan, chance) => {
  const drawn = withStream(plan, chance)
  const noIds: FaultStep = {
    kind: 'rule',
    rule: { api: 'InitProducerId', at: 'before', count: 100, error: 'COORDINATOR_NOT_AVAILABLE' },
    atMs: 100,
    forMs: 3000,
  }
  const draw = (): FaultStep[] => {
    const place = drawPartition(chance, drawn)
    const atMs = chance.between(50, streamMs)
    return [
      failOnce(place, atMs, chance.percent(80) ? 'withoutResponse' : 'refused'),
      drawLapse(chance, place, atMs + chance.between(0, 40)),
    ]
  }
  return {
    ...drawn,
    options: { ...drawn.options, deliveryTimeoutMs: 700 },
    faults: [noIds, ...Array.from({ length: 8 }, draw).flat()],
  }
}

/** The producer id is renewed, and partitions reject the first batch that they see of it. */
const withNewIds: Bend = (plan, chance) => {
  const drawn = withStream(plan, chance)
  const draw = (): FaultStep[] => {
    const atMs = chance.between(50, streamMs)
    const rejections = Array.from({ length: 6 }, () =>
      failOnce(drawPartition(chance, drawn), atMs + chance.between(20, 60), 'refused'),
    )
    return [drawLapse(chance, drawPartition(chance, drawn), atMs), ...rejections]
  }
  return { ...drawn, faults: Array.from({ length: 8 }, draw).flat() }
}

const bends: ReadonlyMap<number, Bend> = new Map([
  [3, withFullSockets],
  [9, withSlowNews],
  [12, withUnknownOutcome],
  [15, withFullSockets],
  [8, withNewIds],
  [13, withNewIds],
  [22, withNewIds],
  [21, withSlowNews],
])

const decisionBends: ReadonlyMap<number, Bend> = new Map([
  [0, withMalformedResponses],
  [1, withTopicOptions],
  [7, withSickBroker],
  [11, withSlowBroker],
  [16, withRacks],
  [23, withPurges],
  [26, withSickBroker],
  [31, withTopicLinger],
  [42, withRacks],
  [43, withPurges],
  [44, withTopicOptions],
  [47, withMalformedResponses],
])

/** The bend of a seed; most have none. */
export const bendOf = (seed: number): Bend | undefined =>
  bends.get(seed % 24) ?? decisionBends.get(seed % 48)
