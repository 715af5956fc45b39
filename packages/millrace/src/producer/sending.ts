// The four ways in for records: send, sendBatch, enqueue, submit. They turn calls into appends, and
// results into promises and callbacks. A scope says whether records may be sent at the moment, and
// hears of those that were not taken: the producer is one, each transaction another.

import type { Engine } from '../engine/engine.ts'
import type { ProducerRecord, RecordMetadata, Settle, SettleCallback } from '../engine/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { type BatchResult, BatchSend } from './batch-send.ts'
import type { FailureReporter } from './failure-reporter.ts'
import { givenUpError } from './given-up.ts'
import { PendingSend } from './pending-send.ts'
import { Submission } from './submission.ts'
import { checkWaitOptions, Patience, type WaitClock, type WaitOptions } from './wait.ts'

export interface SendScope {
  /** Throws where records can't be sent now. */
  check(call: string): void
  /** A record was refused, or its caller gave up on it. */
  onFailed(error: KafkaError): void
}

export class Sending {
  readonly #engine: Engine
  readonly #failures: FailureReporter
  readonly #waitClock: WaitClock
  /** For records whose result nobody asked for. */
  readonly #unclaimed: SettleCallback = (error) => {
    if (error !== null) this.#failures.report(error)
  }
  /** A loop that never yields can be refused a million times: each costs nothing that stays. */
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
    this.#engine.measurements.onRecordRefused(error)
    scope.onFailed(error)
  }

  /** The promise of a send that was not taken. Those that share their error share their promise. */
  #refusal(pending: PendingSend, error: KafkaError): Promise<RecordMetadata> {
    if (this.#lastRefusal?.error === error) {
      this.#failures.report(error)
      return this.#lastRefusal.promise
    }
    pending.fail(error)
    this.#lastRefusal = { error, promise: pending.promise }
    return pending.promise
  }

  #sendWithOptions(
    scope: SendScope,
    record: ProducerRecord,
    options: WaitOptions,
  ): Promise<RecordMetadata> {
    const pending = new PendingSend(this.#failures)
    try {
      checkWaitOptions(options)
      scope.check('send')
      if (options.signal?.aborted) throw givenUpError(record, options, 'aborted', 'no')
      const place = this.#engine.append(record, pending)
      pending.patience = new Patience(options, this.#waitClock, (why) => {
        const trouble = this.#engine.troubleOf(place)
        const persisted = this.#engine.abandon(place, pending)
        const error = givenUpError(record, options, why, persisted, trouble)
        if (persisted === 'no') this.#engine.measurements.announcements.recordFailed(error)
        scope.onFailed(error)
        pending.abandon(error)
      })
    } catch (error) {
      this.#onRefused(scope, error as KafkaError)
      pending.fail(error as KafkaError)
    }
    return pending.promise
  }

  sendBatch(
    scope: SendScope,
    records: readonly ProducerRecord[],
    options: WaitOptions | undefined,
  ): Promise<BatchResult> {
    const promise = new Promise<BatchResult>((resolve) => {
      checkWaitOptions(options)
      scope.check('sendBatch')
      if (!Array.isArray(records)) {
        throw new KafkaError('INVALID_ARGUMENT', 'records is no array of records')
      }
      let patience: Patience | null = null
      let over = false
      const batch = this.makeBatch(records, options !== undefined, (result) => {
        over = true
        patience?.stop()
        for (const index of result.failedIndexes) {
          const error = result.results[index] as KafkaError
          scope.onFailed(error)
          this.#failures.report(error)
        }
        resolve(result)
      })
      if (options?.signal?.aborted) {
        batch.giveUp((persisted) => givenUpError(null, options, 'aborted', persisted))
        return
      }
      batch.start()
      if (options === undefined || over) return
      patience = new Patience(options, this.#waitClock, (why) => {
        const trouble = this.#waitClock.trouble()
        batch.giveUp((persisted) => givenUpError(null, options, why, persisted, trouble))
      })
    })
    promise.catch((error) => this.#failures.report(error))
    return promise
  }

  protected makeBatch(
    records: readonly ProducerRecord[],
    mayGiveUp: boolean,
    done: (result: BatchResult) => void,
  ): BatchSend {
    return new BatchSend(this.#engine, records, mayGiveUp, done)
  }

  enqueue(scope: SendScope, record: ProducerRecord, callback: SettleCallback | undefined): boolean {
    scope.check('enqueue')
    if (callback !== undefined && typeof callback !== 'function') {
      throw new KafkaError('INVALID_ARGUMENT', 'callback is no function')
    }
    return this.#engine.tryAppend(record, callback ?? null)
  }

  submit(
    scope: SendScope,
    record: ProducerRecord,
    receiver: Settle | null,
    options: WaitOptions | undefined,
  ): Promise<undefined> | undefined {
    try {
      scope.check('submit')
      if (options === undefined && this.#engine.accumulator.hasRoom) {
        this.#engine.append(record, receiver)
        return undefined
      }
      checkWaitOptions(options)
      if (options?.signal?.aborted) throw givenUpError(record, options, 'aborted', 'no')
      return this.#submitInTurn(record, receiver ?? this.#unclaimed, options)
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
      submission = new Submission(this.#engine, record, receiver, resolve, reject)
    })
    submission!.start(options, this.#waitClock)
    return guarded(promise)
  }
}

const nothing = (): void => {}

/** A rejection that nobody awaits never reaches the process. */
export const guarded = <Value>(promise: Promise<Value>): Promise<Value> => {
  promise.catch(nothing)
  return promise
}
