// Owns the batches of one partition, in call order. It decides which batch may be sent next, and
// keeps the order also during retries; the pump of the leader's broker decides when a request is
// written.
//
//   append ─▶ [open] ─ seal ─▶ [waiting …] ─ take ─▶ [inFlight …] ─▶ settled
//                                  ▲                      │
//                                  └────── reenqueue ─────┘   (sorted by ordinal)
//
// Callers: Accumulator (open batch), BrokerPump (next, take), Delivery (results of batches).
// Invariant: batches are sent in the order of their ordinals.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { ProducerId } from '../../protocol/producer-id.ts'
import { assert } from '../../runtime/assert.ts'
import type { Batch } from '../batch/batch.ts'
import type { ProducerIdentityState } from './producer-identity-state.ts'
import { SequenceNumbers } from './sequence-numbers.ts'
import type { Topic } from './topic.ts'

/** A batch with the queue of its partition. */
export type QueuedBatch = Batch<PartitionQueue>

/** The transaction of all batches, as far as sending is concerned. */
export interface TransactionAdmission {
  /** Whether the partition may send now. */
  admits(queue: PartitionQueue): boolean
  /** In version 2, Produce requests add their partitions to the transaction. */
  readonly version2: boolean
}

/** The spool, as far as sending is concerned. */
export interface SpoolAdmission {
  /** Whether the partition may send the batch; null = a batch without a number. */
  admits(queue: PartitionQueue, batch: QueuedBatch | null): boolean
}

export interface PipelineRules {
  /** Limit of the batches of one partition in flight. */
  readonly inFlightMax: number
  /** null = there are no transactions. */
  readonly transactions: TransactionAdmission | null
  /** null = no spool records batches before they are sent. */
  readonly spool: SpoolAdmission | null
}

/**
 * After this time without a batch, earlier acknowledgements are ignored. A broker forgets the
 * producers of a partition without writes, by default after a day, and then accepts any batch
 * first.
 */
const acknowledgementMsMax = 60_000

/** Further changes of the leader do not end a backoff, until one acknowledges a batch. */
const immediateLeaderChangesMax = 2

export class PartitionQueue {
  readonly topic: Topic
  readonly partition: number
  readonly sequenceNumbers: SequenceNumbers
  readonly #rules: PipelineRules
  #leaderId = -1
  #leaderEpoch = -1
  #open: QueuedBatch | null = null
  /** Sealed, not in flight; oldest first. */
  readonly waiting: QueuedBatch[] = []
  /** In the order in which they were sent. */
  readonly inFlight: QueuedBatch[] = []
  /** Nothing is sent before this time. */
  #backoffUntil = 0
  /** Since a leader acknowledged a batch. */
  #leaderChanges = 0
  /** Why the last attempt failed; null = a leader has acknowledged a batch since then. */
  lastError: KafkaError | null = null
  #lastCapacity = 0
  /** Written by the pump: whether the queue is in its lists. */
  listedOpen = false
  listedWaiting = false
  /** Written by PartitionWaitQueues: records wait for the partition, and it has no open batch. */
  hasWaitQueue = false
  #releaseOpen = false
  /**
   * False until this leader has acknowledged a batch of this producer id: until then one batch is
   * in flight. A partition without state of the producer accepts any batch first, so it would store
   * two batches in the wrong order if the first one is rejected (KAFKA-15591).
   */
  #leaderAcknowledged = false
  #acknowledgedProducerId: ProducerId = -1
  #lastSentAt = 0
  #inFlightLeader = -1
  #nextOrdinal = 0

  constructor(
    topic: Topic,
    partition: number,
    identityState: ProducerIdentityState,
    rules: PipelineRules,
  ) {
    this.topic = topic
    this.partition = partition
    this.sequenceNumbers = new SequenceNumbers(identityState)
    this.#rules = rules
  }

  /** Node id of the leader; -1 = none now. */
  get leaderId(): number {
    return this.#leaderId
  }

