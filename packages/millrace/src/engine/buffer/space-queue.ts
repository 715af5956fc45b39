// Owns the queue of entries that wait for buffer space, in call order: records, callers with many
// records, and the host's request to be notified. It admits a limited number per turn, so that
// callbacks and I/O can run. Caller: Accumulator, which appends the admitted records to batches.
// Invariant: an entry is admitted only after all entries before it.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { MemoryBudget } from '../batch/memory-budget.ts'
import type { RecordSpool } from '../delivery/record-spool.ts'
import type { EngineHost } from '../settings.ts'
import type { PartitionWaitQueues } from './partition-wait-queues.ts'
import type { TopicState } from './topic-state.ts'
import { WaitingQueue } from './waiting-queue.ts'
import { type WaitingCaller, WaitingRecord } from './waiting-record.ts'
import type { WaitingRecords } from './waiting-records.ts'

/** Waiting records appended in one turn; a rejected one, with its error, counts as 32. */
const turnRecordsMax = 8192
const refusedCost = 32
/**
 * Records that callers of `enqueue` may append in the turn in which they are notified of space.
 * Without a limit they fill all space at once, which blocks the event loop for ten milliseconds or
 * more; with it a turn takes 1 ms of processor time, 4 ms in the 99th percentile.
 */
const openedRecordsMax = 2048
/** Callers that wait for space are notified below this share of the window. */
const spaceShare = 3 / 4

/** The parts of the engine that the queue needs. */
export interface SpaceQueueParts {
  readonly host: EngineHost
  readonly budget: MemoryBudget
  readonly waiting: WaitingRecords
  /** Where records are added first; null = to batches. */
  readonly spool: RecordSpool | null
  readonly wake: () => void
}

export class SpaceQueue {
  readonly #parts: SpaceQueueParts
  readonly #budget: MemoryBudget
  readonly #spool: RecordSpool | null
  readonly #append: (waiting: WaitingRecord) => void
  readonly #queue = new WaitingQueue<WaitingRecord | WaitingCaller>()
  #isSpaceRequested = false
  #isCutShort = false
  #turnRecords = 0
  /** Records that `enqueue` may still append in this turn; Infinity = no caller was waiting. */
  #openedRecords = Number.POSITIVE_INFINITY
  /** `enqueue` was rejected after its part of the turn was used up. */
  #isEnqueueCutShort = false
  #isFilling = false

  /** `append` adds a record whose turn came to its batch. */
  constructor(parts: SpaceQueueParts, append: (waiting: WaitingRecord) => void) {
    this.#parts = parts
    this.#budget = parts.budget
    this.#spool = parts.spool
    this.#append = append
  }

  get length(): number {
    return this.#queue.length
  }

  /** Since when the first entry waits; Infinity = none waits. */
  get oldestAt(): number {
    return this.#queue.first?.since ?? Number.POSITIVE_INFINITY
  }

  /** A record would be accepted now, and no other waits before it. */
  get hasSpace(): boolean {
    return this.#canTake && this.#queue.length === 0
  }

  /**
   * `enqueue` would accept a record now: there is space, and its part of the turn is not used up.
   */
  get mayEnqueue(): boolean {
    return this.hasSpace && this.#openedRecords > 0
  }

  onEnqueued(): void {
    this.#openedRecords--
  }

  /**
   * Callers of `enqueue` whose part was used up continue in this turn: batches that are not full
   * wait for their records, as if all had arrived in one turn.
   */
  get isFilling(): boolean {
    return this.#isFilling
  }

