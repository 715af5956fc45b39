// The calls of a seed: what the user's program does with its producer, and when.

import type { PurgeScope } from '../../src/engine/buffer/purge.ts'
import type { Chance } from './chance.ts'
import type { TopicPlan } from './plan.ts'

export interface RecordPlan {
  readonly topic: string
  /** -1 = the partitioner chooses. */
  readonly partition: number
  /** Empty = no key. */
  readonly key: string
  readonly valueBytes: number
  /** A record without a value; its name is in its key. */
  readonly tombstone: boolean
  readonly headers: number
  /** From the wall clock at the call; null = left to the producer. */
  readonly timestampOffsetMs: number | null
  /** The value is passed as bytes, which the program overwrites as soon as the call returns. */
  readonly reusesBytes: boolean
}

export interface CallLimits {
  /** The call's signal aborts so long after the call; -1 = it has none. */
  readonly abortAfterMs: number
  /** -1 = no limit. */
  readonly timeoutMs: number
}

interface AtMoment {
  readonly atMs: number
}

export type CallStep = AtMoment &
  (
    | {
        readonly kind: 'send'
        readonly records: readonly RecordPlan[]
        readonly limits: CallLimits
      }
    | {
        readonly kind: 'batch'
        readonly records: readonly RecordPlan[]
        readonly limits: CallLimits
      }
    | {
        readonly kind: 'enqueue'
        readonly records: readonly RecordPlan[]
        readonly callback: 'none' | 'plain' | 'throws'
        /** When the buffer is full: wait for ready() and continue, or skip the rest. */
        readonly persists: boolean
      }
    | { readonly kind: 'flush'; readonly limits: CallLimits }
    | { readonly kind: 'partitionsFor'; readonly topic: string }
    | { readonly kind: 'connect' }
    | { readonly kind: 'purge'; readonly scope: PurgeScope }
    /** The program blocks its event loop. */
    | { readonly kind: 'stall'; readonly forMs: number }
  )

export interface Ending {
  readonly kind: 'close' | 'closeWithin' | 'closeUntilAbort' | 'destroy'
  /** -1 = after the faults, when everything is settled. */
  readonly atMs: number
  readonly withinMs: number
}

interface Frame {
  readonly topics: readonly TopicPlan[]
  readonly durationMs: number
}

export const noLimits: CallLimits = { abortAfterMs: -1, timeoutMs: -1 }

const drawLimits = (chance: Chance): CallLimits =>
  chance.weighted<() => CallLimits>([
    [80, () => noLimits],
    [8, () => ({ abortAfterMs: chance.pick([0, 1, 5, 40, 900]), timeoutMs: -1 })],
    [9, () => ({ abortAfterMs: -1, timeoutMs: chance.pick([0, 3, 30, 600, 5000]) })],
    [3, () => ({ abortAfterMs: chance.between(0, 50), timeoutMs: chance.between(0, 50) })],
  ])()

const drawValueBytes = (chance: Chance): number =>
  chance.weighted([
    [60, chance.between(0, 60)],
    [28, chance.between(60, 500)],
    [10, chance.between(500, 3000)],
    [2, chance.between(3000, 9000)],
  ])

const drawTimestamp = (chance: Chance): number | null =>
  chance.percent(88) ? null : chance.pick([0, -5000, 700, 90_000, -100_000_000])

const drawRecord = (chance: Chance, frame: Frame): RecordPlan => {
  const topic = chance.pick(frame.topics)
  const keyShare = topic.config['cleanup.policy'] === 'compact' ? 75 : 40
  const tombstone = chance.percent(4)
  const names = chance.percent(50)
  return {
    topic: topic.name,
    partition: names ? chance.between(0, topic.partitions - 1) : chance.percent(1) ? 7 : -1,
    key: chance.percent(keyShare) ? `k${chance.between(0, 9)}` : '',
    valueBytes: drawValueBytes(chance),
    tombstone,
    headers: chance.percent(10) ? chance.between(1, 3) : 0,
    timestampOffsetMs: drawTimestamp(chance),
    reusesBytes: chance.percent(20),
  }
}

export const drawRecords = (chance: Chance, frame: Frame, max: number): RecordPlan[] => {
  const count = chance.between(1, max)
  const records = Array.from({ length: count }, () => drawRecord(chance, frame))
  // A run of records for one partition, as most programs have it.
  if (!chance.percent(50)) return records
  const { topic, partition } = records[0]!
  return records.map((record) => ({ ...record, topic, partition }))
}

const drawCall = (chance: Chance, frame: Frame): CallStep => {
  const atMs = chance.between(0, frame.durationMs)
  return chance.weighted<() => CallStep>([
    [
      40,
      () => ({
        atMs,
        kind: 'send',
        records: drawRecords(chance, frame, 6),
        limits: drawLimits(chance),
      }),
    ],
    [
      16,
      () => ({
        atMs,
        kind: 'batch',
        records: drawRecords(chance, frame, 30),
        limits: drawLimits(chance),
      }),
    ],
    [
      24,
      () => ({
        atMs,
        kind: 'enqueue',
        records: drawRecords(chance, frame, 20),
        callback: chance.pick(['none', 'plain', 'plain', 'throws'] as const),
        persists: chance.percent(70),
      }),
    ],
    [9, () => ({ atMs, kind: 'flush', limits: drawLimits(chance) })],
    [2, () => ({ atMs, kind: 'partitionsFor', topic: chance.pick(frame.topics).name })],
    [2, () => ({ atMs, kind: 'connect' })],
    [2, () => ({ atMs, kind: 'stall', forMs: chance.pick([50, 700, 5000]) })],
  ])()
}

/** Many records at one moment: past the buffer where that is small. */
const drawBurst = (chance: Chance, frame: Frame): CallStep[] => {
  const atMs = chance.between(0, frame.durationMs)
  const call = drawCall(chance, frame)
  const records = drawRecords(chance, frame, 60)
  if (call.kind !== 'send' && call.kind !== 'batch' && call.kind !== 'enqueue') return []
  return Array.from({ length: chance.between(2, 5) }, () => ({ ...call, atMs, records }))
}

export const drawCalls = (chance: Chance, frame: Frame): CallStep[] => {
  const count = chance.weighted([
    [3, chance.between(1, 5)],
    [5, chance.between(5, 30)],
    [2, chance.between(30, 60)],
  ])
  const calls = Array.from({ length: count }, () => drawCall(chance, frame))
  if (chance.percent(25)) calls.push(...drawBurst(chance, frame))
  return calls.sort((left, right) => left.atMs - right.atMs)
}

export const drawEnding = (chance: Chance, durationMs: number): Ending => {
  const kind = chance.weighted<Ending['kind']>([
    [5, 'close'],
    [2, 'closeWithin'],
    [1, 'closeUntilAbort'],
    [2, 'destroy'],
  ])
  const isEarly = chance.percent(25)
  return {
    kind,
    atMs: isEarly ? chance.between(0, durationMs + 500) : -1,
    withinMs: chance.pick([0, 5, 200, 3000]),
  }
}
