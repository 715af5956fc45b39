// The option `interceptors`: calls of the user's around every record, whichever way it comes in,
// also through transactions, streams and layers. A producer without the option has a plain Sending
// and pays nothing. An interceptor that throws, or returns something else than a record, is
// reported; the record goes on without it, as in Java.
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
import type { KafkaError } from '../protocol/kafka-error.ts'
import { type BatchResult, BatchSend } from './batch-send.ts'
import type { FailureReporter } from './failure-reporter.ts'
import type { Producer } from './producer.ts'
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
   * Called with what this interceptor's onSend returned, and its result: never inside a call of the
   * user's, save for a record that is refused at once.
   */
  onSettled?(
    record: ProducerRecord,
    error: KafkaError | null,
    metadata: RecordMetadata | null,
  ): void
}

/** An interceptor, or a function that makes one for each producer that is given the option. */
export type InterceptorOption = ProducerInterceptor | ((producer: Producer) => ProducerInterceptor)

/** A record on its way through the interceptors: what each of them made of it. */
interface Passage {
  /** What is sent. */
  readonly record: ProducerRecord
  /** By interceptor. */
  readonly seen: readonly ProducerRecord[]
}

/** The interceptors of one producer as one. */
class Interceptors {
  readonly #interceptors: readonly ProducerInterceptor[]
  readonly #failures: FailureReporter

  constructor(interceptors: readonly ProducerInterceptor[], failures: FailureReporter) {
    this.#interceptors = interceptors
    this.#failures = failures
  }

  onSend(original: ProducerRecord): Passage {
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
    return { record, seen }
  }

  onSettled(passage: Passage, error: KafkaError | null, metadata: RecordMetadata | null): void {
    for (const [index, interceptor] of this.#interceptors.entries()) {
      try {
        const result: unknown = interceptor.onSettled?.(passage.seen[index]!, error, metadata)
        this.#ignore(result)
      } catch (thrown) {
        this.#failures.callbackFailed(thrown)
      }
    }
  }

  /** Throws where it is no record; nothing is a record that stays as it is. */
  #checked(returned: ProducerRecord | undefined): ProducerRecord | undefined {
    this.#ignore(returned)
    if (returned === undefined || returned === null) return undefined
    if (typeof returned === 'object' && !(returned instanceof Promise)) return returned
    const kind = typeof returned === 'object' ? 'promise' : typeof returned
    throw new TypeError(`onSend returned a ${kind}: expected the record, at once`)
  }

  /** Nobody waits for an asynchronous interceptor; where it fails, that is reported. */
  #ignore(result: unknown): void {
    if (result instanceof Promise) {
      result.catch((thrown) => this.#failures.callbackFailed(thrown))
    }
  }

  /** Tells the receiver after the interceptors; null = failures go where unclaimed ones go. */
  receive(
    passage: Passage,
    receiver: Settle | null,
    error: KafkaError | null,
    metadata: RecordMetadata | null,
  ): void {
    this.onSettled(passage, error, metadata)
    if (receiver === null) {
      if (error !== null) this.#failures.report(error)
    } else if (typeof receiver !== 'function') receiver.settled(0, error, metadata)
    else {
      this.#ignore(receiver(error, metadata))
    }
  }
}

/** This, and the records that it keeps (about). */
const interceptedBytes = 240

class InterceptedSettle implements Settler {
  readonly #interceptors: Interceptors
  readonly #passage: Passage
  readonly #receiver: Settle | null

  constructor(interceptors: Interceptors, passage: Passage, receiver: Settle | null) {
    this.#interceptors = interceptors
    this.#passage = passage
    this.#receiver = receiver
  }

  get heldBytes(): number {
    return interceptedBytes + heldBytesOf(this.#receiver)
  }

  settled(_tag: number, error: KafkaError | null, metadata: RecordMetadata | null): void {
    this.#interceptors.receive(this.#passage, this.#receiver, error, metadata)
  }
}

/** Tells the interceptors of each record when it is settled, not when all of them are. */
class InterceptedBatchSend extends BatchSend {
  readonly #interceptors: Interceptors
  readonly #passages: readonly Passage[]
  readonly #told: Uint8Array