  get #canTake(): boolean {
    return this.#spool === null ? this.#budget.hasSpace : this.#spool.hasSpace
  }

  push(waiting: WaitingRecord): void {
    waiting.beginWaitForSpace()
    this.#queue.push(waiting)
  }

  pushCaller(caller: WaitingCaller): void {
    this.#queue.push(caller)
    this.#parts.waiting.addCaller(caller)
  }

  /** The caller has cancelled its remaining records. */
  removeCaller(caller: WaitingCaller): void {
    if (caller.queue === null) return
    caller.queue = null
    this.#queue.onGone()
    this.#parts.waiting.leaveCaller(caller)
  }

  /** The host's onSpace follows when there is space. */
  requestSpace(): void {
    this.#isSpaceRequested = true
    if (!this.hasSpace) return
    this.#isEnqueueCutShort = true
    this.#continueNextTurn()
  }

  startTurn(): void {
    this.#turnRecords = 0
    this.#isFilling = false
    this.#openedRecords = Number.POSITIVE_INFINITY
  }

  /** Whether the caller whose turn it is may append another record. */
  mayAppendInTurn(): boolean {
    return this.#canTake && !this.#isTurnOver()
  }

  /** A record of the current caller is being checked: a rejected record counts more. */
  beginInTurn(): void {
    this.#turnRecords += refusedCost
  }

  /** The record was not rejected. */
  endInTurn(): void {
    this.#turnRecords -= refusedCost - 1
  }

  #isTurnOver(): boolean {
    if (this.#turnRecords < turnRecordsMax) return false
    this.#continueNextTurn()
    return true
  }

  /**
   * There is space, but the turn is used up: the next step admits entries even above `spaceShare`.
   */
  #continueNextTurn(): void {
    this.#isCutShort = true
    this.#parts.wake()
  }

  /**
   * A batch gave memory back. The next step admits entries, because this method may be called
   * during an append, which must be completed first.
   */
  onMemoryFreed(): void {
    if (this.hasWaiters) this.#parts.wake()
  }

  /** An entry waits, or the host waits for space. */
  get hasWaiters(): boolean {
    return this.#queue.length > 0 || this.#isSpaceRequested
  }

  /** The host's onSpace follows when `admit` may notify it. */
  requestShare(): void {
    this.#isSpaceRequested = true
  }

  /**
   * Removes the selected entries. A caller with many records is removed only if all entries are
   * selected (null), because its other records may be for any partition.
   */
  takeIf(
    isSelected: ((topic: string, partition: number) => boolean) | null,
  ): (WaitingRecord | WaitingCaller)[] {
    return this.#queue.takeIf((entry) => {
      if (isSelected === null) return true
      return (
        entry instanceof WaitingRecord && isSelected(entry.encoder.topic, entry.encoder.partition)
      )
    })
  }

  /** Admits entries for which there is space, and notifies the host if it waits. */
  admit(mayNotify: boolean): void {
    if (!this.hasWaiters) return
    if (!this.#isSpaceAvailable && !this.#isCutShort) return
    this.#isCutShort = false
    this.#admitEntries()
    if (!mayNotify || !this.#isSpaceRequested || !this.hasSpace) return
    this.#isSpaceRequested = false
    this.#openedRecords = openedRecordsMax
    this.#isFilling = this.#isEnqueueCutShort
    this.#isEnqueueCutShort = false
    // If the callers do not continue, the next step releases the batches.
    if (this.#isFilling) this.#parts.wake()
    this.#parts.host.onSpace()
  }

  get #isSpaceAvailable(): boolean {
    if (this.#spool !== null) return this.#spool.hasSpace
    const { movingBytes, windowBytes } = this.#budget
    return movingBytes <= windowBytes * spaceShare
  }

  get #isFull(): boolean {
    return this.#spool === null ? this.#budget.isWindowFull : !this.#spool.hasSpace
  }

  #admitEntries(): void {
    while (this.#queue.length > 0 && !this.#isFull) {
      if (this.#isTurnOver()) return
      const first = this.#queue.first!
      if (first instanceof WaitingRecord) {
        this.#turnRecords++
        this.#queue.shift()
        first.endWaitForSpace()
        this.#append(first)
      } else {
        const isDone = first.advance()
        // A getter of a record may have cancelled the call.
        if (first.queue === null) continue
        if (!isDone) return
        this.#queue.shift()
        this.#parts.waiting.leaveCaller(first)
      }
    }
  }

  /** Fails entries that have waited for too long: here, for a topic or for a partition. */
  expireDue(now: number, topics: Iterable<TopicState>, waitQueues: PartitionWaitQueues): void {
    this.#parts.waiting.expireDue(now, this.#queue, topics, waitQueues.all())
  }

  failAll(makeError: () => KafkaError): void {
    this.#parts.waiting.failQueue(this.#queue, makeError)
  }
}
