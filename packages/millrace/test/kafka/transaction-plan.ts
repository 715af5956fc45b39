// What transactions-atomic.test.ts and its child processes agree on: what is in each transaction,
// how it ends, where its process is killed. All of it follows from the seed and the number.

import { type Random, seededRandom } from '../../src/runtime/random.ts'

export const topicCount = 3
export const partitionCount = 4
const recordsMax = 30
const abortShare = 0.2
const killDelayMsMax = 6
/** Transactions that may still be run before the kill comes. */
const killRoom = 4

export interface PlannedRecord {
  readonly topic: string
  readonly partition: number
}

export interface TransactionPlan {
  readonly records: readonly PlannedRecord[]
  /** Null = it commits; otherwise how many records are sent before it is aborted. */
  readonly abortAfter: number | null
  /** `begin`, `commit` and `abort` by hand, or a function that returns or throws. */
  readonly way: 'handle' | 'function'
  readonly sending: 'enqueue' | 'send' | 'sendBatch'
}

/** Where a process dies, and how long after it said so. */
export interface KillPlan {
  readonly point: 'sending' | 'ending'
  readonly delayMs: number
}

/** What a child process is to do: transactions `from` to `to` - 1. */
export interface ChildTask {
  readonly brokers: readonly string[]
  readonly transactionalId: string
  readonly topicPrefix: string
  readonly seed: number
  /** Which process of the id it is: a part of what its records say. */
  readonly process: number
  readonly from: number
  readonly to: number
  readonly kills: readonly number[]
}

/** What a record says: which transaction it belongs to, and what makes that one whole. */
export interface RecordMark {
  readonly id: string
  readonly process: number
  readonly number: number
  readonly index: number
  readonly total: number
}

export type ChildMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'begun'; readonly number: number; readonly total: number }
  | { readonly kind: 'kill'; readonly number: number; readonly delayMs: number }
  | { readonly kind: 'committed' | 'aborted'; readonly number: number }
  | { readonly kind: 'failed'; readonly number: number; readonly error: string }
  | { readonly kind: 'done'; readonly delivered: number }

const chanceOf = (seed: number, number: number, salt: number): Random =>
  seededRandom(seed * 1_000_003 + number * 17 + salt)

const upTo = (random: Random, count: number): number => Math.floor(random.next() * count)

export const planOf = (seed: number, number: number, prefix: string): TransactionPlan => {
  const random = chanceOf(seed, number, 1)
  const records = Array.from({ length: 1 + upTo(random, recordsMax) }, () => ({
    topic: `${prefix}-${upTo(random, topicCount)}`,
    partition: upTo(random, partitionCount),
  }))
  const aborts = random.next() < abortShare
  return {
    records,
    abortAfter: aborts ? upTo(random, records.length + 1) : null,
    way: random.next() < 0.5 ? 'handle' : 'function',
    sending: (['enqueue', 'send', 'sendBatch'] as const)[upTo(random, 3)]!,
  }
}

export const killOf = (seed: number, number: number): KillPlan => {
  const random = chanceOf(seed, number, 2)
  return {
    point: random.next() < 0.4 ? 'sending' : 'ending',
    delayMs: random.next() * killDelayMsMax,
  }
}

/**
 * `count` different numbers below `to`, the same for the same seed, with gaps between them: who is
 * killed is always another process.
 */
export const killNumbers = (seed: number, to: number, count: number): number[] => {
  const random = chanceOf(seed, 0, 3)
  const slice = Math.floor(to / count)
  return Array.from({ length: count }, (_, index) => {
    return index * slice + upTo(random, Math.max(1, slice - killRoom))
  })
}
