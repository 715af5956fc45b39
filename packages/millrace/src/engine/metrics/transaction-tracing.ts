// Owns the tracing channel `millrace:transaction`: one operation per transaction, from the call
// that begins it until its result is certain. Callers: Announcements, TransactionBegin. Invariant:
// a producer has one transaction at a time.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import { type EventOrigin, OperationTracing, type TraceContext } from '../../runtime/diagnostics.ts'

/** `tracing:millrace:transaction`: a transaction from its beginning until its end. */
export interface TransactionTrace extends TraceContext {
  /** Counts the transactions of the producer from 1; 0 until it has begun. */
  number: number
  /** How it ended; null = it has not ended, or did not begin. */
  outcome: 'committed' | 'aborted' | null
  /** Why it was not committed; missing if the caller aborted it. */
  error?: KafkaError
}

const transactionTracing = new OperationTracing<TransactionTrace>('transaction')

export class TransactionTracing {
  readonly #origin: EventOrigin
  #trace: TransactionTrace | null = null
  #error: KafkaError | null = null

  constructor(origin: EventOrigin) {
    this.#origin = origin
  }

  /** The caller begins a transaction: `start` is published in its call. */
  start(): void {
    if (!transactionTracing.hasSubscribers) return
    this.#error = null
    this.#trace = { ...this.#origin, number: 0, outcome: null }
    transactionTracing.begin(this.#trace)
  }

  onEvent(
    name: 'begun' | 'committed' | 'aborted' | 'failed',
    number: number,
    error: KafkaError | null,
  ): void {
    if (this.#trace === null) return
    if (name === 'begun') this.#trace.number = number
    else if (name === 'failed') this.#error ??= error
    else {
      this.#trace.outcome = name
      this.end(this.#error)
    }
  }

  /** It did not begin, or ends without a certain result. */
  end(error: KafkaError | null): void {
    const trace = this.#trace
    if (trace === null) return
    this.#trace = null
    transactionTracing.settle(trace, error)
  }
}
