// Where failed sends go that nobody may be looking at: to the user's onError, or without one to the
// logger, at most one line a second with the number of those left out.

import type { KafkaError } from '../protocol/kafka-error.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'

const quietMs = 1000

export class FailureReporter {
  readonly #logger: Logger
  readonly #onError: ((error: KafkaError) => void) | null
  readonly #clock: Clock
  #quietUntil = Number.NEGATIVE_INFINITY
  #leftOut = 0

  constructor(logger: Logger, onError: ((error: KafkaError) => void) | null, clock: Clock) {
    this.#logger = logger
    this.#onError = onError
    this.#clock = clock
  }

  /** A record was not delivered. */
  report(error: KafkaError): void {
    if (this.#onError !== null) this.#tell(this.#onError, error)
    // Whoever ends the transaction is told, once for all its records.
    else if (error.code !== 'TRANSACTION_ABORTED') this.#log(error)
  }

  #tell(onError: (error: KafkaError) => void, error: KafkaError): void {
    try {
      // A handler that is an async function may reject: that too is only reported.
      const result: unknown = onError(error)
      if (result instanceof Promise) result.catch((thrown) => this.callbackFailed(thrown))
    } catch (thrown) {
      this.callbackFailed(thrown)
    }
  }

  #log(error: KafkaError): void {
    const now = this.#clock.now()
    if (now < this.#quietUntil) {
      this.#leftOut++
      return
    }
    const more = this.#leftOut === 0 ? '' : ` (and ${this.#leftOut} more like it)`
    this.#quietUntil = now + quietMs
    this.#leftOut = 0
    this.#logger.error(`millrace: a record was lost: ${error.code}: ${error.message}${more}`)
  }

  /** A callback of the user's threw: the record it was told of is settled all the same. */
  callbackFailed(thrown: unknown): void {
    const words = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
    this.#logger.error(`millrace: a result callback threw: ${words}`)
  }
}
