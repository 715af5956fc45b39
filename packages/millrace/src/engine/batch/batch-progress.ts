// Owns the state of a batch between its first record and its result: deadline, attempts and what
// they prove, sequence number, order in its partition. `batch.ts` adds the content.
//
//   open ─ seal ─▶ sealed ─▶ compressing ─▶ ready ─▶ inFlight ─▶ settled
//                     └────── (no codec) ─────▲          │
//                                             └─ retry ──┘
//
// Callers: Accumulator and FlushTrigger (deadline), PartitionQueue (state, attempts, sequence
// number), Delivery (results of attempts), Settlement. Invariants: fields change through these
// methods only, and a batch settles once.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { ProducerId } from '../../protocol/producer-id.ts'
import { assert } from '../../runtime/assert.ts'
import type { ProducerIdentity } from '../ports.ts'

/** Sequence numbers wrap from 2^31 - 1 to 0. */
export const sequenceCount = 2 ** 31

export type BatchState = 'open' | 'sealed' | 'compressing' | 'ready' | 'inFlight' | 'settled'

const legal: Record<BatchState, readonly BatchState[]> = {
  open: ['sealed', 'settled'],
  sealed: ['compressing', 'ready', 'settled'],
  compressing: ['ready', 'sealed', 'settled'],
  ready: ['inFlight', 'sealed', 'settled'],
  inFlight: ['ready', 'sealed', 'settled'],
  settled: [],
}

export abstract class BatchProgress {
  /** Order among the batches of its queue. */
  readonly ordinal: number
  readonly createdAt: number
  /**
   * The ordinals from `ordinal` up to `ordinal + #ordinalSpan` belong to this batch; the parts of a
   * split divide them.
   */
  #ordinalSpan = 1
  #state: BatchState = 'open'
  #deadline: number
  #flushGeneration: number
  #baseSequence = -1
  #producerId: ProducerId = -1
  #epoch = -1
  #attempts = 0
  #sentAt = -1
  #isInFlight = false
  #maybeInLog = false
  #maybeWritten = false
  #isBehindGap = false
  #isPieceOfMaybeWritten = false
  #lastError: KafkaError | null = null

  constructor(ordinal: number, createdAt: number, deadline: number, flushGeneration: number) {
    this.ordinal = ordinal
    this.createdAt = createdAt
    this.#deadline = deadline
    this.#flushGeneration = flushGeneration
  }

  get state(): BatchState {
    return this.#state
  }