  constructor(
    interceptors: Interceptors,
    passages: readonly Passage[],
    engine: Engine,
    mayGiveUp: boolean,
    done: (result: BatchResult) => void,
  ) {
    const records = passages.map(({ record }) => record)
    super(engine, records, mayGiveUp, (result) => this.#end(result, done))
    this.#interceptors = interceptors
    this.#passages = passages
    this.#told = new Uint8Array(passages.length)
  }

  override settled(index: number, error: KafkaError | null, metadata: RecordMetadata | null): void {
    this.#tell(index, error, metadata)
    super.settled(index, error, metadata)
  }

  #tell(index: number, error: KafkaError | null, metadata: RecordMetadata | null): void {
    if (this.#told[index] === 1) return
    this.#told[index] = 1
    this.#interceptors.onSettled(this.#passages[index]!, error, metadata)
  }

  /** Those that were refused, or given up, are told now. */
  #end(result: BatchResult, done: (result: BatchResult) => void): void {
    for (const index of result.failedIndexes) {
      this.#tell(index, result.results[index] as KafkaError, null)
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
    const passage = this.#interceptors.onSend(original)
    const promise = super.send(scope, passage.record, options)
    promise.then(
      (metadata) => this.#interceptors.onSettled(passage, null, metadata),
      (error: KafkaError) => this.#interceptors.onSettled(passage, error, null),
    )
    return promise
  }

  protected override makeBatch(
    originals: readonly ProducerRecord[],
    mayGiveUp: boolean,
    done: (result: BatchResult) => void,
  ): BatchSend {
    const interceptors = this.#interceptors
    const passages = originals.map((record) => interceptors.onSend(record))
    return new InterceptedBatchSend(interceptors, passages, this.#engine, mayGiveUp, done)
  }

  override enqueue(
    scope: SendScope,
    original: ProducerRecord,
    callback: SettleCallback | undefined,
  ): boolean {
    // Not taken, it comes again: the interceptors see it then.
    const isCallback = callback === undefined || typeof callback === 'function'
    if (!this.#engine.accumulator.hasRoom || !isCallback) {
      return super.enqueue(scope, original, callback)
    }
    const passage = this.#interceptors.onSend(original)
    const settle = new InterceptedSettle(this.#interceptors, passage, callback ?? null)
    try {
      scope.check('enqueue')
      return this.#engine.tryAppend(passage.record, settle)
    } catch (error) {
      this.#interceptors.onSettled(passage, error as KafkaError, null)
      throw error
    }
  }

  override submit(
    scope: SendScope,
    original: ProducerRecord,
    receiver: Settle | null,
    options: WaitOptions | undefined,
  ): Promise<undefined> | undefined {
    const passage = this.#interceptors.onSend(original)
    const settle = new InterceptedSettle(this.#interceptors, passage, receiver)
    const taken = super.submit(scope, passage.record, settle, options)
    // Not taken: the receiver hears nothing.
    taken?.catch((error: KafkaError) => this.#interceptors.onSettled(passage, error, null))
    return taken
  }
}

/** The ways in of a producer, with interceptors around them where there are some. */
export const createSending = (
  producer: Producer,
  options: readonly InterceptorOption[],
  engine: Engine,
  failures: FailureReporter,
  waitClock: WaitClock,
): Sending => {
  if (options.length === 0) return new Sending(engine, failures, waitClock)
  const interceptors = options.map((one) => (typeof one === 'function' ? one(producer) : one))
  const all = new Interceptors(interceptors, failures)
  return new InterceptedSending(all, engine, failures, waitClock)
}

/** What is wrong with the value of the option, as the end of a sentence; null = nothing. */
export const interceptorsProblem = (value: unknown): string | null => {
  const expected = 'expected an array of objects with onSend or onSettled'
  if (!Array.isArray(value)) return `is a ${typeof value}: ${expected}`
  for (const [index, one] of value.entries()) {
    if (typeof one === 'function') continue
    const { onSend, onSettled } = (one ?? {}) as Record<string, unknown>
    const calls = [onSend, onSettled].filter((call) => call !== undefined)
    const isSound = calls.length > 0 && calls.every((call) => typeof call === 'function')
    if (!isSound) return `has at ${index} no interceptor: ${expected}`
  }
  return null
}
