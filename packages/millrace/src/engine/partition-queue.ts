// The batches of one partition, in call order. It decides which batch may go out next and keeps
// that order whatever is retried; the pump of the leader's broker decides when there is room for
// it.
//
//   append ─▶ [open] ─ seal ─▶ [waiting …] ─ take ─▶ [inFlight …] ─▶ settled
//                                  ▲                      │
//                                  └──── putBack ─────────┘   (sorted by ordinal)

import { assert } from '../runtime/assert.ts'
import type { Batch } from './batch.ts'
import { Numbering } from './numbering.ts'
import type { Sequencer } from './sequencer.ts'
import type { TopicState } from './topic-state.ts'

/** Says whether a partition may send at all. */
export interface SendGate {
  admits(queue: PartitionQueue): boolean
}

export interface PipelineRules {
  /** Batches of one partition in flight at most. */
  readonly inFlightMax: number
  /** The transaction that every batch belongs to; null = there are no transactions. */
  readonly transactions: SendGate | null
}

/**
 * After a rest as long as this the gate is closed again. A broker forgets the producers of a
 * partition that is not written to, by default after a day, and then takes any batch first.
 */
const gateRestMs = 60_000

export class PartitionQueue {
  readonly topic: TopicState
  readonly partition: number
  readonly numbering: Numbering
  readonly #rules: PipelineRules
  leaderId = -1
  leaderEpoch = -1
  open: Batch | null = null
  /** Sealed, not in flight; oldest first. */
  readonly waiting: Batch[] = []
  /** In the order they were sent. */
  readonly inFlight: Batch[] = []
  /** Nothing is sent before this moment. */
  backoffUntil = 0
  /** Capacity that the last batch needed: the next one starts with it. */
  lastCapacity = 0
  /** Owned by the pump: whether the queue is on its lists. */
  listedOpen = false
  listedWaiting = false
  /** Release the open batch even though its linger or flush trigger is not over. */
  releaseOpen = false
  /**
   * False until this leader acknowledged a batch of this producer id: until then one batch is in
   * flight. A partition that does not know the producer takes whichever batch it can take first,
   * and would take two in the wrong order where the first is refused (KAFKA-15591).
   */
  #gateOpen = false
  #gateProducerId = -1
  #lastSentAt = 0
  #inFlightLeader = -1
  #nextOrdinal = 0

  constructor(topic: TopicState, partition: number, sequencer: Sequencer, rules: PipelineRules) {
    this.topic = topic
    this.partition = partition
    this.numbering = new Numbering(sequencer)
    this.#rules = rules
  }

  get nextOrdinal(): number {
    return this.#nextOrdinal++
  }

  get isEmpty(): boolean {
    return this.open === null && this.waiting.length === 0 && this.inFlight.length === 0
  }

  setLeader(leaderId: number, leaderEpoch: number): void {
    if (leaderId !== this.leaderId) this.backoffUntil = 0
    // The same leader under another epoch may hold another log, or have lost its memory.
    if (leaderId !== this.leaderId || leaderEpoch !== this.leaderEpoch) this.closeGate()
    this.leaderId = leaderId
    this.leaderEpoch = leaderEpoch
  }

  /** What is known of the partition's memory is void: its next batch goes out alone. */
  closeGate(): void {
    this.#gateOpen = false
  }

  /** Closes the open batch and puts it in line. */
  seal(): Batch {
    const batch = this.open
    assert(batch !== null, 'seal needs an open batch')
    this.open = null
    this.releaseOpen = false
    this.lastCapacity = batch.buffer.length
    batch.transition('sealed')
    this.waiting.push(batch)
    return batch
  }

  /** The batch that may go out now, or null. */
  next(now: number): Batch | null {
    const head = this.waiting[0]
    if (head === undefined || head.state !== 'ready' || now < this.backoffUntil) return null
    if (this.inFlight.length > 0 && !this.#mayFollow(head)) return null
    if (this.#rules.transactions?.admits(this) === false) return null
    if (!this.numbering.allows(this.waiting, this.inFlight.length === 0)) return null
    if (now - this.#lastSentAt >= gateRestMs) this.closeGate()
    this.#lastSentAt = now
    return head
  }

  /**
   * Whether the open batch, sealed now, could go out now as far as its own partition is concerned.
   */
  couldSend(now: number): boolean {
    if (this.waiting.length > 0 || now < this.backoffUntil) return false
    if (this.#rules.transactions?.admits(this) === false) return false
    return this.inFlight.length === 0 || this.#mayPipeline()
  }

  /** Whether the batch may go out behind others that are in flight. */
  #mayFollow(head: Batch): boolean {
    return head.attempts === 0 && this.#mayPipeline()
  }

  #mayPipeline(): boolean {
    if (!this.#gateOpen || this.#inFlightLeader !== this.leaderId) return false
    if (this.inFlight.length >= this.#rules.inFlightMax) return false
    for (const batch of this.inFlight) if (batch.attempts > 1) return false
    return true
  }

  /** Takes the head out: it is numbered, and its bytes are as they go to the socket. */
  take(head: Batch): void {
    assert(this.waiting[0] === head, 'take takes the head')
    this.waiting.shift()
    this.numbering.assign(head)
    if (head.producerId !== this.#gateProducerId) {
      this.closeGate()
      this.#gateProducerId = head.producerId
    }
    head.writeHeader(this.#rules.transactions !== null)
    head.attempts++
    head.transition('inFlight')
    this.#inFlightLeader = this.leaderId
    this.inFlight.push(head)
  }

  /** The batch was answered, or will not be: it is no longer in flight. */
  land(batch: Batch): void {
    const index = this.inFlight.indexOf(batch)
    assert(index >= 0, 'a batch lands once')
    this.inFlight.splice(index, 1)
  }

  /** Back in line for another attempt, at its place in the order. */
  putBack(batch: Batch): void {
    batch.transition('ready')
    this.#insert(batch)
  }

  /** Back in line with other content: it must be made ready again. */
  putBackSealed(batch: Batch): void {
    batch.transition('sealed')
    this.#insert(batch)
  }

  #insert(batch: Batch): void {
    let index = 0
    while (index < this.waiting.length && this.waiting[index]!.ordinal < batch.ordinal) index++
    this.waiting.splice(index, 0, batch)
  }

  /**
   * The batch, which is not in the log, changes its records: its number is void, and those of the
   * batches behind it are too.
   */
  dropNumber(batch: Batch): void {
    if (batch.baseSequence < 0) return
    batch.clearSequence()
    this.numbering.wantRestart()
    for (const other of this.batches()) {
      if (other.baseSequence >= 0 && other.ordinal > batch.ordinal) other.isBehindGap = true
    }
  }

  removeWaiting(batch: Batch): void {
    const index = this.waiting.indexOf(batch)
    if (index >= 0) this.waiting.splice(index, 1)
  }

  onAcknowledged(): void {
    if (this.#inFlightLeader === this.leaderId) this.#gateOpen = true
  }

  /**
   * True when no batch before this one is unsettled: it is the one that the broker expects next.
   */
  isFirst(batch: Batch): boolean {
    for (const other of this.inFlight)
      if (other !== batch && other.ordinal < batch.ordinal) return false
    const head = this.waiting[0]
    return head === undefined || head === batch || head.ordinal > batch.ordinal
  }

  /** Every batch that is not settled, oldest first. */
  batches(): Batch[] {
    const all = [...this.inFlight, ...this.waiting]
    if (this.open !== null) all.push(this.open)
    return all
  }
}