  transition(next: BatchState): void {
    // The message is built only if it is needed: a batch makes four transitions or more.
    if (!legal[this.#state].includes(next)) assert(false, `batch: ${this.#state} → ${next}`)
    this.#state = next
  }

  // ── Time and flush() ───────────────────────────────────────────────────────────────────────────

  /** When it must have settled; infinite while a flush trigger holds it. */
  get deadline(): number {
    return this.#deadline
  }

  /** The delivery timeout begins later, with `startDeadline`. */
  suspendDeadline(): void {
    this.#deadline = Number.POSITIVE_INFINITY
  }

  startDeadline(at: number): void {
    this.#deadline = at
  }

  /**
   * A record that had waited was appended. A batch that a flush trigger holds has no deadline yet.
   */
  advanceDeadline(at: number): void {
    if (this.#deadline !== Number.POSITIVE_INFINITY) this.#deadline = Math.min(this.#deadline, at)
  }

  /** The flush() calls from this generation on wait for it. */
  get flushGeneration(): number {
    return this.#flushGeneration
  }

  joinEarlierFlush(flushGeneration: number): void {
    this.#flushGeneration = Math.min(this.#flushGeneration, flushGeneration)
  }

  // ── Attempts ───────────────────────────────────────────────────────────────────────────────────

  /** How often it was passed to a connection. */
  get attempts(): number {
    return this.#attempts
  }

  /** When it was first passed to a connection; -1 = not yet. */
  get sentAt(): number {
    return this.#sentAt
  }

  /** It is in a request without a response, even if it has settled already. */
  get isInFlight(): boolean {
    return this.#isInFlight
  }

  /** It becomes part of a request. */
  beginAttempt(): void {
    this.transition('inFlight')
    this.#attempts++
    this.#isInFlight = true
  }

  /** Its request was passed to the connection. */
  markSent(now: number): void {
    if (this.#sentAt < 0) this.#sentAt = now
  }

  /** Its request has ended. */
  endAttempt(): void {
    this.#isInFlight = false
  }

  /** The attempt does not count: it was never written, or the batch was too large. */
  discountAttempt(): void {
    this.#attempts--
  }

  /** The batch has different records now. */
  restartAttempts(): void {
    this.#attempts = 0
  }

  /** Why the last attempt failed. */
  get lastError(): KafkaError | null {
    return this.#lastError
  }

  setLastError(error: KafkaError): void {
    this.#lastError = error
  }

  /**
   * An attempt ended without a certain result. The batch may be in the log with its sequence
   * number, and must be sent again with that number before the numbers restart.
   */
  get maybeWritten(): boolean {
    return this.#maybeWritten
  }

  /**
   * Its outcome was unknown at least once. A later "not written" proves nothing: the broker may
   * have lost its producer state.
   */
  get maybeInLog(): boolean {
    return this.#maybeInLog
  }

  markMaybeWritten(): void {
    this.#maybeWritten = true
    this.#maybeInLog = true
  }

  /** The broker responded that the batch is not in its log. */
  markNotWritten(): void {
    this.#maybeWritten = false
    this.#isPieceOfMaybeWritten = false
  }

  /**
   * It is a part of a split batch, and the whole batch may be in the log. In that case the broker
   * does not recognize the part as a duplicate.
   */
  get isPieceOfMaybeWritten(): boolean {
    return this.#isPieceOfMaybeWritten
  }

  /** The broker accepted another part, so the whole batch is not in the log. */
  clearPieceMaybeWritten(): void {
    this.#isPieceOfMaybeWritten = false
  }

  // ── Sequence number ────────────────────────────────────────────────────────────────────────────

  /** -1 = no sequence number yet. */
  get baseSequence(): number {
    return this.#baseSequence
  }

  /** -1 = none yet, as `baseSequence`. */
  get producerId(): ProducerId {
    return this.#producerId
  }

  get epoch(): number {
    return this.#epoch
  }

  setSequence({ producerId, epoch }: ProducerIdentity, baseSequence: number): void {
    this.#producerId = producerId
    this.#epoch = epoch
    this.#baseSequence = baseSequence
    this.#isBehindGap = false
  }

  /** An earlier process gave it this number, and may have sent it. */
  restoreAttempt(identity: ProducerIdentity, baseSequence: number): void {
    this.setSequence(identity, baseSequence)
    this.markMaybeWritten()
    this.#attempts = 1
  }

  /** Removes its number, so that the next send assigns a new one. */
  clearSequence(): void {
    this.setSequence({ producerId: -1, epoch: -1 }, -1)
  }

  /**
   * An earlier batch lost its number, so brokers do not accept this batch with its own number any
   * more.
   */
  get isBehindGap(): boolean {
    return this.#isBehindGap
  }

  markBehindGap(): void {
    this.#isBehindGap = true
  }

  // ── Order ──────────────────────────────────────────────────────────────────────────────────────

  /** The ordinal of the later half of a split. */
  get middleOrdinal(): number {
    return this.ordinal + this.#ordinalSpan / 2
  }

  /** `later` continues after `earlierCount` records of this batch, with the same state. */
  protected continueIn(later: BatchProgress, earlierCount: number): void {
    this.#ordinalSpan /= 2
    later.#ordinalSpan = this.#ordinalSpan
    later.#attempts = this.#attempts
    later.#sentAt = this.#sentAt
    later.#maybeWritten = this.#maybeWritten
    later.#maybeInLog = this.#maybeInLog
    this.#isPieceOfMaybeWritten ||= this.#maybeWritten
    later.#isPieceOfMaybeWritten = this.#isPieceOfMaybeWritten
    if (this.#baseSequence < 0) return
    later.#producerId = this.#producerId
    later.#epoch = this.#epoch
    later.#baseSequence = (this.#baseSequence + earlierCount) % sequenceCount
  }
}
