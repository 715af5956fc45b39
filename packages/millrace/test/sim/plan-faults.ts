// The faults of a seed: what goes wrong, where, when and for how long. Only what a real cluster
// or network can do: a response never says that something was not written which was, or the other
// way round.

import type { Chance } from './chance.ts'
import type { ClusterPlan, TopicPlan } from './plan.ts'

/** A rule for the in-process cluster, limited to the time of its step. */
export interface RulePlan {
  readonly api: 'Produce' | 'Metadata' | 'InitProducerId' | 'ApiVersions'
  readonly node?: number
  readonly topic?: string
  readonly partition?: number
  readonly count: number
  readonly at: 'before' | 'after'
  readonly error?: string
  readonly drop?: boolean
  readonly close?: boolean
  readonly delayMs?: number
  readonly throttleMs?: number
  readonly malformed?: 'huge' | 'truncated' | 'garbage'
}

interface Span {
  readonly atMs: number
  /** 0 = done at once. */
  readonly forMs: number
}

export type FaultStep = Span &
  (
    | { readonly kind: 'rule'; readonly rule: RulePlan }
    | { readonly kind: 'stopNode'; readonly node: number; readonly elsewhere: boolean }
    | { readonly kind: 'freezeNode'; readonly node: number }
    | { readonly kind: 'disconnect'; readonly node: number }
    | {
        readonly kind: 'network'
        readonly node: number
        readonly what: 'blackHole' | 'toHeld' | 'fromHeld' | 'refuse' | 'pause' | 'strand'
      }
    | { readonly kind: 'cut'; readonly node: number; readonly inFlight: 'lost' | 'delivered' }
    | { readonly kind: 'dns'; readonly what: 'slow' | 'fails' }
    | {
        readonly kind: 'moveLeader'
        readonly topic: string
        readonly partition: number
        readonly node: number
      }
    | { readonly kind: 'forget'; readonly topic: string }
    | { readonly kind: 'expireIds' }
    | { readonly kind: 'remakeTopic'; readonly topic: string }
    /** The partition expects other numbers (45), or knows a newer epoch of the producer (47). */
    | {
        readonly kind: 'shiftState'
        readonly topic: string
        readonly partition: number
        readonly what: 'sequence' | 'epoch'
      }
  )

interface Frame {
  readonly topics: readonly TopicPlan[]
  readonly cluster: ClusterPlan
  readonly durationMs: number
}

/** Errors that come before anything is written. */
const errorsBefore = [
  'NOT_LEADER_OR_FOLLOWER',
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'NOT_ENOUGH_REPLICAS',
  'CORRUPT_MESSAGE',
  'REQUEST_TIMED_OUT',
  'KAFKA_STORAGE_ERROR',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NETWORK_EXCEPTION',
  'TOPIC_AUTHORIZATION_FAILED',
  'POLICY_VIOLATION',
  'UNKNOWN_SERVER_ERROR',
] as const

/** Errors that may come after it was. */
const errorsAfter = [
  'REQUEST_TIMED_OUT',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'NOT_LEADER_OR_FOLLOWER',
  'KAFKA_STORAGE_ERROR',
  'UNKNOWN_SERVER_ERROR',
] as const

const producerIdErrors = [
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'CLUSTER_AUTHORIZATION_FAILED',
] as const

const metadataErrors = [
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'TOPIC_AUTHORIZATION_FAILED',
] as const

const drawApi = (chance: Chance): RulePlan['api'] =>
  chance.weighted<RulePlan['api']>([
    [75, 'Produce'],
    [15, 'Metadata'],
    [6, 'InitProducerId'],
    [4, 'ApiVersions'],
  ])

const drawError = (chance: Chance, api: RulePlan['api'], at: RulePlan['at']): string => {
  if (api === 'InitProducerId') return chance.pick(producerIdErrors)
  if (api === 'Metadata') return chance.pick(metadataErrors)
  return chance.pick(at === 'before' ? errorsBefore : errorsAfter)
}

const drawEffect = (chance: Chance, api: RulePlan['api'], at: RulePlan['at']) =>
  chance.weighted<() => Partial<RulePlan>>([
    [api === 'ApiVersions' ? 0 : 40, () => ({ error: drawError(chance, api, at) })],
    [14, () => ({ drop: true })],
    [18, () => ({ close: true })],
    [18, () => ({ delayMs: chance.pick([2, 30, 400, 3000]) })],
    [10, () => ({ throttleMs: chance.pick([10, 200, 1500]) })],
  ])()

const drawRule = (chance: Chance, frame: Frame): RulePlan => {
  const api = drawApi(chance)
  const at = chance.percent(55) ? 'before' : 'after'
  const topic = chance.pick(frame.topics)
  const atTopic = (api === 'Produce' || api === 'Metadata') && chance.percent(50)
  return {
    api,
    at,
    count: chance.pick([1, 1, 2, 4, 20]),
    ...(chance.percent(25) ? { node: chance.between(1, frame.cluster.nodes) } : {}),
    ...(atTopic ? { topic: topic.name } : {}),
    ...(atTopic && api === 'Produce' && chance.percent(50)
      ? { partition: chance.between(0, topic.partitions - 1) }
      : {}),
    ...drawEffect(chance, api, at),
  }
}

const networkKinds = ['blackHole', 'toHeld', 'fromHeld', 'refuse', 'pause', 'strand'] as const

const drawFault = (chance: Chance, frame: Frame): FaultStep => {
  const atMs = chance.percent(25) ? 0 : chance.between(0, frame.durationMs)
  const forMs = chance.pick([20, 300, 2000, 6000])
  const node = chance.between(1, frame.cluster.nodes)
  const { name: topic, partitions } = chance.pick(frame.topics)
  const partition = chance.between(0, partitions - 1)
  const at = { atMs, forMs: 0 }
  const span = { atMs, forMs }
  return chance.weighted<() => FaultStep>([
    [46, () => ({ ...span, kind: 'rule', rule: drawRule(chance, frame) })],
    // Where the first node moves, the client can't find the cluster again.
    [8, () => ({ ...span, kind: 'stopNode', node, elsewhere: node > 1 && chance.percent(40) })],
    [5, () => ({ ...span, kind: 'freezeNode', node })],
    [4, () => ({ ...at, kind: 'disconnect', node })],
    [8, () => ({ ...span, kind: 'network', node, what: chance.pick(networkKinds) })],
    [5, () => ({ ...at, kind: 'cut', node, inFlight: chance.pick(['lost', 'delivered']) })],
    [2, () => ({ ...span, kind: 'dns', what: chance.pick(['slow', 'fails']) })],
    [9, () => ({ ...at, kind: 'moveLeader', topic, partition, node })],
    [4, () => ({ ...at, kind: 'forget', topic })],
    [1, () => ({ ...at, kind: 'expireIds' })],
    [3, () => ({ ...span, forMs: chance.pick([0, 10, 500]), kind: 'remakeTopic', topic })],
    [
      4,
      () => ({
        ...at,
        kind: 'shiftState',
        topic,
        partition,
        what: chance.pick(['sequence', 'epoch']),
      }),
    ],
  ])()
}

export const drawFaults = (chance: Chance, frame: Frame): FaultStep[] => {
  const count = chance.weighted([
    [4, chance.between(1, 2)],
    [4, chance.between(2, 6)],
    [2, chance.between(6, 15)],
  ])
  return Array.from({ length: count }, () => drawFault(chance, frame)).sort(
    (left, right) => left.atMs - right.atMs,
  )
}
