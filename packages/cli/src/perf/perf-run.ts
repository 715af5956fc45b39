// Sends generated records and measures the acknowledged records per second and the latency of each.
// A latency starts when the record is passed to the producer and includes the wait for buffer
// space, as in Java's tool. With a rate limit, the latency of a late record starts when it was due.
// Callers: perf-command.ts and console/.

import type { Producer } from 'millrace'
import { RecordCounts } from '../produce/record-counts.ts'
import { nowMs, pause } from '../runtime/time.ts'
import { ThroughputThrottler } from '../throughput-throttler.ts'
import { Latencies } from './latency.ts'
import type { Payloads } from './payloads.ts'
import type { Measured } from './perf-report.ts'

/** A longer delay than this is not caused by the precision of a timer. */
const lateMs = 5

export interface PerfLoad {
  readonly producer: Producer
  readonly topic: string
  readonly payloads: Payloads
  readonly recordsPerSecond: number
  /** Aborts when no more records must be sent. */
  readonly signal: AbortSignal
}

/** Counts of acknowledged records since the object was created. */
export class PerfCount {
  readonly #startedMs = nowMs()
  #records = 0
  #bytes = 0
  #sumMs = 0
  #maxMs = 0

  add(bytes: number, latencyMs: number): void {
    this.#records++
    this.#bytes += bytes
    this.#sumMs += latencyMs
    if (latencyMs > this.#maxMs) this.#maxMs = latencyMs
  }

  get measured(): Measured {
    return {
      records: this.#records,
      bytes: this.#bytes,
      seconds: (nowMs() - this.#startedMs) / 1000,
      meanMs: this.#records === 0 ? 0 : this.#sumMs / this.#records,
      maxMs: this.#maxMs,
    }
  }
}

export class PerfRun {
  readonly #load: PerfLoad
  readonly counts = new RecordCounts()
  /** Counts of the whole run; `interval` holds those of the current interval. */
  total = new PerfCount()
  interval = new PerfCount()
  latencies = new Latencies()

  constructor(load: PerfLoad) {
    this.#load = load
  }

  /** Starts the counts again after the warm-up. */
  restart(): void {
    this.total = new PerfCount()
    this.latencies = new Latencies()
    this.interval = new PerfCount()
  }

  /** Resolves when every record is settled, or after an abort when no more records are accepted. */
  async send(count: number): Promise<void> {
    const { recordsPerSecond, signal, producer } = this.#load
    const throttler = Number.isFinite(recordsPerSecond)
      ? new ThroughputThrottler(recordsPerSecond)
      : null
    for (let index = 0; index < count && !signal.aborted; index++) {
      let fromMs: number
      if (throttler === null) fromMs = nowMs()
      else {
        const { dueMs } = throttler
        const waitMs = throttler.next()
        if (waitMs > 0) await pause(waitMs, signal)
        fromMs = nowMs()
        if (fromMs - dueMs > lateMs) fromMs = dueMs
      }
      if (!this.#offer(fromMs)) await this.#waitForSpace(fromMs)
    }
    if (!signal.aborted) await producer.flush()
  }

  async #waitForSpace(fromMs: number): Promise<void> {
    const { producer, signal } = this.#load
    do {
      // ready() rejects if the run is aborted; the loop then sends nothing more.
      await producer.ready({ signal }).catch(() => {})
      if (signal.aborted) return
    } while (!this.#offer(fromMs))
  }

  #offer(fromMs: number): boolean {
    const { producer, topic, payloads } = this.#load
    const value = payloads()
    const { length } = value
    return producer.enqueue({ topic, value }, (error) => {
      if (error !== null) {
        this.counts.fail(error, null)
        return
      }
      const latencyMs = nowMs() - fromMs
      this.latencies.record(latencyMs)
      this.total.add(length, latencyMs)
      this.interval.add(length, latencyMs)
    })
  }
}
