// What a seed stands for where the program uses transactions: one or two transactional ids, the
// producers that use each of them, one after the other or at once, their transactions, and the
// faults. Plain data, drawn before anything runs.

import type { TransactionLevel } from '../../src/in-process-cluster/transaction-entry.ts'
import type { KafkaRelease } from '../../src/in-process-cluster/versions.ts'
import { Chance } from './chance.ts'
import type { ClusterPlan, NetworkPlan, Plan, TopicPlan } from './plan.ts'
import { type CallLimits, drawRecords, noLimits, type RecordPlan } from './plan-calls.ts'
import { drawFaults, type FaultStep } from './plan-faults.ts'
import { drawOptions } from './plan-options.ts'
import { drawTransactionFaults, type TransactionFaultStep } from './plan-transaction-faults.ts'

/** What the program does within a transaction. */
export type WorkStep =
  | {
      readonly kind: 'send' | 'batch'
      readonly records: readonly RecordPlan[]
      readonly limits: CallLimits
      readonly isAwaited: boolean
    }
  | { readonly kind: 'enqueue'; readonly records: readonly RecordPlan[] }
  | {
      readonly kind: 'offsets'
      readonly group: string
      readonly partition: number
      /** As a consumer that the group has replaced. */
      readonly isStranger: boolean
      readonly limits: CallLimits
      readonly isAwaited: boolean
    }
  | { readonly kind: 'pause'; readonly forMs: number }
  | { readonly kind: 'flush' }
  | { readonly kind: 'throw' }

export interface TransactionPlan {
  readonly pauseBeforeMs: number
  /** `producer.transaction(work)`, or a handle, with or without `await using`. */
  readonly style: 'function' | 'handle' | 'block'
  readonly steps: readonly WorkStep[]
  /** `leave`: neither; the handle of a block is aborted at its end. */
  readonly end: 'commit' | 'abort' | 'leave'
  /** A record that fails is found out by the program at once, or by its commit. */
  readonly heeds: boolean
  readonly beginLimits: CallLimits
  readonly endLimits: CallLimits
}

/** One producer, and what its program does with it. */
export interface SessionPlan {
  readonly transactionalId: string
  readonly startAtMs: number
  readonly transactionTimeoutMs: number
  readonly transactions: readonly TransactionPlan[]
  /** What follows the last transaction; `open` = while another one is open. */
  readonly ending: 'stay' | 'close' | 'closeOpen' | 'destroy' | 'destroyOpen' | 'leaveOpen'
  /** Continues when it is fenced, as a program that ignores its errors. */
  readonly isStubborn: boolean
}

export interface TransactionsPlan extends Omit<Plan, 'ending' | 'calls' | 'faults'> {
  readonly level: TransactionLevel
  readonly markerDelayMs: number
  readonly coordinatorLoadMs: number
  readonly sessions: readonly SessionPlan[]
  readonly faults: readonly (FaultStep | TransactionFaultStep)[]
}

interface Frame {
  readonly topics: readonly TopicPlan[]
  readonly groups: readonly string[]
  readonly durationMs: number
  readonly hasFaults: boolean
}

const drawLimits = (chance: Chance): CallLimits =>
  chance.weighted<() => CallLimits>([
    [88, () => noLimits],
    [6, () => ({ abortAfterMs: chance.pick([0, 1, 5, 40, 900]), timeoutMs: -1 })],
    [6, () => ({ abortAfterMs: -1, timeoutMs: chance.pick([0, 3, 30, 600, 5000]) })],
  ])()

const drawStep = (chance: Chance, frame: Frame): WorkStep => {
  const isAwaited = chance.percent(50)
  return chance.weighted<() => WorkStep>([
    [
      34,
      () => ({
        kind: 'send',
        records: drawRecords(chance, frame, 6),
        limits: drawLimits(chance),
        isAwaited,
      }),
    ],
    [
      14,
      () => ({
        kind: 'batch',
        records: drawRecords(chance, frame, 20),
        limits: drawLimits(chance),
        isAwaited,
      }),
    ],
    [22, () => ({ kind: 'enqueue', records: drawRecords(chance, frame, 12) })],
    [
      16,
      () => ({
        kind: 'offsets',
        group: chance.pick(frame.groups),
        partition: chance.between(0, 1),
        isStranger: chance.percent(4),
        limits: drawLimits(chance),
        isAwaited,
      }),
    ],
    [10, () => ({ kind: 'pause', forMs: chance.pick([0, 1, 20, 300, 1500]) })],
    [3, () => ({ kind: 'flush' })],
    [2, () => ({ kind: 'throw' })],
  ])()
}

const drawTransaction = (chance: Chance, frame: Frame): TransactionPlan => {
  const count = chance.weighted([
    [1, 0],
    [5, chance.between(1, 3)],
    [3, chance.between(3, 8)],
  ])
  return {
    pauseBeforeMs: chance.pick([0, 0, 0, 5, 100, 1000]),
    style: chance.pick(['function', 'handle', 'handle', 'block'] as const),
    steps: Array.from({ length: count }, () => drawStep(chance, frame)),
    end: chance.weighted([
      [76, 'commit' as const],
      [18, 'abort' as const],
      [6, 'leave' as const],
    ]),
    heeds: chance.percent(60),
    beginLimits: drawLimits(chance),
    endLimits: drawLimits(chance),
  }
}

