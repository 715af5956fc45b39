// Owns the sequence numbers of one partition. Caller: PartitionQueue, when a batch is sent. A batch
// gets its number when it is first sent and keeps it in retries. After a gap (a numbered batch has
// failed, or the broker lost its state) the partition restarts at 0 with a new epoch. Invariant: it
// restarts only when nothing of it is in flight and no waiting batch may be in the log. Such a
// batch must be sent again with its old number, or it would be stored twice.

import { type BatchProgress, sequenceCount } from '../batch/batch-progress.ts'
import type { ProducerIdentity } from '../ports.ts'
import { noIdentity, type ProducerIdentityState } from './producer-identity-state.ts'

/** The number of records determines the next sequence number. */
type NumberedBatch = BatchProgress & { readonly recordCount: number }

export class SequenceNumbers {
  readonly #identityState: ProducerIdentityState
  #identity: ProducerIdentity = noIdentity
  #next = 0
  #restartWanted = false

  constructor(identityState: ProducerIdentityState) {
    this.#identityState = identityState
  }

  /** Numbers of the current epoch were, or may be, assigned here. */
  get isCurrent(): boolean {
    const { enabled, ready, identity } = this.#identityState
    return enabled && ready && this.#identity === identity
  }

  get restartWanted(): boolean {
    return this.#restartWanted
  }

  /** Continues at this number; for tests of the wrap to 0. */
  startAt(sequence: number): void {
    this.#next = sequence
  }

  /** There is, or may be, a gap: no new batch is sent with the current numbers. */
  wantRestart(): void {
    if (!this.#identityState.enabled) return
    this.#restartWanted = true
    this.#identityState.onGap(this.#identity)
  }

  /**
   * Whether the first waiting batch may be sent now, as far as sequence numbers are concerned.
   * `idle` = nothing of the partition is in flight. Restarts if that is requested and possible.
   * Also true for the retry of a numbered batch.
   */
  allows(waiting: readonly BatchProgress[], idle: boolean): boolean {
    if (!this.#identityState.enabled) return true
    if (this.#restartWanted && idle) this.#tryRestart(waiting)
    const head = waiting[0]!
    if (this.#restartWanted) return head.baseSequence >= 0 && waiting.some(mayBeWritten)
    return head.baseSequence >= 0 || this.#follow(idle)
  }

  #follow(idle: boolean): boolean {
    if (!this.#identityState.ready) {
      this.#identityState.want()
      return false
    }
    if (this.#identity === this.#identityState.identity) return true
    if (!idle) return false
    this.#identity = this.#identityState.identity
    this.#next = 0
    return true
  }

  #tryRestart(waiting: readonly BatchProgress[]): void {
    if (waiting.some(mayBeWritten)) return
    if (this.#identity === this.#identityState.identity && this.#identityState.ready)
      this.#identityState.bump()
    if (!this.#follow(true)) return
    for (const batch of waiting) if (batch.baseSequence >= 0) batch.clearSequence()
    this.#restartWanted = false
  }

  /** Assigns a number to the batch, unless it has one. */
  assign(batch: NumberedBatch): void {
    if (!this.#identityState.enabled || batch.baseSequence >= 0) return
    batch.setSequence(this.#identity, this.#next)
    this.#next = (this.#next + batch.recordCount) % sequenceCount
  }
}

/** Such a batch may be in the log with its number. */
const mayBeWritten = (batch: BatchProgress): boolean =>
  batch.baseSequence >= 0 && batch.maybeWritten && !batch.isBehindGap
