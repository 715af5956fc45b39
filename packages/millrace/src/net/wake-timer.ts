// Owns the single timer of a connection. The owner requests a wake-up for the time when something
// may be due, and then checks what is due, so requests start and stop no timers. Caller:
// Connection. Invariants: at most one timer runs; a wake-up that was replaced or stopped does
// nothing, which a token ensures.

import type { Clock, Timer } from '../runtime/clock.ts'

export class WakeTimer {
  readonly #clock: Clock
  readonly #onWake: (lateMs: number) => void
  #timer: Timer | null = null
  #token = 0
  /** When the running timer fires; Infinity = none runs. */
  #atMs = Number.POSITIVE_INFINITY

  /**
   * `lateMs` = how much later than requested the event loop called back; a large value means that
   * the loop was blocked.
   */
  constructor(clock: Clock, onWake: (lateMs: number) => void) {
    this.#clock = clock
    this.#onWake = onWake
  }

  /** Wakes the owner at this time, or earlier if it requested an earlier time before. */
  wakeAt(atMs: number): void {
    if (atMs >= this.#atMs) return
    this.stop()
    this.#atMs = atMs
    const token = this.#token
    this.#timer = this.#clock.setTimer(atMs - this.#clock.now(), () => {
      if (token === this.#token) this.#wake()
    })
  }

  stop(): void {
    this.#token++
    this.#timer?.cancel()
    this.#timer = null
    this.#atMs = Number.POSITIVE_INFINITY
  }

  #wake(): void {
    const lateMs = Math.max(0, this.#clock.now() - this.#atMs)
    this.stop()
    this.#onWake(lateMs)
  }
}
