// The batches of one partition, in call order. It decides which batch may go out next and keeps
// that order whatever is retried; the pump of the leader's broker decides when a request is
// written.
//
//   append ─▶ [open] ─ seal ─▶ [waiting …] ─ take ─▶ [inFlight …] ─▶ settled
//                                  ▲                      │
//                                  └────── reenqueue ─────┘   (sorted by ordinal)
// Callers: Accumulator (open batch), BrokerPump (next, take), Delivery (what became of a batch).

import type { ProducerId } from '../../protocol/producer-id.ts'
import { assert } from '../../runtime/assert.ts'
import type { Batch } from '../batch/batch.ts'
import type { ProducerIdentityState } from './producer-identity-state.ts'
import { SequenceNumbers } from './sequence-numbers.ts'
import type { Topic } from './topic.ts'

/** A batch with the queue of its partition. */
export type QueuedBatch = Batch<PartitionQueue>

/** The transaction that all batches belong to, as far as sending is concerned. */
export interface SendGate {
  /** Whether the partition may send now. */
  admits(queue: PartitionQueue): boolean
  /** In version 2, Produce requests announce their partitions by themselves. */
  readonly version2: boolean
}

/** The spool, as far as sending is concerned. */
export interface SpoolGate {
  /** Whether the partition may send the batch; null = one that has no number yet. */
  admits(queue: PartitionQueue, batch: QueuedBatch | null): boolean
}

export interface PipelineRules {
  /** Batches of one partition in flight at most. */
  readonly inFlightMax: number
  /** null = there are no transactions. */
  readonly transactions: SendGate | null
  /** null = nothing is noted on disk before it is sent. */
  readonly spool: SpoolGate | null
}

/**
 * After this long without a batch, what the leader acknowledged before counts no more. A broker
 * forgets the producers of a partition that is not written to, by default after a day, and then
 * takes any batch first.
 */
const acknowledgementMsMax = 60_000

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
  /** In the order they were sent. */
  readonly inFlight: QueuedBatch[] = []
  /** Nothing is sent before this moment. */
  #backoffUntil = 0
  #lastCapacity = 0
  /** Written by the pump: whether the queue is on its lists. */
  listedOpen = false
  listedWaiting = false
  /** Written by PartitionLines: records wait for the partition, and it has no open batch. */
  hasLine = false
  #releaseOpen = false
  /**
   * False until this leader acknowledged a batch of this producer id: until then one batch is in
   * flight. A partition that does not know the producer takes whichever batch it can take first,
   * and would take two in the wrong order where the first is rejected (KAFKA-15591).
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
    if (this.#open !== null || this.hasLine) return false
    return this.waiting.length === 0 && this.inFlight.length === 0
  }

  /** Bytes of its batches that are not settled. */
  get bytes(): number {
    let bytes = this.#open?.size ?? 0
    for (const { size } of this.waiting) bytes += size
    for (const { size } of this.inFlight) bytes += size
    return bytes
  }

  setLeader(leaderId: number, leaderEpoch: number): void {
    if (leaderId !== this.#leaderId) this.#backoffUntil = 0
    // The same leader under another epoch may hold another log, or have lost its producer state.
    if (leaderId !== this.#leaderId || leaderEpoch !== this.#leaderEpoch) {
      this.forgetAcknowledgement()
    }
    this.#leaderId = leaderId
    this.#leaderEpoch = leaderEpoch
  }

  /** The leader may not know the producer: the next batch goes out alone. */
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

  /** Capacity that the last batch needed: the next one starts with it. */
  get lastCapacity(): number {
    return this.#lastCapacity
  }

  /** The open batch goes out even though its linger or flush trigger is not over. */
  get releaseOpen(): boolean {
    return this.#releaseOpen
  }

  requestRelease(): void {
    this.#releaseOpen = true
  }

  /** Closes the open batch; it waits to be sent. */
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

  /** The batch that may go out now, or null. */
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
   * Whether the open batch, sealed now, could go out now as far as its own partition is concerned.
   */
  couldSend(now: number): boolean {
    if (this.waiting.length > 0 || now < this.#backoffUntil) return false
    if (this.#rules.transactions?.admits(this) === false) return false
    if (this.#rules.spool?.admits(this, null) === false) return false
    return this.inFlight.length === 0 || this.#mayPipeline()
  }

  /** Whether the batch may go out behind others that are in flight. */
  #mayFollow(head: QueuedBatch): boolean {
    return head.attempts === 0 && this.#mayPipeline()
  }

  #mayPipeline(): boolean {
    if (!this.#leaderAcknowledged || this.#inFlightLeader !== this.#leaderId) return false
    if (this.inFlight.length >= this.#rules.inFlightMax) return false
    for (const batch of this.inFlight) if (batch.attempts > 1) return false
    return true
  }

  /** Takes the head out: it gets its sequence number and its header, and is in flight. */
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

  // ── What became of a batch ─────────────────────────────────────────────────────────────────────

  /** The batch's request has ended, with or without a response. */
  removeInFlight(batch: QueuedBatch): void {
    const index = this.inFlight.indexOf(batch)
    assert(index >= 0, 'a batch leaves the flight once')
    this.inFlight.splice(index, 1)
    batch.endAttempt()
  }

  /** The leader took a batch: the next batches may go out behind each other. */
  onAcknowledged(): void {
    if (this.#inFlightLeader === this.#leaderId) this.#leaderAcknowledged = true
  }

  /** Nothing is sent before this moment. */
  backOff(until: number): void {
    this.#backoffUntil = until
  }

  /** The batch waits for another attempt, in the order of the calls. */
  reenqueue(batch: QueuedBatch): void {
    batch.transition('ready')
    this.#insert(batch)
  }

  /** The batch waits with other content: it must be made ready again. */
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
   * The batch, which is not in the log, changes its records: its sequence number is void, and so
   * are those of the batches behind it.
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
   * The broker can't have any batch that waits: it takes a batch only behind the ones before it.
   */
  markWaitingNotWritten(): void {
    for (const batch of this.waiting) batch.markNotWritten()
  }

  /** The leader took a piece of a split batch: neither the whole nor what follows is in the log. */
  clearPieceDoubt(): void {
    for (const batch of this.batches()) batch.clearPieceDoubt()
  }

  /** The batch fails, or has no record left: it is not sent. In flight, it stays there. */
  remove(batch: QueuedBatch): void {
    const index = this.waiting.indexOf(batch)
    if (index >= 0) this.waiting.splice(index, 1)
    if (this.#open === batch) this.#open = null
  }

  /**
   * True when no batch before this one is unsettled: it is the one that the broker expects next.
   */
  isFirst(batch: QueuedBatch): boolean {
    for (const other of this.inFlight)
      if (other !== batch && other.ordinal < batch.ordinal) return false
    const head = this.waiting[0]
    return head === undefined || head === batch || head.ordinal > batch.ordinal
  }

  /** Every batch that is not settled, oldest first. */
  batches(): QueuedBatch[] {
    const all = [...this.inFlight, ...this.waiting]
    if (this.#open !== null) all.push(this.#open)
    return all
  }
}
