// A producer whose results go to callbacks instead of promises; the asynchronous producers of both
// layers use it. Each accepted message must have exactly one call, in order per partition, also
// during close(), and never synchronously within a call of the application. Errors of callbacks are
// logged; promises of callbacks are not awaited. Callers: async-producer.ts and kafka-producer.ts.

import type { ProducerEnvironment } from '../producer/environment.ts'
import { FailureReporter } from '../producer/failure-reporter.ts'
import { Producer } from '../producer/producer.ts'
import type { CloseReport } from '../producer/producer-lifecycle.ts'
import type { ProducerOptions } from '../producer/producer-options.ts'
import type { DeliveredRecord, RecordMetadata, Settler } from '../producer/record.ts'
import { checkWaitOptions, type WaitOptions } from '../producer/wait.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { printableLogger } from '../runtime/logger.ts'
import type { Message } from './message.ts'

/** `null` = no callback. Without `onError`, failures go to the producer's `onError` or logger. */
export interface ResultCallbacks {
  readonly onSuccess: ((metadata: RecordMetadata, message: Message) => unknown) | null
  readonly onError: ((error: KafkaError, message: Message) => unknown) | null
}

/** The approximate memory of a pending message in bytes, without its value. */
const pendingBytes = 320

/** The result of every submit whose message was accepted at once. */
const taken = Promise.resolve(undefined)

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { then?: unknown }).then === 'function'

/** An unsettled message; it passes its result to the callbacks. */
class Pending implements Settler {
  readonly #message: Message
  readonly #producer: HandledProducer

  constructor(message: Message, producer: HandledProducer) {
    this.#message = message
    this.#producer = producer
  }

  /** The message with the caller's value, this object, and the metadata. */
  get heldBytes(): number {
    return pendingBytes + (this.#message.value?.length ?? 0)
  }

  settled(_tag: number, error: KafkaError | null, delivered: DeliveredRecord | null): void {
    if (error === null) this.#producer.succeeded(delivered!.toMetadata(), this.#message)
    else this.#producer.failed(error, this.#message)
  }
}

export class HandledProducer {
  readonly #producer: Producer
  readonly #callbacks: ResultCallbacks
  readonly #failures: FailureReporter
  readonly #hasCallbacks: boolean
  readonly #clock: Clock
  /** Reports messages that were not accepted to the producer's `onError` or logger. */
  readonly report: (error: KafkaError) => void
  readonly #callbackFailed: (thrown: unknown) => void

  constructor(
    options: ProducerOptions,
    callbacks: ResultCallbacks,
    environment?: ProducerEnvironment,
  ) {
    this.#producer = new Producer(options, environment)
    this.#callbacks = callbacks
    this.#hasCallbacks = callbacks.onSuccess !== null || callbacks.onError !== null
    const { onError = null } = options
    this.#clock = environment?.clock ?? systemClock
    this.#failures = new FailureReporter(printableLogger(options.logger), onError, this.#clock)
    this.report = (error) => this.#failures.report(error)
    this.#callbackFailed = (thrown) => this.#failures.callbackFailed(thrown)
  }

  /** Resolves when the message is in the buffer; waits while the buffer is full. */
  submit(message: Message, options?: WaitOptions): Promise<undefined> {
    const wait = this.trySubmit(message, options)
    if (wait === undefined) return taken
    wait.catch(this.report)
    return wait
  }

  /**
   * As `submit`, but a rejection is not logged; `undefined` if the message is in the buffer
   * already.
   */
  trySubmit(message: Message, options?: WaitOptions): Promise<undefined> | undefined {
    const pending = this.#hasCallbacks ? new Pending(message, this) : null
    return this.#producer.submitRaw(message, pending, options)
  }

  /** Resolves when the buffer has space and no record waits. */
  ready(options?: WaitOptions): Promise<void> {
    return this.#producer.ready(options)
  }

  /** The limits of one call for each of its messages: all of them share one deadline. */
  limitsFrom(options: WaitOptions | undefined): (() => WaitOptions) | undefined {
    checkWaitOptions(options)
    if (options?.timeoutMs === undefined) return options && (() => options)
    const { signal, timeoutMs } = options
    const end = this.#clock.now() + timeoutMs
    return () => ({ signal, timeoutMs: Math.max(0, Math.ceil(end - this.#clock.now())) })
  }

  succeeded(metadata: RecordMetadata, message: Message): void {
    const { onSuccess } = this.#callbacks
    if (onSuccess !== null) this.#watch(onSuccess(metadata, message))
  }

  failed(error: KafkaError, message: Message): void {
    const { onError } = this.#callbacks
    if (onError !== null) this.#watch(onError(error, message))
    else this.#failures.report(error)
  }

  /**
   * An async callback is not awaited, but its rejection is reported. The engine logs thrown errors.
   */
  #watch(result: unknown): void {
    if (result !== undefined && isThenable(result)) result.then(undefined, this.#callbackFailed)
  }

  flush(options?: WaitOptions): Promise<void> {
    return this.#producer.flush(options)
  }

  close(options?: WaitOptions): Promise<CloseReport> {
    return this.#producer.close(options)
  }
}
