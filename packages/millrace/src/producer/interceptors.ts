// The option `interceptors`: calls of the user's around every record, whichever way it comes in,
// also through transactions, streams and layers. A producer without the option has a plain Sending
// and pays nothing. An interceptor that throws is reported; the record goes on without it, as in
// Java.
//
// Invariant: onSettled is called once for each record that onSend saw, refused ones included.

import type { Engine } from '../engine/engine.ts'
import {
  heldBytesOf,
  type ProducerRecord,
  type RecordMetadata,
  type Settle,
  type SettleCallback,
  type Settler,
} from '../engine/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { BatchResult } from './batch-send.ts'
import type { FailureReporter } from './failure-reporter.ts'
import { Sending, type SendScope } from './sending.ts'
import type { WaitClock, WaitOptions } from './wait.ts'

/** Sees every record on its way in, and its result. */
export interface ProducerInterceptor {
  /**
   * Called before the record is checked and taken; what it returns is sent instead. It must not
   * change the record: to add a header, return a new one.
   */
  onSend?(record: ProducerRecord): ProducerRecord
  /**
   * Called with what the last onSend returned, and its result: never inside a call of the user's,
   * save for a record that is refused at once.
   */
  onSettled?(
    record: ProducerRecord,
    error: KafkaError | null,
    metadata: RecordMetadata | null,
  ): void
}

/** The interceptors of one producer as one. */
class Interceptors {
  readonly #interceptors: readonly ProducerInterceptor[]
  readonly #failures: FailureReporter

  constructor(interceptors: readonly ProducerInterceptor[], failures: FailureReporter) {
    this.#interceptors = interceptors
    this.#failures = failures
  }

  onSend(record: ProducerRecord): ProducerRecord {
    let current = record
    for (const interceptor of this.#interceptors) {
      try {
        current = interceptor.onSend?.(current) ?? current
      } catch (thrown) {
        this.#failures.callbackFailed(thrown)
      }
    }
    return current
  }

  onSettled(
    record: ProducerRecord,
    error: KafkaError | null,
    metadata: RecordMetadata | null,
  ): void {
    for (const interceptor of this.#interceptors) {
      try {
        interceptor.onSettled?.(record, error, metadata)
      } catch (thrown) {
        this.#failures.callbackFailed(thrown)
      }
    }
  }

  /** Tells the receiver after the interceptors; null = failures go where unclaimed ones go. */
  receive(
    record: ProducerRecord,
    receiver: Settle | null,
    error: KafkaError | null,
    metadata: RecordMetadata | null,
  ): void {
    this.onSettled(record, error, metadata)
    if (receiver === null) {
      if (error !== null) this.#failures.report(error)
    } else if (typeof receiver !== 'function') receiver.settled(0, error, metadata)
    else {
      const result: unknown = receiver(error, metadata)
      if (result instanceof Promise) {
        result.catch((thrown) => this.#failures.callbackFailed(thrown))
      }
    }
  }
}

/** This, and the record that it keeps (about). */
const interceptedBytes = 160

class InterceptedSettle implements Settler {
  readonly #interceptors: Interceptors
  readonly #record: ProducerRecord
  readonly #receiver: Settle | null

  constructor(interceptors: Interceptors, record: ProducerRecord, receiver: Settle | null) {
    this.#interceptors = interceptors
    this.#record = record
    this.#receiver = receiver
  }

  get heldBytes(): number {
    return interceptedBytes + heldBytesOf(this.#receiver)
  }

  settled(_tag: number, error: KafkaError | null, metadata: RecordMetadata | null): void {
    this.#interceptors.receive(this.#record, this.#receiver, error, metadata)
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
    const record = this.#interceptors.onSend(original)
    const promise = super.send(scope, record, options)
    promise.then(
      (metadata) => this.#interceptors.onSettled(record, null, metadata),
      (error: KafkaError) => this.#interceptors.onSettled(record, error, null),
    )
    return promise
  }

  override sendBatch(
    scope: SendScope,
    originals: readonly ProducerRecord[],
    options: WaitOptions | undefined,
  ): Promise<BatchResult> {
    if (!Array.isArray(originals)) return super.sendBatch(scope, originals, options)
    const records = originals.map((record) => this.#interceptors.onSend(record))
    const promise = super.sendBatch(scope, records, options)
    promise.then(
      ({ results }) => {
        for (const [index, result] of results.entries()) {
          const [error, metadata] = result instanceof KafkaError ? [result, null] : [null, result]
          this.#interceptors.onSettled(records[index]!, error, metadata)
        }
      },
      (error: KafkaError) => {
        for (const record of records) this.#interceptors.onSettled(record, error, null)
      },
    )
    return promise
  }

  override enqueue(
    scope: SendScope,
    original: ProducerRecord,
    callback: SettleCallback | undefined,
  ): boolean {
    // Not taken, it comes again: the interceptors see it then.
    const isTaken = this.#engine.accumulator.hasRoom
    const isCallback = callback === undefined || typeof callback === 'function'
    if (!isTaken || !isCallback) return super.enqueue(scope, original, callback)
    const record = this.#interceptors.onSend(original)
    const settle = new InterceptedSettle(this.#interceptors, record, callback ?? null)
    try {
      scope.check('enqueue')
      return this.#engine.tryAppend(record, settle)
    } catch (error) {
      this.#interceptors.onSettled(record, error as KafkaError, null)
      throw error
    }
  }

  override submit(
    scope: SendScope,
    original: ProducerRecord,
    receiver: Settle | null,
    options: WaitOptions | undefined,
  ): Promise<undefined> | undefined {
    const record = this.#interceptors.onSend(original)
    const settle = new InterceptedSettle(this.#interceptors, record, receiver)
    const taken = super.submit(scope, record, settle, options)
    // Not taken: the receiver hears nothing.
    taken?.catch((error: KafkaError) => this.#interceptors.onSettled(record, error, null))
    return taken
  }
}

/** The ways in of a producer, with interceptors around them where there are some. */
export const createSending = (
  interceptors: readonly ProducerInterceptor[],
  engine: Engine,
  failures: FailureReporter,
  waitClock: WaitClock,
): Sending => {
  if (interceptors.length === 0) return new Sending(engine, failures, waitClock)
  const all = new Interceptors(interceptors, failures)
  return new InterceptedSending(all, engine, failures, waitClock)
}

/** What is wrong with the value of the option, as the end of a sentence; null = nothing. */
export const interceptorsProblem = (value: unknown): string | null => {
  const expected = 'expected an array of objects with onSend or onSettled'
  if (!Array.isArray(value)) return `is a ${typeof value}: ${expected}`
  for (const [index, one] of value.entries()) {
    const { onSend, onSettled } = (one ?? {}) as Record<string, unknown>
    const isFunction = (call: unknown): boolean => call === undefined || typeof call === 'function'
    const isSound = isFunction(onSend) && isFunction(onSettled) && (onSend ?? onSettled)
    if (!isSound) return `has at ${index} no interceptor: ${expected}`
  }
  return null
}
