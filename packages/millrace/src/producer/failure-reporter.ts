// Owns the report of failed records without a callback: to the user's onError, or else to the
// logger. The logger gets a line at once for each error code, then at most one per second, later
// one per minute, with the number of records since then. During an outage it gets one line in
// total, because the last line of the outage counts the failures. Caller: Producer. Invariant: each
// failure is reported once.

import type { KafkaError } from '../protocol/kafka-error.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { isError, isPromise, messageOf, readable } from '../runtime/value-kinds.ts'

/** The interval between two lines of one code: it doubles from the first value to the second. */
const quietMsMin = 1000
const quietMsMax = 60_000

/** The log state of one error code. */
interface LoggedCode {
  quietMs: number
  /** Failures since the last line, and the last of them. */
  count: number
  error: KafkaError
  timer: Timer
}

export class FailureReporter {
  readonly #logger: Logger
  readonly #onError: ((error: KafkaError) => void) | null
  readonly #clock: Clock
  /** By error code, with dead letters separate. */
  readonly #codes = new Map<string, LoggedCode>()
  /** null = there is no outage; otherwise whether a failure was logged in it. */
  #outage: { isLogged: boolean } | null = null

  constructor(logger: Logger, onError: ((error: KafkaError) => void) | null, clock: Clock) {
    this.#logger = logger
    this.#onError = onError
    this.#clock = clock
  }

  /** A record was not delivered. A dead letter is not lost: it is only logged. */
  report(error: KafkaError): void {
    if (this.#onError !== null && error.isDeadLettered !== true)
      this.#callOnError(this.#onError, error)
    // The call that ends the transaction reports it, once for all records.
    else if (error.code !== 'TRANSACTION_ABORTED') this.#log(error)
  }

  /** An outage was logged. */
  beginOutage(): void {
    this.#outage = { isLogged: false }
  }

  /** The last line of the outage was logged. */
  endOutage(): void {
    this.#outage = null
  }

  /** Logs the counted failures and stops the timers. */
  stop(): void {
    for (const logged of this.#codes.values()) {
      logged.timer.cancel()
      if (logged.count > 0) this.#write(logged.error, logged.count)
    }
    this.#codes.clear()
  }

  #callOnError(onError: (error: KafkaError) => void, error: KafkaError): void {
    try {
      // An async handler may reject, which is only logged.
      const result: unknown = onError(error)
      if (isPromise(result)) result.catch((thrown) => this.callbackFailed(thrown))
    } catch (thrown) {
      this.callbackFailed(thrown)
    }
  }

  #log(error: KafkaError): void {
    const outage = this.#outage
    if (outage !== null) {
      if (!outage.isLogged) this.#write(error, 1, '; further ones are counted until it is over')
      outage.isLogged = true
      return
    }
    const code = error.isDeadLettered === true ? `dead letter ${error.code}` : error.code
    const logged = this.#codes.get(code)
    if (logged !== undefined) {
      logged.count++
      logged.error = error
      return
    }
    this.#write(error, 1)
    this.#codes.set(code, {
      quietMs: quietMsMin,
      count: 0,
      error,
      timer: this.#startTimer(code, quietMsMin),
    })
  }

  #startTimer(code: string, delayMs: number): Timer {
    const timer = this.#clock.setTimer(delayMs, () => this.#onQuietEnd(code))
    timer.unref?.()
    return timer
  }

  #onQuietEnd(code: string): void {
    const logged = this.#codes.get(code)
    if (logged === undefined) return
    if (logged.count === 0) {
      this.#codes.delete(code)
      return
    }
    this.#write(logged.error, logged.count)
    logged.count = 0
    logged.quietMs = Math.min(logged.quietMs * 2, quietMsMax)
    logged.timer = this.#startTimer(code, logged.quietMs)
  }

  #write(error: KafkaError, count: number, hint = ''): void {
    const records = count === 1 ? 'A record was' : `${count.toLocaleString('en-US')} records were`
    const outcome = error.isDeadLettered === true ? 'dead-lettered' : 'not delivered'
    this.#logger.error(`millrace: ${records} ${outcome}: ${error.code}: ${error.message}${hint}`)
  }

  /** A callback of the user threw: its record is settled nevertheless. */
  callbackFailed(thrown: unknown): void {
    const stack: unknown = isError(thrown) ? readable(() => thrown.stack) : undefined
    const text = typeof stack === 'string' ? stack : messageOf(thrown)
    this.#logger.error(`millrace: A result callback threw: ${text}`)
  }
}
