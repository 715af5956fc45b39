// The simulator's own timers: what it will still do is not a leak of the producer, and is dropped
// at the end.

import type { Clock, Timer } from '../../src/runtime/clock.ts'

export class Agenda {
  readonly #clock: Clock
  readonly #timers = new Set<Timer>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  after(delayMs: number, action: () => void): void {
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(timer)
      action()
    })
    this.#timers.add(timer)
  }

  drop(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }
}
