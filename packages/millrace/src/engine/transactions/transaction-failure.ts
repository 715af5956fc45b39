// Why a transaction can't be committed, or its producer can't go on, and the errors that its calls
// get for it. Owner: TransactionManager.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import { abortable, abortedByCaller } from './transaction-errors.ts'

export class TransactionFailure {
  #cause: KafkaError | null = null
  #fatalError: KafkaError | null = null

  /** What failed; null = nothing. */
  get cause(): KafkaError | null {
    return this.#fatalError ?? this.#cause
  }

  /** The producer is done; null = it is not. */
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

  /** The error of calls and records once the transaction can only be aborted. */
  abortedError(): KafkaError {
    const cause = this.#cause
    if (cause === null) return abortedByCaller()
    return abortable('The transaction has failed and must be aborted', cause)
  }

  /** The error of a commit. */
  notCommitted(): KafkaError {
    return abortable('The transaction was not committed and must be aborted', this.#cause!)
  }

  /** An error that ends a producer elsewhere, as what it turned out to be; any other as it is. */
  meaningOf(error: KafkaError): KafkaError {
    return this.#fatalError ?? (error.kind === 'fatal' ? this.abortedError() : error)
  }
}
