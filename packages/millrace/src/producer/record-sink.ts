// What every stream of records ends in: hands records to a producer one after the other, waits
// where there is no room, counts what became of them, and knows when all are settled. One sink
// belongs to one stream or one sendAll.

import type { ProducerRecord, RecordMetadata, Settle } from '../engine/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { WaitOptions } from './wait.ts'

/** What a sink needs of a producer. */
export interface RecordTarget {
  submit(
    record: ProducerRecord,
    receiver?: Settle | null,
    options?: WaitOptions,
  ): Promise<undefined> | undefined
}

/** Told of a record's failure that nobody else hears of any more. */
export type UntoldFailure = (error: KafkaError) => void

/** Options of a stream of records. */
export interface RecordStreamOptions {
  /** Records that may be unsettled; by default the producer's buffer is the only bound. */
  readonly maxInFlight?: number | undefined
  /** Told where each record is. */
  readonly onDelivered?: ((metadata: RecordMetadata, record: ProducerRecord) => void) | undefined
  /** Told of each record that failed, and the stream goes on; without it, it ends in that error. */
  readonly onFailed?: ((error: KafkaError, record: ProducerRecord) => void) | undefined
}

/** What became of the records of a stream. */
export interface RecordCounts {
  /** Records that were acknowledged. */
  readonly delivered: number
  /** Records that failed; more than 0 only where `onFailed` was told of them. */
  readonly failed: number
}

const functionProblem = (name: string, value: unknown): string | null =>
  value === undefined || typeof value === 'function' ? null : `${name} is no function`

/** Throws INVALID_ARGUMENT where an option is wrong. */
const checkOptions = ({ maxInFlight, onDelivered, onFailed }: RecordStreamOptions): void => {
  const isWrong = maxInFlight !== undefined && !(maxInFlight >= 1)
  const problem = isWrong
    ? `maxInFlight is ${String(maxInFlight)}: expected a number from 1`
    : (functionProblem('onDelivered', onDelivered) ?? functionProblem('onFailed', onFailed))
  if (problem !== null) throw new KafkaError('INVALID_ARGUMENT', problem)
}

export class RecordSink {
  readonly #target: RecordTarget
  readonly #options: RecordStreamOptions
  readonly #maxInFlight: number
  readonly #onBroken: (error: KafkaError) => void
  readonly #onUntold: UntoldFailure
  #unsettled = 0
  #delivered = 0
  #failed = 0
  /** The first failure, where nobody is told of failures. */
  #broken: KafkaError | null = null
  #onSettled: (() => void)[] = []

  /**
   * `onBroken` is called once, with the error that ends the stream; `onUntold` with those that come
   * after it.
   */
  constructor(
    target: RecordTarget,
    options: RecordStreamOptions,
    onUntold: UntoldFailure,
    onBroken: (error: KafkaError) => void = () => {},
  ) {
    checkOptions(options)
    this.#target = target
    this.#options = options
    this.#maxInFlight = options.maxInFlight ?? Number.POSITIVE_INFINITY
    this.#onBroken = onBroken
    this.#onUntold = onUntold
  }

  get counts(): RecordCounts {
    return { delivered: this.#delivered, failed: this.#failed }
  }

  get broken(): KafkaError | null {
    return this.#broken
  }

  /** Hands a record over; undefined, or a promise that resolves when the next one may come. */
  push(record: ProducerRecord): Promise<void> | undefined {
    const taken = this.#submit(record)
    if (taken === undefined && this.#unsettled < this.#maxInFlight) return undefined
    return this.#pushed(taken, record)
  }

  #submit(record: ProducerRecord): Promise<undefined> | undefined {
    this.#unsettled++
    return this.#target.submit(record, (error, metadata) => {
      if (error === null) this.#onDelivered(metadata!, record)
      else this.#onFailed(error, record)
    })
  }

  async #pushed(taken: Promise<undefined> | undefined, record: ProducerRecord): Promise<void> {
    for (let pending = taken; ; pending = this.#submit(record)) {
      try {
        await pending
        break
      } catch (error) {
        if (!this.#mayPass(error as KafkaError)) {
          this.#onFailed(error as KafkaError, record)
          break
        }
        // Records of a topic that is not known yet are taken until the buffer is full of them.
        const unsettled = --this.#unsettled
        await this.#until(() => this.#unsettled < unsettled)
      }
    }
    await this.#until(() => this.#unsettled < this.#maxInFlight)
  }

  /** The buffer is full, and of our own records: there is room when one of them is settled. */
  #mayPass({ code }: KafkaError): boolean {
    return code === 'BUFFER_FULL' && this.#unsettled > 1
  }

  /** Resolves when every record is settled. */
  drain(): Promise<void> {
    return this.#until(() => this.#unsettled === 0)
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#onSettled.push(resolve))
  }

  #onDelivered(metadata: RecordMetadata, record: ProducerRecord): void {
    this.#delivered++
    this.#settle(() => this.#options.onDelivered?.(metadata, record))
  }

  #onFailed(error: KafkaError, record: ProducerRecord): void {
    this.#failed++
    const { onFailed } = this.#options
    this.#settle(() => {
      if (onFailed !== undefined) onFailed(error, record)
      else if (this.#broken === null) {
        this.#broken = error
        this.#onBroken(error)
      } else this.#onUntold(error)
    })
  }

  /** What the user's function throws goes to the producer's logger, and the count is right. */
  #settle(tell: () => void): void {
    this.#unsettled--
    const waiters = this.#onSettled
    this.#onSettled = []
    for (const waiter of waiters) waiter()
    tell()
  }
}
