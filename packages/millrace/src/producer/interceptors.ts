// Owns the observers of records: the option `interceptors` and the tracing channel `millrace:send`.
// They get every record, also of transactions, streams and layers. Without observers a record costs
// one comparison. If an interceptor throws or returns something else than a record, this is
// reported, and the record is sent without it, as in the Java client. Caller: Producer.
//
// Invariant: onSettled, and the events of the channel, are called once for each record that onSend
// got, including rejected records.

import type { Engine } from '../engine/engine.ts'
import {
  callSettle,
  type DeliveredRecord,
  heldBytesOf,
  type ProducerRecord,
  type RecordMetadata,
  type Settle,
  type SettleCallback,
  type Settler,
} from '../engine/record.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { EventOrigin } from '../runtime/diagnostics.ts'
import type { Logger } from '../runtime/logger.ts'
import { isPromise } from '../runtime/value-kinds.ts'
import type { BatchResult } from './batch-result.ts'
import { BatchSend } from './batch-send.ts'
import { recordAt } from './caller-records.ts'
import type { FailureReporter } from './failure-reporter.ts'
import { loadInstrumentation } from './instrumentation-loader.ts'
import {
  type InterceptedProducer,
  type InterceptorOption,
  interceptorsFor,
  type ProducerInterceptor,
} from './interceptor.ts'
import { createSendTrace, type SendTrace, sendTracing, tracedRecord } from './send-tracing.ts'
import { Sending, type SendScope } from './sending.ts'
import type { WaitClock, WaitOptions } from './wait.ts'

/** A record that the interceptors process: the result of each of them. */
interface InterceptedRecord {
  /** The record that is sent. */
  record: ProducerRecord
  /** The record of each interceptor. */
  readonly seen: readonly ProducerRecord[]
  /** Null while the channel has no subscribers. */
  readonly trace: SendTrace | null
}

const nothing = (): void => {}

/** All interceptors of one producer. */
class Interceptors {
  readonly #interceptors: readonly ProducerInterceptor[]
  readonly #failures: FailureReporter
  readonly #origin: EventOrigin
  readonly #isEmpty: boolean

  constructor(
    interceptors: readonly ProducerInterceptor[],
    failures: FailureReporter,
    origin: EventOrigin,
  ) {
    this.#interceptors = interceptors
    this.#failures = failures
    this.#origin = origin
    this.#isEmpty = interceptors.length === 0
  }

  /** Neither an interceptor nor a subscriber exists: records are sent directly. */
  get isIdle(): boolean {
    return this.#isEmpty && !sendTracing.hasSubscribers
  }

  /** `work` sends the record, and calls onSettled once with its result, or throws. */
  intercept<Value>(
    original: ProducerRecord,
    work: (intercepted: InterceptedRecord) => Value,
  ): Value {
    const intercepted = this.#onSend(original)
    const { trace } = intercepted
    try {
      if (trace === null) return work(intercepted)
      return sendTracing.run(trace, () => {
        intercepted.record = tracedRecord(trace)
        return work(intercepted)
      })
    } catch (error) {
      this.onSettled(intercepted, error as KafkaError, null)
      throw error
    }
  }

  #onSend(original: ProducerRecord): InterceptedRecord {
    let record = original
    const seen: ProducerRecord[] = []
    for (const interceptor of this.#interceptors) {
      try {
        record = this.#checked(interceptor.onSend?.(record)) ?? record
      } catch (thrown) {
        this.#failures.callbackFailed(thrown)
      }
      seen.push(record)
    }
    const trace = sendTracing.hasSubscribers ? createSendTrace(this.#origin, record) : null
    return { record, seen, trace }
  }

  /** The result is known; `report` passes it to the caller. */
  onSettled(
    intercepted: InterceptedRecord,
    error: KafkaError | null,
    metadata: RecordMetadata | null,
    report: () => void = nothing,
  ): void {
    this.#notify(intercepted, error, metadata)
    const { trace } = intercepted
    if (trace === null) {
      report()
      return
    }
    if (metadata !== null) trace.result = metadata
    sendTracing.settle(trace, error, report)
  }

  #notify(
    intercepted: InterceptedRecord,
    error: KafkaError | null,
    metadata: RecordMetadata | null,
  ): void {
    for (const [index, interceptor] of this.#interceptors.entries()) {
      try {
        const result: unknown = interceptor.onSettled?.(intercepted.seen[index]!, error, metadata)
        this.#ignore(result)
      } catch (thrown) {
        this.#failures.callbackFailed(thrown)
      }
    }
  }

  /** Throws if it is not a record; undefined keeps the record unchanged. */
  #checked(returned: ProducerRecord | undefined): ProducerRecord | undefined {
    this.#ignore(returned)
    if (returned === undefined || returned === null) return undefined
    if (typeof returned === 'object' && !isPromise(returned)) return returned
    const kind = typeof returned === 'object' ? 'promise' : typeof returned
    throw new TypeError(`onSend must return the record, got a ${kind}`)
  }

  /** The promise of an asynchronous interceptor is not awaited; its rejection is reported. */
  #ignore(result: unknown): void {
    if (isPromise(result)) {
      result.catch((thrown) => this.#failures.callbackFailed(thrown))
    }
  }

  /** Notifies the receiver after the interceptors; null = the failure is reported as unobserved. */
  receive(
    intercepted: InterceptedRecord,
    receiver: Settle | null,
    error: KafkaError | null,
    delivered: DeliveredRecord | null,
  ): void {
    this.onSettled(intercepted, error, delivered?.toMetadata() ?? null, () => {
      if (receiver !== null) this.#ignore(callSettle(receiver, 0, error, delivered))
      else if (error !== null) this.#failures.report(error)
    })
  }
}