const drawSession = (
  chance: Chance,
  frame: Frame,
  transactionalId: string,
  index: number,
): SessionPlan => ({
  transactionalId,
  startAtMs: index === 0 ? chance.pick([0, 0, 200]) : chance.between(0, frame.durationMs),
  transactionTimeoutMs: chance.pick([250, 1000, 5000, 60_000, 60_000]),
  transactions: Array.from({ length: chance.between(1, 7) }, () => drawTransaction(chance, frame)),
  ending: chance.weighted([
    [10, 'stay' as const],
    [3, 'close' as const],
    [2, 'closeOpen' as const],
    [1, 'destroy' as const],
    [2, 'destroyOpen' as const],
    [2, 'leaveOpen' as const],
  ]),
  isStubborn: chance.percent(30),
})

const drawTopics = (chance: Chance, nodes: number): TopicPlan[] =>
  Array.from({ length: chance.between(1, 3) }, (_, index) => {
    const config: Record<string, string> = {}
    if (chance.percent(12)) config['max.message.bytes'] = String(chance.pick([700, 2000, 6000]))
    if (chance.percent(10)) config['message.timestamp.type'] = 'LogAppendTime'
    if (nodes > 1 && chance.percent(20)) config['min.insync.replicas'] = '2'
    return { name: `topic-${index}`, partitions: chance.between(1, 3), config, exists: true }
  })

/** Before 3.9 a late batch can come behind the end of its transaction: there nothing is late. */
const drawVersions = (chance: Chance, isCalm: boolean): KafkaRelease =>
  isCalm ? chance.pick(['4.4', '3.9', '2.8', '2.1'] as const) : chance.pick(['4.4', '4.4', '3.9'])

const drawCluster = (chance: Chance, isCalm: boolean): ClusterPlan => ({
  nodes: chance.between(1, 3),
  versions: drawVersions(chance, isCalm),
  unknownProducers: 'accept',
  electionMs: chance.pick([0, 0, 30, 300]),
  autoCreateTopics: false,
  tellsDuplicates: chance.percent(10),
})

const drawNetwork = (chance: Chance): NetworkPlan => {
  const latencyMinMs = chance.pick([0, 0, 1, 5])
  return {
    latencyMinMs,
    latencyMaxMs: latencyMinMs + chance.pick([0, 1, 10]),
    pieceBytesMax: chance.pick([0, 0, 0, 300, 2000]),
    windowBytes: chance.pick([256 * 1024, 256 * 1024, 4096]),
  }
}

/** What would break a transaction in any cluster, or would report it wrongly. */
const isFair = (step: FaultStep): boolean => {
  if (step.kind === 'forget' || step.kind === 'expireIds' || step.kind === 'remakeTopic')
    return false
  if (step.kind === 'shiftState') return step.what === 'sequence'
  if (step.kind === 'dns') return false
  if (step.kind !== 'rule') return true
  return step.rule.error !== 'CLUSTER_AUTHORIZATION_FAILED'
}

const drawSessions = (chance: Chance, frame: Frame): SessionPlan[] => {
  const ids = chance.percent(65) ? ['tx-a'] : ['tx-a', 'tx-b']
  return ids.flatMap((id) => {
    const count = chance.weighted([
      [5, 1],
      [4, 2],
      [1, 3],
    ])
    const groups = [`group-${id}`, `other-${id}`]
    return Array.from({ length: count }, (_, index) =>
      drawSession(chance, { ...frame, groups }, id, index),
    )
  })
}

/** Draws everything that the seed decides. */
export const drawTransactionsPlan = (seed: number): TransactionsPlan => {
  const chance = new Chance(seed)
  const isCalm = chance.percent(12)
  const cluster = drawCluster(chance.fork(1), isCalm)
  const topics = drawTopics(chance.fork(2), cluster.nodes)
  const network = drawNetwork(chance.fork(3))
  const { acks: _acks, idempotent: _idempotent, ...options } = drawOptions(chance.fork(4))
  const durationMs = chance.pick([300, 2000, 5000, 15_000])
  const level: TransactionLevel =
    cluster.versions === '4.4' ? chance.pick([2, 2, 2, 2, 0, 1] as const) : 0
  const frame = { topics, groups: [], durationMs, hasFaults: !isCalm }
  const sessions = drawSessions(chance.fork(5), frame)
  const faultFrame = { topics, cluster, durationMs, sessions, level }
  const plain = drawFaults(chance.fork(6), { topics, cluster, durationMs }).filter(isFair)
  const faults = isCalm
    ? []
    : [...(chance.percent(70) ? plain : []), ...drawTransactionFaults(chance.fork(7), faultFrame)]
  return {
    seed,
    cluster,
    topics,
    network,
    options,
    level,
    bootstrap: chance.pick(['first', 'all'] as const),
    markerDelayMs: chance.pick([0, 0, 5, 60, 800]),
    coordinatorLoadMs: chance.pick([0, 0, 40, 600]),
    sessions,
    faults,
    calmAtMs: faults.reduce(
      (latest, { atMs, forMs }) => Math.max(latest, atMs + forMs),
      durationMs,
    ),
  }
}
