// The promise of one send. An object instead of closures: a send costs its promise, the two
// functions the promise is settled by, and this.

import type { RecordMetadata, Settler } from '../engine/record.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { FailureReporter } from './failure-reporter.ts'
import type { Patience } from './wait.ts'

const nothing = (): void => {}

type Resolve = (metadata: RecordMetadata) => void
type Reject = (error: KafkaError) => void

let lastResolve: Resolve = nothing
let lastReject: Reject = nothing

/** One executor for all promises: what it is given is taken over right after the constructor. */
const executor = (resolve: Resolve, reject: Reject): void => {
  lastResolve = resolve
  lastReject = reject
}

export class PendingSend implements Settler {
  /** The promise, its two functions, this, and the frame of whoever awaits it (measured). */
  readonly heldBytes = 640
  readonly promise: Promise<RecordMetadata>
  readonly #resolve: Resolve
  readonly #reject: Reject
  readonly #failures: FailureReporter
  /** What may end the wait early. */
  patience: Patience | null = null
  #abandoned = false

  constructor(failures: FailureReporter) {
    this.promise = new Promise<RecordMetadata>(executor)
    this.#resolve = lastResolve
    this.#reject = lastReject
    this.#failures = failures
  }

  settled(_tag: number, error: KafkaError | null, metadata: RecordMetadata | null): void {
    if (this.#abandoned) return
    this.patience?.stop()
    if (error === null) this.#resolve(metadata!)
    else this.fail(error)
  }

  /** The caller gave up; what becomes of the record later is not told. */
  abandon(error: KafkaError): void {
    this.#abandoned = true
    this.fail(error)
  }

  /** Rejects; a rejection that nobody awaits never reaches the process. */
  fail(error: KafkaError): void {
    this.promise.catch(nothing)
    this.#failures.report(error)
    this.#reject(error)
  }
}
