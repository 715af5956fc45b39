// Owns the stepping of the engine: one immediate per event-loop turn with work, and one timer for
// the next due time. Caller: Producer. Invariant: at most one immediate and one timer are pending.

import type { Engine } from '../engine/engine.ts'
import type { Clock, Timer } from '../runtime/clock.ts'

export class Driver {
  readonly #clock: Clock
  #engine: Engine | null = null
  #timer: Timer | null = null
  #timerAt = Number.POSITIVE_INFINITY
  #stopped = false
  readonly #step = (): void => this.#run()
  readonly #onTimer = (): void => {
    this.#timer = null
    this.#timerAt = Number.POSITIVE_INFINITY
    // Sockets are read before deadlines are checked: after a blocked event loop the responses that
    // arrived meanwhile are processed first.
    this.#engine?.wake()
  }

  constructor(clock: Clock) {
    this.#clock = clock
  }

  start(engine: Engine): void {
    this.#engine = engine
  }

  /** Runs one step at the end of this event-loop turn. */
  wake(): void {
    if (!this.#stopped) this.#clock.setImmediate(this.#step)
  }

  #run(): void {
    if (this.#stopped || this.#engine === null) return
    const next = this.#engine.step()
    // The step may have ended the producer.
    if (this.#stopped) return
    if (next === this.#timerAt) return
    // A timer that fires too early costs one empty step; one timer per batch would cost more.
    if (next > this.#timerAt && next !== Number.POSITIVE_INFINITY) return
    this.#timer?.cancel()
    this.#timer = null
    this.#timerAt = next
    if (next === Number.POSITIVE_INFINITY) return
    this.#timer = this.#clock.setTimer(next - this.#clock.now(), this.#onTimer)
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = null
  }
}
