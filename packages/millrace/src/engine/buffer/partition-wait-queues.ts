// Owns the queues of records that wait for their partition and not for the buffer: its broker or
// topic is unavailable and holds its share of the batch memory (fair-shares.ts). There is one queue
// per partition in call order, so records of other partitions do not wait. Caller: Accumulator.
//
// Invariant: while a partition has a queue it has no open batch, and new records join the queue.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { RecordEncoder } from '../batch/record-encoder.ts'
import type { Deadlines } from '../deadlines.ts'
import type { PartitionQueue } from '../dispatch/partition-queue.ts'
import type { Settle } from '../record.ts'
import type { EngineHost } from '../settings.ts'
import { type FairShareParts, FairShares, reviewMs } from './fair-shares.ts'
import { WaitingQueue } from './waiting-queue.ts'
import type { WaitingRecord } from './waiting-record.ts'
import type { WaitingRecords } from './waiting-records.ts'

/** Records appended in one turn. */
const turnRecordsMax = 8192

/** The parts of the engine that the queues need. */
export interface PartitionWaitQueueParts extends FairShareParts {
  readonly host: EngineHost
  readonly deadlines: Deadlines
  readonly waiting: WaitingRecords
  readonly wake: () => void
}

export class PartitionWaitQueues {
  readonly #parts: PartitionWaitQueueParts
  readonly #shares: FairShares
  readonly #append: (queue: PartitionQueue, waiting: WaitingRecord) => void
  readonly #queues = new Map<PartitionQueue, WaitingQueue<WaitingRecord>>()
  #refusedBy: PartitionQueue | null = null
  #isAdmitting = false
  /** A step is scheduled for the next review. */
  #isReviewPlanned = false

  /** `append` adds a record whose turn came to its batch. */
  constructor(
    parts: PartitionWaitQueueParts,
    append: (queue: PartitionQueue, waiting: WaitingRecord) => void,
  ) {
    this.#parts = parts
    this.#shares = new FairShares(parts)
    this.#append = append
  }

  /** Records that wait. */
  get length(): number {
    let count = 0
    for (const entries of this.#queues.values()) count += entries.length
    return count
  }

  /** Since when the first of them waits; Infinity = none waits. */
  get oldestAt(): number {
    let oldest = Number.POSITIVE_INFINITY
    for (const { first } of this.#queues.values()) oldest = Math.min(oldest, first?.since ?? oldest)
    return oldest
  }

  /** The partition of the record that was rejected last. */
  get refusedBy(): PartitionQueue | null {
    return this.#refusedBy
  }

  /** No record of the partition may enter a new batch now. */
  refuses(queue: PartitionQueue): boolean {
    return !this.#isAdmitting && (queue.hasWaitQueue || this.#shares.isAboveShare(queue))
  }

  /** A waiting record continues to wait in the queue; null = the caller decides. */
  refuse(queue: PartitionQueue, from: WaitingRecord | null): WaitingRecord | null {
    this.#refusedBy = queue
    if (queue.open !== null) this.#parts.dispatcher.seal(queue)
    if (from !== null) this.#push(queue, from)
    return from
  }

  /** The rejected record waits in the queue. Throws above the limits. */
  join(encoder: RecordEncoder, settle: Settle | null, tag: number): WaitingRecord {
    const { waiting: waitingRecords } = this.#parts
    const queue = this.#refusedBy!
    try {
      waitingRecords.checkPartitionWaitMemory(encoder, queue)
    } catch (error) {
      encoder.unload()
      throw error
    }
    const waiting = waitingRecords.add(encoder, settle, tag)
    this.#push(queue, waiting)
    return waiting
  }

  /** Like `join`; false = above the limits, and nothing has changed. */
  joinIfSpace(encoder: RecordEncoder, settle: Settle | null, tag: number): boolean {
    const { waiting } = this.#parts
    if (!waiting.hasPartitionWaitMemory(encoder)) return false
    this.#push(this.#refusedBy!, waiting.add(encoder, settle, tag))
    return true
  }

  #push(queue: PartitionQueue, waiting: WaitingRecord): void {
    let entries = this.#queues.get(queue)
    if (entries === undefined) {
      entries = new WaitingQueue()
      this.#queues.set(queue, entries)
      queue.hasWaitQueue = true
    }
    waiting.beginWaitForSpace()
    waiting.waitsForPartition = true
    this.#parts.budget.takePartitionWait(waiting.cost)
    entries.push(waiting)
  }

  /** The window is full: a review may find that unavailable partitions hold it. */
  findSpace(): boolean {
    if (!this.#parts.budget.isWindowFull) return false
    const now = this.#parts.host.now()
    if (!this.#shares.isDue(now)) return false
    this.#shares.review(now, true)
    return !this.#parts.budget.isWindowFull
  }

  /** Called at each step. `hasWaiters` = other entries wait for the buffer, too. */
  step(hasWaiters: boolean): void {
    const now = this.#parts.host.now()
    const isNeeded = hasWaiters || this.#queues.size > 0
    if (this.#shares.isDue(now)) this.#shares.review(now, isNeeded)
    if (this.#queues.size > 0) {
      this.#isAdmitting = true
      try {
        this.#admit()
      } finally {
        this.#isAdmitting = false
      }
    }
    if (!isNeeded || this.#isReviewPlanned) return
    this.#isReviewPlanned = true
    this.#parts.deadlines.add(now + reviewMs, () => {
      this.#isReviewPlanned = false
    })
  }

  /** Appends the records that the shares allow now. */
  #admit(): void {
    let left = turnRecordsMax
    for (const [queue, entries] of this.#queues) {
      left = this.#admitFrom(queue, entries, left)
      if (entries.length === 0) this.#remove(queue)
      else if (queue.open !== null) this.#parts.dispatcher.seal(queue)
    }
    if (left === 0) this.#parts.wake()
  }

  /** Returns how many more records this turn may append. */
  #admitFrom(queue: PartitionQueue, entries: WaitingQueue<WaitingRecord>, most: number): number {
    const { budget } = this.#parts
    let left = most
    while (
      left > 0 &&
      entries.length > 0 &&
      !budget.isWindowFull &&
      !this.#shares.isAboveShare(queue)
    ) {
      const waiting = entries.shift()
      left--
      waiting.endWaitForSpace()
      this.#append(queue, waiting)
      this.#shares.onTaken(queue, waiting.cost)
    }
    return left
  }

  #remove(queue: PartitionQueue): void {
    this.#queues.delete(queue)
    queue.hasWaitQueue = false
  }

  /** Each queue; an empty one is removed by the next step. */
  all(): IterableIterator<[PartitionQueue, WaitingQueue<WaitingRecord>]> {
    return this.#queues.entries()
  }

  /** Removes the records of the selected partitions (null = all), and returns them. */
  takeIf(isSelected: ((topic: string, partition: number) => boolean) | null): WaitingRecord[] {
    const taken: WaitingRecord[] = []
    for (const [queue, entries] of this.#queues) {
      if (isSelected?.(queue.topic.name, queue.partition) === false) continue
      taken.push(...entries.takeAll())
      this.#remove(queue)
    }
    return taken
  }

  fail(queue: PartitionQueue, makeError: () => KafkaError): void {
    const entries = this.#queues.get(queue)
    if (entries === undefined) return
    this.#parts.waiting.failQueue(entries, makeError)
    this.#remove(queue)
  }

  failAll(makeError: () => KafkaError): void {
    for (const queue of [...this.#queues.keys()]) this.fail(queue, makeError)
  }
}
