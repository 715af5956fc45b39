// Owns the end of every stream of records: it passes records to a producer one after the other,
// waits if there is no space, counts their results, and knows when all are settled. Callers:
// record-stream.ts, typed topics, the recording producer. Invariant: one sink belongs to one stream
// or one sendAll.

import type { ProducerRecord, RecordMetadata, Settle } from '../engine/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { describeValue } from '../runtime/value-kinds.ts'
import { checkFields } from './field-check.ts'

/** What a sink needs from a producer; undefined = the record is accepted already. */
export interface RecordTarget {
  submitRaw(record: ProducerRecord, receiver: Settle | null): Promise<undefined> | undefined
}

/** Called for the failure of a record that has no other receiver. */
export type UnobservedFailure = (error: KafkaError) => void

/** Options of a stream of records. */
export interface RecordStreamOptions<Sent = ProducerRecord> {
  /** Limit of the unsettled records; by default the producer's buffer is the only limit. */
  readonly maxInFlight?: number | undefined
  /** Called for each delivered record. */
  readonly onDelivered?: ((metadata: RecordMetadata, record: Sent) => void) | undefined
  /** Called for each failed record; without it, the stream ends with the first error. */
  readonly onFailed?: ((error: KafkaError, record: Sent) => void) | undefined
}

/** Counts of the records of a stream. */
export interface RecordCounts {
  /** Records that were acknowledged. */
  readonly delivered: number
  /** Records that failed; more than 0 only with an `onFailed`. */
  readonly failed: number
}

const functionProblem = (name: string, value: unknown): string | null =>
  value === undefined || typeof value === 'function'
    ? null
    : `${name} must be a function, got ${typeof value}`

const numberProblem = (name: string, value: unknown, min: number): string | null =>
  value === undefined || (typeof value === 'number' && value >= min)
    ? null
    : `${name} must be a number from ${min}, got ${describeValue(value)}`

/** All options of a stream: each of the three calls has some of them. */
interface AllOptions extends RecordStreamOptions {
  readonly signal?: unknown
  readonly highWaterMark?: unknown
}

const optionNames = ['maxInFlight', 'onDelivered', 'onFailed', 'signal', 'highWaterMark'] as const

/** A copy of the options. Throws INVALID_ARGUMENT if one is invalid. */
export const checkStreamOptions = <Options extends object>(given: Options): Options => {
  const options = checkFields('options', given as AllOptions, optionNames)
  const { maxInFlight, onDelivered, onFailed, highWaterMark } = options
  const problem =
    numberProblem('maxInFlight', maxInFlight, 1) ??
    numberProblem('highWaterMark', highWaterMark, 0) ??
    functionProblem('onDelivered', onDelivered) ??
    functionProblem('onFailed', onFailed)
  if (problem !== null) throw new KafkaError('INVALID_ARGUMENT', problem)
  return options as Options
}

export class RecordSink {
  readonly #target: RecordTarget
  readonly #options: RecordStreamOptions
  readonly #maxInFlight: number
  readonly #onBroken: (error: KafkaError) => void
  readonly #onUnobserved: UnobservedFailure
  #unsettled = 0
  #delivered = 0
  #failed = 0
  /** The first failure, without an `onFailed`. */
  #broken: KafkaError | null = null
  #brokenIndex = -1
  #pushed = 0
  #onSettled: (() => void)[] = []

  /**
   * `onBroken` is called once, with the error that ends the stream; `onUnobserved` with later
   * errors.
   */
  constructor(
    target: RecordTarget,
    options: RecordStreamOptions,
    onUnobserved: UnobservedFailure,
    onBroken: (error: KafkaError) => void = () => {},
  ) {
    this.#target = target
    this.#options = checkStreamOptions(options)
    this.#maxInFlight = this.#options.maxInFlight ?? Number.POSITIVE_INFINITY
    this.#onBroken = onBroken
    this.#onUnobserved = onUnobserved
  }

  get counts(): RecordCounts {
    return { delivered: this.#delivered, failed: this.#failed }
  }

  get broken(): KafkaError | null {
    return this.#broken
  }

  /** The first failure for the caller: the index of the record, and the results of the others. */
  get failure(): KafkaError | null {
    const error = this.#broken
    if (error === null) return null
    const { topic, code } = error
    const which = topic === undefined ? '' : ` for topic ${topic}`
    return new KafkaError(
      code,
      `record ${this.#brokenIndex}${which} failed, ${this.#delivered} others were delivered: ` +
        error.message,
      { ...error, cause: error },
    )
  }

  /** Sends a record; returns undefined, or a promise that resolves when the next one may follow. */
  push(record: ProducerRecord): Promise<void> | undefined {
    const index = this.#pushed++
    const taken = this.#submit(record, index)
    if (taken === undefined && this.#unsettled < this.#maxInFlight) return undefined
    return this.#untilAccepted(taken, record, index)
  }

  #submit(record: ProducerRecord, index: number): Promise<undefined> | undefined {
    this.#unsettled++
    return this.#target.submitRaw(record, (error, metadata) => {
      if (error === null) this.#onDelivered(metadata!, record)
      else this.#onFailed(error, record, index)
    })
  }

  async #untilAccepted(
    taken: Promise<undefined> | undefined,
    record: ProducerRecord,
    index: number,
  ): Promise<void> {
    for (let pending = taken; ; pending = this.#submit(record, index)) {
      try {
        await pending
        break
      } catch (error) {
        if (!this.#mayPass(error as KafkaError)) {
          this.#onFailed(error as KafkaError, record, index)
          break
        }
        // Records of an unknown topic are accepted until the buffer is full of them.
        const unsettled = --this.#unsettled
        await this.#until(() => this.#unsettled < unsettled)
      }
    }
    await this.#until(() => this.#unsettled < this.#maxInFlight)
  }

  /** The buffer is full of this sink's own records: there is space when one of them is settled. */
  #mayPass({ code }: KafkaError): boolean {
    return code === 'BUFFER_FULL' && this.#unsettled > 1
  }

  /** Resolves when every record is settled. */
  drain(): Promise<void> {
    return this.#until(() => this.#unsettled === 0)
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#onSettled.push(resolve))
  }

  #onDelivered(metadata: RecordMetadata, record: ProducerRecord): void {
    this.#delivered++
    this.#settle(() => this.#options.onDelivered?.(metadata, record))
  }

  #onFailed(error: KafkaError, record: ProducerRecord, index: number): void {
    this.#failed++
    const { onFailed } = this.#options
    this.#settle(() => {
      if (onFailed !== undefined) onFailed(error, record)
      else if (this.#broken === null) {
        this.#broken = error
        this.#brokenIndex = index
        this.#onBroken(error)
      } else this.#onUnobserved(error)
    })
  }

  /** An error of the user's function is logged, and the counts stay correct. */
  #settle(notify: () => void): void {
    this.#unsettled--
    const waiters = this.#onSettled
    this.#onSettled = []
    for (const waiter of waiters) waiter()
    notify()
  }
}