/** The approximate size of this object and its records. */
const interceptedBytes = 240

class InterceptedSettle implements Settler {
  readonly #interceptors: Interceptors
  readonly #intercepted: InterceptedRecord
  readonly #receiver: Settle | null

  constructor(interceptors: Interceptors, intercepted: InterceptedRecord, receiver: Settle | null) {
    this.#interceptors = interceptors
    this.#intercepted = intercepted
    this.#receiver = receiver
  }

  get heldBytes(): number {
    return interceptedBytes + heldBytesOf(this.#receiver)
  }

  settled(_tag: number, error: KafkaError | null, delivered: DeliveredRecord | null): void {
    this.#interceptors.receive(this.#intercepted, this.#receiver, error, delivered)
  }
}

/** Notifies the interceptors of each record when it is settled, not when all are settled. */
class InterceptedBatchSend extends BatchSend {
  readonly #interceptors: Interceptors
  readonly #passages: readonly InterceptedRecord[]
  readonly #reported: Uint8Array

  constructor(
    interceptors: Interceptors,
    interceptedRecords: readonly InterceptedRecord[],
    engine: Engine,
    isCancellable: boolean,
    done: (result: BatchResult) => void,
  ) {
    const records = interceptedRecords.map(({ record }) => record)
    super(engine, records, isCancellable, (result) => this.#end(result, done))
    this.#interceptors = interceptors
    this.#passages = interceptedRecords
    this.#reported = new Uint8Array(interceptedRecords.length)
  }

  override settled(
    index: number,
    error: KafkaError | null,
    delivered: DeliveredRecord | null,
  ): void {
    this.#notify(index, error, delivered?.toMetadata() ?? null)
    super.settled(index, error, delivered)
  }

  #notify(index: number, error: KafkaError | null, metadata: RecordMetadata | null): void {
    if (this.#reported[index] === 1) return
    this.#reported[index] = 1
    this.#interceptors.onSettled(this.#passages[index]!, error, metadata)
  }

  /** Reports records that were rejected or cancelled. */
  #end(result: BatchResult, done: (result: BatchResult) => void): void {
    for (const index of result.failedIndexes) {
      this.#notify(index, result.error(index), null)
    }
    done(result)
  }
}

class InterceptedSending extends Sending {
  readonly #interceptors: Interceptors
  readonly #engine: Engine

  constructor(
    interceptors: Interceptors,
    engine: Engine,
    failures: FailureReporter,
    waitClock: WaitClock,
  ) {
    super(engine, failures, waitClock)
    this.#interceptors = interceptors
    this.#engine = engine
  }

  override send(
    scope: SendScope,
    original: ProducerRecord,
    options: WaitOptions | undefined,
  ): Promise<RecordMetadata> {
    if (this.#interceptors.isIdle) return super.send(scope, original, options)
    return this.#interceptors.intercept(original, (intercepted) => {
      const promise = super.send(scope, intercepted.record, options)
      promise.then(
        (metadata) => this.#interceptors.onSettled(intercepted, null, metadata),
        (error: KafkaError) => this.#interceptors.onSettled(intercepted, error, null),
      )
      return promise
    })
  }

  protected override makeBatch(
    originals: readonly ProducerRecord[],
    isCancellable: boolean,
    done: (result: BatchResult) => void,
  ): BatchSend {
    const interceptors = this.#interceptors
    if (interceptors.isIdle) return super.makeBatch(originals, isCancellable, done)
    const interceptedRecords = Array.from({ length: originals.length }, (_, index) =>
      interceptors.intercept(recordAt(originals, index), (intercepted) => intercepted),
    )
    return new InterceptedBatchSend(
      interceptors,
      interceptedRecords,
      this.#engine,
      isCancellable,
      done,
    )
  }

  override enqueue(
    scope: SendScope,
    original: ProducerRecord,
    callback: SettleCallback | undefined,
  ): boolean {
    // A record that was not accepted is sent again: the interceptors get it then.
    const isCallback = callback === undefined || typeof callback === 'function'
    if (this.#interceptors.isIdle || !this.#engine.mayEnqueue || !isCallback) {
      return super.enqueue(scope, original, callback)
    }
    return this.#interceptors.intercept(original, (intercepted) => {
      scope.check('enqueue')
      const settle = new InterceptedSettle(this.#interceptors, intercepted, callback ?? null)
      return this.#engine.tryAppend(intercepted.record, settle)
    })
  }

  override submit(
    scope: SendScope,
    original: ProducerRecord,
    receiver: Settle | null,
    options: WaitOptions | undefined,
  ): Promise<undefined> | undefined {
    if (this.#interceptors.isIdle) return super.submit(scope, original, receiver, options)
    return this.#interceptors.intercept(original, (intercepted) => {
      const settle = new InterceptedSettle(this.#interceptors, intercepted, receiver)
      const taken = super.submit(scope, intercepted.record, settle, options)
      // The record was not accepted: the receiver is not called.
      taken?.catch((error: KafkaError) => this.#interceptors.onSettled(intercepted, error, null))
      return taken
    })
  }
}

/** The producer options that this file uses. */
interface InterceptedOptions {
  readonly interceptors: readonly InterceptorOption[]
  readonly logger: Logger
}

/** Creates the record calls of a producer. */
export const createSending = (
  origin: EventOrigin & { readonly producer: InterceptedProducer },
  { interceptors: options, logger }: InterceptedOptions,
  engine: Engine,
  failures: FailureReporter,
  waitClock: WaitClock,
): Sending => {
  const { producer } = origin
  loadInstrumentation(logger)
  const all = new Interceptors(interceptorsFor(producer, options), failures, origin)
  return new InterceptedSending(all, engine, failures, waitClock)
}
