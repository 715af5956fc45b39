// Owns the calls of ready(), which wait until the buffer has space for a record. Caller: Producer.
// Invariant: each call settles once.

import type { Engine } from '../engine/engine.ts'
import { guarded } from './caller.ts'
import { type WaitClock, type WaitOptions, waitFor } from './wait.ts'

const nothing = (): void => {}

export class ReadyCalls {
  readonly #engine: Engine
  readonly #waitClock: WaitClock
  #waiting: (() => void)[] = []

  constructor(engine: Engine, waitClock: WaitClock) {
    this.#engine = engine
    this.#waitClock = waitClock
  }

  /** `checkOpen` throws if the producer is not open. */
  ready(options: WaitOptions | undefined, checkOpen: () => void): Promise<void> {
    return guarded(
      waitFor<void>('ready', options, this.#waitClock, (resolve) => {
        checkOpen()
        if (this.#engine.mayEnqueue) {
          resolve()
          return nothing
        }
        const waiter = (): void => resolve()
        this.#waiting.push(waiter)
        this.#engine.requestSpace()
        return () => {
          this.#waiting = this.#waiting.filter((other) => other !== waiter)
        }
      }),
    )
  }

  /** There is space, or the producer is closed. */
  notify(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const waiter of waiting) waiter()
  }
}
