// Owns the four calls that accept records: send, sendBatch, enqueue, submit. It converts calls into
// appended records, and results into promises and callbacks. Callers: Producer, Transaction. A
// scope (the producer, or a transaction) decides whether records may be sent, and is notified of
// rejected records. Invariant: each record has one result, which its receiver gets once.

import type { Engine } from '../engine/engine.ts'
import type { ProducerRecord, RecordMetadata, Settle, SettleCallback } from '../engine/record.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { BatchResult } from './batch-result.ts'
import { BatchSend } from './batch-send.ts'
import { callbackProblem, guarded } from './caller.ts'
import { checkRecords } from './caller-records.ts'
import { cancelledError, topicForError } from './cancelled-record.ts'
import type { FailureReporter } from './failure-reporter.ts'
import { PendingSend } from './pending-send.ts'
import { Submission } from './submission.ts'
import { CallLimits, checkWaitOptions, type WaitClock, type WaitOptions } from './wait.ts'

export interface SendScope {
  /** Throws if records cannot be sent now. */
  check(call: string): void
  /** A record was not accepted, or its caller cancelled it. */
  onFailed(error: KafkaError): void
}

export class Sending {
  readonly #engine: Engine
  readonly #failures: FailureReporter
  readonly #waitClock: WaitClock
  /** For records without a result receiver. */
  readonly #reportFailure = (error: KafkaError | null): void => {
    if (error !== null) this.#failures.report(error)
  }
  /** The same for an accepted record: a spool may keep it. */
  readonly #onUnobserved = (error: KafkaError | null): void => {
    if (error !== null) this.#engine.onUnobservedFailure(error)
  }
  /** A loop without await can be rejected a million times, so a rejection keeps no memory. */
  #lastRefusal: { error: KafkaError; promise: Promise<RecordMetadata> } | null = null

  constructor(engine: Engine, failures: FailureReporter, waitClock: WaitClock) {
    this.#engine = engine
    this.#failures = failures
    this.#waitClock = waitClock
  }

  send(
    scope: SendScope,
    record: ProducerRecord,
    options: WaitOptions | undefined,
  ): Promise<RecordMetadata> {
    if (options !== undefined) return this.#sendWithOptions(scope, record, options)
    const pending = new PendingSend(this.#failures)
    try {
      scope.check('send')
      this.#engine.append(record, pending)
    } catch (error) {
      this.#onRefused(scope, error as KafkaError)
      return this.#refusal(pending, error as KafkaError)
    }
    return pending.promise
  }

  #onRefused(scope: SendScope, error: KafkaError): void {
    this.#engine.onRecordRefused(error)
    scope.onFailed(error)
  }

  /** The promise of a send that was not accepted. Sends with the same error share their promise. */
  #refusal(pending: PendingSend, error: KafkaError): Promise<RecordMetadata> {
    if (this.#lastRefusal?.error === error) {
      this.#failures.report(error)
      return this.#lastRefusal.promise
    }
    pending.fail(error)
    this.#lastRefusal = { error, promise: pending.promise }
    return pending.promise
  }

  #aborted(record: ProducerRecord, options: WaitOptions): KafkaError {
    return cancelledError(topicForError(record), options, 'aborted', 'no')
  }

  #sendWithOptions(
    scope: SendScope,
    record: ProducerRecord,
    given: WaitOptions,
  ): Promise<RecordMetadata> {
    const pending = new PendingSend(this.#failures)
    try {
      const options = checkWaitOptions(given) ?? given
      scope.check('send')
      if (options.signal?.aborted) throw this.#aborted(record, options)
      const limits = new CallLimits(options, this.#waitClock)
      pending.limits = limits
      const handle = this.#engine.append(record, pending)
      const topic = topicForError(record)
      limits.start((why) => {
        const blockingError = this.#engine.blockingError(handle)
        const persisted = this.#engine.cancel(handle, pending)
        const error = cancelledError(topic, options, why, persisted, blockingError)
        if (persisted === 'no') this.#engine.onRecordCancelled(error)
        scope.onFailed(error)
        pending.cancel(error)
      })
    } catch (error) {
      pending.limits?.stop()
      this.#onRefused(scope, error as KafkaError)
      pending.fail(error as KafkaError)
    }
    return pending.promise
  }

  sendBatch(
    scope: SendScope,
    records: readonly ProducerRecord[],
    given: WaitOptions | undefined,
  ): Promise<BatchResult> {
    const promise = new Promise<BatchResult>((resolve) => {
      const options = checkWaitOptions(given)
      scope.check('sendBatch')
      checkRecords('records', records)
      this.#startBatch(scope, records, options, resolve)
    })
    // A function created here would keep `records` in memory until the results arrive.
    promise.catch(this.#reportFailure)
    return promise
  }

  /** No function created here uses `records`, for the same reason. */
  #startBatch(
    scope: SendScope,
    records: readonly ProducerRecord[],
    options: WaitOptions | undefined,
    resolve: (result: BatchResult) => void,
  ): void {
    const limits = options === undefined ? null : new CallLimits(options, this.#waitClock)
    const batch = this.makeBatch(records, options !== undefined, (result) => {
      limits?.stop()
      for (const index of result.failedIndexes) {
        const error = result.error(index)!
        scope.onFailed(error)
        this.#failures.report(error)
      }
      resolve(result)
    })
    if (options?.signal?.aborted) {
      batch.cancelAndNotify((persisted) => cancelledError(undefined, options, 'aborted', persisted))
      return
    }
    batch.start()
    limits?.start((why) => {
      const blockingError = this.#waitClock.blockingError()
      batch.cancelAndNotify((persisted) =>
        cancelledError(undefined, options!, why, persisted, blockingError),
      )
    })
  }

  protected makeBatch(
    records: readonly ProducerRecord[],
    isCancellable: boolean,
    done: (result: BatchResult) => void,
  ): BatchSend {
    return new BatchSend(this.#engine, records, isCancellable, done)
  }

  enqueue(scope: SendScope, record: ProducerRecord, callback: SettleCallback | undefined): boolean {
    scope.check('enqueue')
    const problem = callbackProblem(callback)
    if (problem !== null) throw problem
    return this.#engine.tryAppend(record, callback ?? null)
  }

  submit(
    scope: SendScope,
    record: ProducerRecord,
    receiver: Settle | null,
    given: WaitOptions | undefined,
  ): Promise<undefined> | undefined {
    try {
      scope.check('submit')
      if (given === undefined && this.#engine.hasSpace) {
        const isSpooled = this.#engine.hasSpool
        // With a spool, a failed write is reported by the promise or by the receiver, never by
        // both, so a call with a receiver needs a Submission.
        if (!isSpooled || receiver === null) {
          this.#engine.append(record, receiver)
          return isSpooled ? this.#engine.whenTaken() : undefined
        }
      }
      const options = checkWaitOptions(given)
      if (options?.signal?.aborted) throw this.#aborted(record, options)
      return this.#submitInTurn(record, receiver ?? this.#onUnobserved, options)
    } catch (error) {
      this.#onRefused(scope, error as KafkaError)
      return guarded(Promise.reject(error))
    }
  }

  #submitInTurn(
    record: ProducerRecord,
    receiver: Settle,
    options: WaitOptions | undefined,
  ): Promise<undefined> {
    let submission: Submission | null = null
    const promise = new Promise<undefined>((resolve, reject) => {
      submission = new Submission(this.#engine, receiver, resolve, reject)
    })
    submission!.start(record, options, this.#waitClock)
    return guarded(promise)
  }
}
