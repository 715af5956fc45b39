// Owns the promise of one send. An object in place of closures: a send costs its promise, the two
// functions that settle it, and this object. Caller: Sending. Invariant: a rejection that is not
// awaited does not become an unhandled rejection.

import type { DeliveredRecord, RecordMetadata, Settler } from '../engine/record.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { FailureReporter } from './failure-reporter.ts'
import type { CallLimits } from './wait.ts'

const nothing = (): void => {}

type Resolve = (metadata: RecordMetadata) => void
type Reject = (error: KafkaError) => void

let lastResolve: Resolve = nothing
let lastReject: Reject = nothing

/** One executor for all promises: its arguments are stored right after the constructor. */
const executor = (resolve: Resolve, reject: Reject): void => {
  lastResolve = resolve
  lastReject = reject
}

export class PendingSend implements Settler {
  /**
   * The size of the promise, its two functions, this object, and the awaiting caller's frame
   * (measured).
   */
  readonly heldBytes = 640
  readonly promise: Promise<RecordMetadata>
  readonly #resolve: Resolve
  readonly #reject: Reject
  readonly #failures: FailureReporter
  /** The limits that may end the wait early. */
  limits: CallLimits | null = null
  #isCancelled = false

  constructor(failures: FailureReporter) {
    this.promise = new Promise<RecordMetadata>(executor)
    this.#resolve = lastResolve
    this.#reject = lastReject
    this.#failures = failures
  }

  settled(_tag: number, error: KafkaError | null, delivered: DeliveredRecord | null): void {
    if (this.#isCancelled) return
    this.limits?.stop()
    if (error === null) this.#resolve(delivered!.toMetadata())
    else this.fail(error)
  }

  /** The caller cancelled; a later result of the record is not reported. */
  cancel(error: KafkaError): void {
    this.#isCancelled = true
    this.fail(error)
  }

  /** Rejects; a rejection that is not awaited does not become an unhandled rejection. */
  fail(error: KafkaError): void {
    this.promise.catch(nothing)
    this.#failures.report(error)
    this.#reject(error)
  }
}