  get leaderEpoch(): number {
    return this.#leaderEpoch
  }

  get isEmpty(): boolean {
    if (this.#open !== null || this.hasWaitQueue) return false
    return this.waiting.length === 0 && this.inFlight.length === 0
  }

  /** Bytes of its unsettled batches. */
  get bytes(): number {
    let bytes = this.#open?.size ?? 0
    for (const { size } of this.waiting) bytes += size
    for (const { size } of this.inFlight) bytes += size
    return bytes
  }

  setLeader(leaderId: number, leaderEpoch: number): void {
    // Leaders that name each other would otherwise get the batch without a pause.
    if (leaderId !== this.#leaderId && this.#leaderChanges++ < immediateLeaderChangesMax) {
      this.#backoffUntil = 0
    }
    // The same leader with another epoch may have another log, or have lost its producer state.
    if (leaderId !== this.#leaderId || leaderEpoch !== this.#leaderEpoch) {
      this.forgetAcknowledgement()
    }
    this.#leaderId = leaderId
    this.#leaderEpoch = leaderEpoch
  }

  /** The leader may have no producer state: the next batch is sent alone. */
  forgetAcknowledgement(): void {
    this.#leaderAcknowledged = false
  }

  // ── The open batch ─────────────────────────────────────────────────────────────────────────────

  /** The batch that records are appended to. */
  get open(): QueuedBatch | null {
    return this.#open
  }

  /** The ordinal of the next open batch. */
  takeOrdinal(): number {
    return this.#nextOrdinal++
  }

  openBatch(batch: QueuedBatch): void {
    this.#open = batch
  }

  /** The capacity of the last batch, with which the next one starts. */
  get lastCapacity(): number {
    return this.#lastCapacity
  }

  /** The open batch is sent before its linger or flush trigger ends. */
  get releaseOpen(): boolean {
    return this.#releaseOpen
  }

  requestRelease(): void {
    this.#releaseOpen = true
  }

  /** Closes the open batch, which then waits to be sent. */
  seal(): QueuedBatch {
    const batch = this.#open
    assert(batch !== null, 'seal needs an open batch')
    this.#open = null
    this.#releaseOpen = false
    this.#lastCapacity = batch.buffer.length
    batch.transition('sealed')
    this.waiting.push(batch)
    return batch
  }

  // ── Sending ────────────────────────────────────────────────────────────────────────────────────

  /** The batch that may be sent now, or null. */
  next(now: number): QueuedBatch | null {
    const head = this.waiting[0]
    if (head === undefined || head.state !== 'ready' || now < this.#backoffUntil) return null
    if (this.inFlight.length > 0 && !this.#mayFollow(head)) return null
    if (this.#rules.transactions?.admits(this) === false) return null
    if (this.#rules.spool?.admits(this, head) === false) return null
    if (!this.sequenceNumbers.allows(this.waiting, this.inFlight.length === 0)) return null
    if (now - this.#lastSentAt >= acknowledgementMsMax) this.forgetAcknowledgement()
    this.#lastSentAt = now
    return head
  }

  /**
   * Whether the open batch, if it were sealed now, could be sent now as far as its partition is
   * concerned.
   */
  couldSend(now: number): boolean {
    if (this.waiting.length > 0 || now < this.#backoffUntil) return false
    if (this.#rules.transactions?.admits(this) === false) return false
    if (this.#rules.spool?.admits(this, null) === false) return false
    return this.inFlight.length === 0 || this.#mayPipeline()
  }

  /** Whether the batch may be sent while others are in flight. */
  #mayFollow(head: QueuedBatch): boolean {
    return head.attempts === 0 && this.#mayPipeline()
  }

  #mayPipeline(): boolean {
    if (!this.#leaderAcknowledged || this.#inFlightLeader !== this.#leaderId) return false
    if (this.inFlight.length >= this.#rules.inFlightMax) return false
    for (const batch of this.inFlight) if (batch.attempts > 1) return false
    return true
  }

  /** Takes the first batch: it gets its sequence number and header, and is in flight. */
  take(head: QueuedBatch): void {
    assert(this.waiting[0] === head, 'take takes the head')
    this.waiting.shift()
    this.sequenceNumbers.assign(head)
    if (head.producerId !== this.#acknowledgedProducerId) {
      this.forgetAcknowledgement()
      this.#acknowledgedProducerId = head.producerId
    }
    head.writeHeader(this.#rules.transactions !== null)
    head.beginAttempt()
    this.#inFlightLeader = this.#leaderId
    this.inFlight.push(head)
  }

  // ── Results of a batch ─────────────────────────────────────────────────────────────────────────

  /** The request of the batch has ended, with or without a response. */
  removeInFlight(batch: QueuedBatch): void {
    const index = this.inFlight.indexOf(batch)
    assert(index >= 0, 'a batch leaves the flight once')
    this.inFlight.splice(index, 1)
    batch.endAttempt()
  }

  /** The leader accepted a batch: several batches may be in flight from now on. */
  onAcknowledged(): void {
    this.#leaderChanges = 0
    this.lastError = null
    if (this.#inFlightLeader === this.#leaderId) this.#leaderAcknowledged = true
  }

  /** Nothing is sent before this time. */
  backOff(until: number): void {
    this.#backoffUntil = until
  }

  /** The batch waits for another attempt, in call order. */
  reenqueue(batch: QueuedBatch): void {
    batch.transition('ready')
    this.#insert(batch)
  }

  /** The content of the batch changed: it must be prepared again. */
  reenqueueSealed(batch: QueuedBatch): void {
    batch.transition('sealed')
    this.#insert(batch)
  }

  #insert(batch: QueuedBatch): void {
    let index = 0
    while (index < this.waiting.length && this.waiting[index]!.ordinal < batch.ordinal) index++
    this.waiting.splice(index, 0, batch)
  }

  /**
   * The batch is not in the log, and its records change. Its sequence number becomes invalid, and
   * so do those of the later batches.
   */
  dropNumber(batch: QueuedBatch): void {
    if (batch.baseSequence < 0) return
    batch.clearSequence()
    this.sequenceNumbers.wantRestart()
    for (const other of this.batches()) {
      if (other.baseSequence >= 0 && other.ordinal > batch.ordinal) other.markBehindGap()
    }
  }

  /**
   * The broker has no batch that waits, because it accepts a batch only after the batches before
   * it.
   */
  markWaitingNotWritten(): void {
    for (const batch of this.waiting) batch.markNotWritten()
  }

  /**
   * The leader accepted a part of a split batch: neither the whole batch nor the later ones are in
   * the log.
   */
  clearPieceMaybeWritten(): void {
    for (const batch of this.batches()) batch.clearPieceMaybeWritten()
  }

  /**
   * The batch fails, or has no records left: it is not sent. If it is in flight, it stays there.
   */
  remove(batch: QueuedBatch): void {
    const index = this.waiting.indexOf(batch)
    if (index >= 0) this.waiting.splice(index, 1)
    if (this.#open === batch) this.#open = null
  }

  /** True if no earlier batch is unsettled: the broker expects this one next. */
  isFirst(batch: QueuedBatch): boolean {
    for (const other of this.inFlight)
      if (other !== batch && other.ordinal < batch.ordinal) return false
    const head = this.waiting[0]
    return head === undefined || head === batch || head.ordinal > batch.ordinal
  }

  /** A batch is in flight, or the outcome of one that waits was unknown at least once. */
  get maybeInLog(): boolean {
    return this.inFlight.length > 0 || this.waiting.some(({ maybeInLog }) => maybeInLog)
  }

  /** All unsettled batches, oldest first. */
  batches(): QueuedBatch[] {
    const all = [...this.inFlight, ...this.waiting]
    if (this.#open !== null) all.push(this.#open)
    return all
  }
}
