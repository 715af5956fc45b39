// Owns what prevents a reader from reading: for each partition, how often and since when its
// requests have failed without a success between them, and the reasons that the caller knows.
// Caller: RecordReader. Invariants: the caller receives each reason once, and then `null` when
// every partition can be read; a partition that failed for longer than the limit ends the reading,
// once nothing else can be read.

import { KafkaError } from '../protocol/kafka-error.ts'

export interface InterruptionOptions {
  readonly topic: string
  /** Infinity = no limit. */
  readonly timeoutMs: number
  readonly onHeldUp: ((reason: KafkaError | null) => void) | undefined
}

interface Failing {
  failures: number
  readonly sinceMs: number
}

/** A single failure is usual: a connection is lost, or a leader moves. */
const silentFailures = 1

export class ReadInterruptions {
  readonly #options: InterruptionOptions
  readonly #failing = new Map<number, Failing>()
  readonly #reported = new Set<string>()
  #expired: KafkaError | null = null

  constructor(options: InterruptionOptions) {
    this.#options = options
  }

  /** A response of the partition's leader was read. */
  onRead(partition: number): void {
    if (this.#expired?.partition === partition) this.#expired = null
    if (!this.#failing.delete(partition)) return
    if (this.#failing.size > 0 || this.#reported.size === 0) return
    this.#reported.clear()
    this.#options.onHeldUp?.(null)
  }

  /** A request that began at `beganMs` failed. */
  onFailed(partition: number, reason: KafkaError, beganMs: number, nowMs: number): void {
    const failing = this.#failing.get(partition) ?? { failures: 0, sinceMs: beganMs }
    this.#failing.set(partition, failing)
    failing.failures++
    if (failing.failures > silentFailures) this.#report(reason)
    const { topic, timeoutMs } = this.#options
    if (nowMs - failing.sinceMs < timeoutMs) return
    const message = `${topic} could not be read for ${timeoutMs} ms: ${reason.message}`
    this.#expired = new KafkaError('TIMEOUT', message, { topic, partition, cause: reason })
  }

  /** Throws if a partition has failed for longer than the limit. */
  checkLimit(): void {
    if (this.#expired !== null) throw this.#expired
  }

  /** The caller receives the reason, unless it has it. */
  #report(reason: KafkaError): void {
    const { code, brokerError, broker, partition } = reason
    const key = [code, brokerError, broker, partition].join(' ')
    if (this.#reported.has(key)) return
    this.#reported.add(key)
    this.#options.onHeldUp?.(reason)
  }
}
