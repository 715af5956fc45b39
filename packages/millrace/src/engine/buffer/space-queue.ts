// What waits for buffer space, first come, first served: records, callers with many records, and
// the host's request to be notified. It admits them at the steps, so many in a turn that callbacks
// and I/O get their share. Owner: Accumulator, which puts the records into batches.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { MemoryBudget } from '../batch/memory-budget.ts'
import type { RecordSpool } from '../delivery/record-spool.ts'
import type { EngineHost } from '../settings.ts'
import type { PartitionLines } from './partition-lines.ts'
import type { TopicState } from './topic-state.ts'
import { WaitingQueue } from './waiting-queue.ts'
import { type WaitingCaller, WaitingRecord } from './waiting-record.ts'
import type { WaitingRecords } from './waiting-records.ts'

/** Waiting records appended in one turn; a refused one, with its error, counts as 32. */
const turnRecordsMax = 8192
const refusedCost = 32
/**
 * Records that callers of `enqueue` may append in the turn in which they learn that there is space
 * again. Without a bound they fill all of it at once, which blocks the event loop for ten
 * milliseconds and more; with it a turn takes 1 ms of processor time, 4 ms in its 99th percentile.
 */
const openedRecordsMax = 2048
/** Below this share of the window, callers that wait for space are notified. */
const spaceShare = 3 / 4

/** The parts of the engine that the queue needs. */
export interface SpaceQueueParts {
  readonly host: EngineHost
  readonly budget: MemoryBudget
  readonly waiting: WaitingRecords
  /** Where records go first; null = into batches. */
  readonly spool: RecordSpool | null
  readonly wake: () => void
}

export class SpaceQueue {
  readonly #parts: SpaceQueueParts
  readonly #budget: MemoryBudget
  readonly #spool: RecordSpool | null
  readonly #append: (waiting: WaitingRecord) => void
  readonly #queue = new WaitingQueue<WaitingRecord | WaitingCaller>()
  #isSpaceWanted = false
  #isCutShort = false
  #turnRecords = 0
  /** Records that `enqueue` may still append in this turn; Infinity = no caller was waiting. */
  #openedRecords = Number.POSITIVE_INFINITY
  /** `enqueue` was refused since its part of the turn was over. */
  #isEnqueueCutShort = false
  #isFilling = false

  /** `append` puts a record whose turn came into its batch. */
  constructor(parts: SpaceQueueParts, append: (waiting: WaitingRecord) => void) {
    this.#parts = parts
    this.#budget = parts.budget
    this.#spool = parts.spool
    this.#append = append
  }

  get length(): number {
    return this.#queue.length
  }

  /** Since when the first entry waits; Infinity = there is none. */
  get oldestAt(): number {
    return this.#queue.first?.since ?? Number.POSITIVE_INFINITY
  }

  /** A record would be taken now, and no other waits before it. */
  get hasSpace(): boolean {
    return this.#canTake && this.#queue.length === 0
  }

  /** `enqueue` would take a record now: there is space, and its part of the turn is not over. */
  get mayEnqueue(): boolean {
    return this.hasSpace && this.#openedRecords > 0
  }

  onEnqueued(): void {
    this.#openedRecords--
  }

  /**
   * Callers of `enqueue` that were cut short go on in this turn: batches that are not full wait for
   * their records, as if all had come in one turn.
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

  /** The caller has cancelled what is left of its records. */
  removeCaller(caller: WaitingCaller): void {
    if (caller.queue === null) return
    caller.queue = null
    this.#queue.onGone()
    this.#parts.waiting.leaveCaller(caller)
  }

  /** The host's onSpace follows once there is space. */
  requestSpace(): void {
    this.#isSpaceWanted = true
    if (!this.hasSpace) return
    this.#isEnqueueCutShort = true
    this.#goOnNextTurn()
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

  /** A record of the caller whose turn it is is checked: it counts more where it is refused. */
  beginInTurn(): void {
    this.#turnRecords += refusedCost
  }

  /** The record was not refused. */
  endInTurn(): void {
    this.#turnRecords -= refusedCost - 1
  }

  #isTurnOver(): boolean {
    if (this.#turnRecords < turnRecordsMax) return false
    this.#goOnNextTurn()
    return true
  }

  /** There is space, but the turn is over: the next step admits even above `spaceShare`. */
  #goOnNextTurn(): void {
    this.#isCutShort = true
    this.#parts.wake()
  }

  /**
   * A batch gave memory back. Entries are admitted by the next step: this may be called in the
   * middle of an append, which must be over first.
   */
  onMemoryFreed(): void {
    if (this.isWanted) this.#parts.wake()
  }

  /** An entry waits, or the host wants to know of space. */
  get isWanted(): boolean {
    return this.#queue.length > 0 || this.#isSpaceWanted
  }

  /** The host's onSpace follows once `admit` may notify it. */
  requestShare(): void {
    this.#isSpaceWanted = true
  }

  /**
   * Removes the records for which it holds. A caller with many is among them only where everything
   * is meant (null): its other records may be for anywhere.
   */
  takeIf(
    isMeant: ((topic: string, partition: number) => boolean) | null,
  ): (WaitingRecord | WaitingCaller)[] {
    return this.#queue.takeIf((entry) => {
      if (isMeant === null) return true
      return entry instanceof WaitingRecord && isMeant(entry.draft.topic, entry.draft.partition)
    })
  }

  /** Admits entries for which there is space, and notifies the host where it waits. */
  admit(mayNotify: boolean): void {
    if (!this.isWanted) return
    if (!this.#isSpaceBack && !this.#isCutShort) return
    this.#isCutShort = false
    this.#admitEntries()
    if (!mayNotify || !this.#isSpaceWanted || !this.hasSpace) return
    this.#isSpaceWanted = false
    this.#openedRecords = openedRecordsMax
    this.#isFilling = this.#isEnqueueCutShort
    this.#isEnqueueCutShort = false
    // Where the callers do not go on, the next step releases the batches.
    if (this.#isFilling) this.#parts.wake()
    this.#parts.host.onSpace()
  }

  get #isSpaceBack(): boolean {
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

  /** Fails what has waited for too long: here, for its topic or for its partition. */
  expireDue(now: number, topics: Iterable<TopicState>, lines: PartitionLines): void {
    this.#parts.waiting.expireDue(now, this.#queue, topics, lines.all())
  }

  failAll(makeError: () => KafkaError): void {
    this.#parts.waiting.failQueue(this.#queue, makeError)
  }
}
