// Owns the limits of a call whose records are being serialized: `timeoutMs` and `signal` apply from
// the call on, not after the serializers have finished. Caller: typed topics, which have no
// producer's clock, because their target may be a test double. Invariant: the limits end the call
// once.

import type { ProducerRecord } from '../engine/record.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { type Clock, systemClock, type Timer } from '../runtime/clock.ts'
import { unwatchAbort, watchAbort } from './abort-watch.ts'
import { cancelledError, topicForError } from './cancelled-record.ts'
import { checkWaitOptions, type WaitOptions } from './wait.ts'

export class SerializationLimit {
  readonly #options: WaitOptions
  readonly #clock: Clock
  readonly #startedAtMs: number
  readonly #onOver: (error: KafkaError) => void
  readonly #topic: string | undefined
  readonly #onAbort = (): void => this.#end('aborted')
  #timer: Timer | null = null
  #error: KafkaError | null = null

  /** The error names `record`. Throws if the options are invalid. */
  constructor(
    given: WaitOptions,
    record: ProducerRecord | null,
    onOver: (error: KafkaError) => void,
    clock: Clock = systemClock,
  ) {
    this.#options = checkWaitOptions(given) ?? given
    this.#topic = topicForError(record)
    this.#onOver = onOver
    this.#clock = clock
    this.#startedAtMs = clock.now()
    const { signal, timeoutMs = Number.POSITIVE_INFINITY } = this.#options
    if (signal?.aborted === true) {
      this.#end('aborted')
      return
    }
    if (signal !== undefined) watchAbort(signal, this.#onAbort)
    if (timeoutMs === Number.POSITIVE_INFINITY) return
    this.#timer = clock.setTimer(timeoutMs, () => this.#end('timeout'))
  }

  /** Why the records must not be sent any more; null = they may be sent. */
  get error(): KafkaError | null {
    return this.#error
  }

  /** The records are serialized: the target applies the remaining limits. */
  rest(): WaitOptions {
    this.#stop()
    const { timeoutMs } = this.#options
    if (timeoutMs === undefined) return this.#options
    const elapsedMs = this.#clock.now() - this.#startedAtMs
    return { ...this.#options, timeoutMs: Math.max(0, timeoutMs - elapsedMs) }
  }

  #stop(): void {
    this.#timer?.cancel()
    const { signal } = this.#options
    if (signal !== undefined) unwatchAbort(signal, this.#onAbort)
  }

  #end(why: 'aborted' | 'timeout'): void {
    this.#stop()
    this.#error = cancelledError(this.#topic, this.#options, why, 'no')
    this.#onOver(this.#error)
  }
}

/**
 * Calls `start`, which gets the limits and sends the records; rejects if the limits end before
 * that.
 */
export const withinLimits = <Value>(
  options: WaitOptions | undefined,
  record: ProducerRecord | null,
  start: (limit: SerializationLimit | null) => Promise<Value>,
): Promise<Value> => {
  if (options === undefined) return start(null)
  return new Promise((resolve, reject) => {
    start(new SerializationLimit(options, record, reject)).then(resolve, reject)
  })
}
