// Holds a loop to a number of records a second, without bursts after a pause.

import { nowMs, pause } from './runtime/time.ts'

/** Timers are not finer than this. */
const slackMs = 2

/** After a longer delay the lost time is not made up for. */
const lagMsMax = 1000

export class Pace {
  readonly #intervalMs: number
  #startedMs: number
  #count = 0

  constructor(recordsPerSecond: number) {
    this.#intervalMs = 1000 / recordsPerSecond
    this.#startedMs = nowMs()
  }

  /** When the next record is due. */
  get dueMs(): number {
    return this.#startedMs + this.#count * this.#intervalMs
  }

  /** Counts the next record; how long to wait before it, 0 = not at all. */
  next(): number {
    const waitMs = this.dueMs - nowMs()
    if (waitMs < -lagMsMax) this.#startedMs -= waitMs + lagMsMax
    this.#count++
    return waitMs > slackMs ? waitMs : 0
  }

  /** Waits until the next record may go. */
  async turn(signal: AbortSignal): Promise<void> {
    const waitMs = this.next()
    if (waitMs > 0) await pause(waitMs, signal)
  }
}
