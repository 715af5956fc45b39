// Limits a loop to a number of records per second. After a long pause it continues at that rate and
// must not send a burst. Callers: perf/perf-run.ts and produce/.

import { nowMs, pause } from './runtime/time.ts'

/** Timers are not more precise than this. */
const timerPrecisionMs = 2

/** Lost time beyond this delay is not made up. */
const lagMsMax = 1000

export class ThroughputThrottler {
  readonly #intervalMs: number
  #startedMs: number
  #count = 0

  constructor(recordsPerSecond: number) {
    this.#intervalMs = 1000 / recordsPerSecond
    this.#startedMs = nowMs()
  }

  /** The time at which the next record is due. */
  get dueMs(): number {
    return this.#startedMs + this.#count * this.#intervalMs
  }

  /** Counts the next record and returns how long to wait before it; 0 = no wait. */
  next(): number {
    const waitMs = this.dueMs - nowMs()
    if (waitMs < -lagMsMax) this.#startedMs -= waitMs + lagMsMax
    this.#count++
    return waitMs > timerPrecisionMs ? waitMs : 0
  }

  /** Waits until the next record is due. */
  async throttle(signal: AbortSignal): Promise<void> {
    const waitMs = this.next()
    if (waitMs > 0) await pause(waitMs, signal)
  }
}
