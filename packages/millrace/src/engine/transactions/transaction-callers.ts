// Owns the callers that wait for the current transaction: for its beginning, its end, or the
// offsets that they send in it. Caller: CurrentTransaction. Invariant: each caller is notified
// once.

import type { KafkaError } from '../../protocol/kafka-error.ts'

/** Called once when a call has ended. */
export type TransactionDone = (error: KafkaError | null) => void

/** A call of commit() or abort(). */
export interface EndCall {
  readonly commit: boolean
  readonly done: TransactionDone
}

export class TransactionCallers {
  #begin: TransactionDone | null = null
  #end: EndCall | null = null
  readonly #offsets = new Set<TransactionDone>()
  readonly #postponed: (() => void)[] = []

  get isBeginPending(): boolean {
    return this.#begin !== null
  }

  /** The waiting call of commit() or abort(); null = none. */
  get endCall(): EndCall | null {
    return this.#end
  }

  waitForBegin(done: TransactionDone): void {
    this.#begin = done
  }

  /** The caller of begin() no longer waits. */
  forgetBegin(): void {
    this.#begin = null
  }

  onBegun(error: KafkaError | null): void {
    const done = this.#begin
    this.#begin = null
    done?.(error)
  }

  waitForEnd(call: EndCall): void {
    this.#end = call
  }

  onEnded(error: KafkaError | null): void {
    const call = this.#end
    this.#end = null
    call?.done(error)
  }

  waitForOffsets(done: TransactionDone): void {
    this.#offsets.add(done)
  }

  /** Notifies a caller of sendOffsets(), unless `failOffsets` did. */
  onOffsetsSent(done: TransactionDone, error: KafkaError | null): void {
    if (this.#offsets.delete(done)) done(error)
  }

  /** Runs when the reason of the rejected epoch is known. */
  postpone(run: () => void): void {
    this.#postponed.push(run)
  }

  runPostponed(): void {
    for (const run of this.#postponed.splice(0)) run()
  }

  failOffsets(error: KafkaError): void {
    for (const done of this.#offsets) done(error)
    this.#offsets.clear()
  }
}
