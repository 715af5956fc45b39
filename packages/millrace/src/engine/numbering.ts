// Sequence numbers of one partition. A batch gets its number when it is first sent and keeps it
// while it is resent. After a gap (a numbered batch was given up, or the broker lost its state) the
// partition starts again at 0 under a new epoch, but only once nothing of it is in flight and
// nothing is left that may be in the log already: such a batch must be resent under its old number,
// or it would be stored twice.

import type { Batch } from './batch.ts'
import type { ProducerIdentity } from './ports.ts'
import { noIdentity, type Sequencer } from './sequencer.ts'

/** Sequences wrap from 2^31 - 1 to 0. */
const sequenceCount = 2 ** 31

export class Numbering {
  readonly #sequencer: Sequencer
  #identity: ProducerIdentity = noIdentity
  #next = 0
  #restartWanted = false

  constructor(sequencer: Sequencer) {
    this.#sequencer = sequencer
  }

  get restartWanted(): boolean {
    return this.#restartWanted
  }

  /** Continues at this sequence; for tests of the wrap. */
  startAt(sequence: number): void {
    this.#next = sequence
  }

  /** There is, or may be, a gap: nothing new goes out under the present numbers. */
  wantRestart(): void {
    if (!this.#sequencer.enabled) return
    this.#restartWanted = true
    this.#sequencer.onGap(this.#identity)
  }

  /**
   * Whether the head of the waiting batches may go out now, as far as numbers are concerned.
   * `idle` = nothing of the partition is in flight. Restarts where that is wanted and possible;
   * true is answered for the resend of a numbered batch too.
   */
  allows(waiting: readonly Batch[], idle: boolean): boolean {
    if (!this.#sequencer.enabled) return true
    if (this.#restartWanted && idle) this.#tryRestart(waiting)
    const head = waiting[0]!
    if (this.#restartWanted) return head.baseSequence >= 0 && waiting.some(mayBeWritten)
    return head.baseSequence >= 0 || this.#follow(idle)
  }

  #follow(idle: boolean): boolean {
    if (!this.#sequencer.ready) {
      this.#sequencer.want()
      return false
    }
    if (this.#identity === this.#sequencer.identity) return true
    if (!idle) return false
    this.#identity = this.#sequencer.identity
    this.#next = 0
    return true
  }

  #tryRestart(waiting: readonly Batch[]): void {
    if (waiting.some(mayBeWritten)) return
    if (this.#identity === this.#sequencer.identity && this.#sequencer.ready) this.#sequencer.bump()
    if (!this.#follow(true)) return
    for (const batch of waiting) if (batch.baseSequence >= 0) batch.clearSequence()
    this.#restartWanted = false
  }

  /** Gives the batch its number, unless it has one. */
  assign(batch: Batch): void {
    if (!this.#sequencer.enabled || batch.baseSequence >= 0) return
    batch.setSequence(this.#identity, this.#next)
    this.#next = (this.#next + batch.recordCount) % sequenceCount
  }
}

/** Such a batch may be in the log under the number it has. */
const mayBeWritten = (batch: Batch): boolean =>
  batch.baseSequence >= 0 && batch.maybeWritten && !batch.isBehindGap
