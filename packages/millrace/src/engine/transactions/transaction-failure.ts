// Owns the reason why a transaction cannot be committed, or its producer cannot continue, and the
// errors of its calls. Caller: CurrentTransaction. Invariant: a fatal error stays until the end.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import { abortable, abortedByCaller } from './transaction-errors.ts'

export class TransactionFailure {
  #cause: KafkaError | null = null
  #fatalError: KafkaError | null = null

  /** The reason; null = nothing failed. */
  get cause(): KafkaError | null {
    return this.#fatalError ?? this.#cause
  }

  /** The error that ended the producer; null = none. */
  get fatalError(): KafkaError | null {
    return this.#fatalError
  }

  /** Another transaction begins. */
  clear(): void {
    this.#cause = null
  }

  set(cause: KafkaError): void {
    this.#cause = cause
  }

  setFatal(error: KafkaError): void {
    this.#fatalError = error
  }

  /** The error of calls and records when the transaction can only be aborted. */
  abortedError(): KafkaError {
    const cause = this.#cause
    if (cause === null) return abortedByCaller()
    return abortable('The transaction has failed and must be aborted', cause)
  }

  /** The error of a commit. */
  notCommitted(): KafkaError {
    return abortable('The transaction was not committed and must be aborted', this.#cause!)
  }

  /** A rejected epoch as the error that was found to be its reason; any other error unchanged. */
  meaningOf(error: KafkaError): KafkaError {
    return this.#fatalError ?? (error.kind === 'fatal' ? this.abortedError() : error)
  }
}
