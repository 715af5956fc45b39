// The one timer of a connection. Its owner asks to be woken at the latest when something may be
// due, and looks then what is; so requests come and go without starting and stopping timers.
// Invariants: at most one timer is armed; a wake-up that was replaced or stopped is a no-op, by
// token.

import type { Clock, Timer } from '../runtime/clock.ts'

export class WakeTimer {
  readonly #clock: Clock
  readonly #onWake: (lateMs: number) => void
  #timer: Timer | null = null
  #token = 0
  /** When the armed timer fires; Infinity = none is armed. */
  #atMs = Number.POSITIVE_INFINITY

  /**
   * `lateMs` = how much later than asked the event loop came round to it: a stall, where it is
   * long.
   */
  constructor(clock: Clock, onWake: (lateMs: number) => void) {
    this.#clock = clock
    this.#onWake = onWake
  }

  /** Wakes the owner at this time, or earlier where it asked for that before. */
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
