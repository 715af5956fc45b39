// Settles the records of a RecordingProducer in order: each in a microtask after the call that sent
// it, or when the test calls settle(). A record must never settle within the call that sent it.
// Callers: recording-producer.ts and recording-sender.ts.

import { printableLogger } from '../runtime/logger.ts'
import { queueMicrotask } from '../runtime/timers.ts'

export class Settling {
  readonly #isAuto: boolean
  #waiting: (() => void)[] = []
  #idleWaiters: (() => void)[] = []

  constructor(isAuto: boolean) {
    this.#isAuto = isAuto
  }

  get count(): number {
    return this.#waiting.length
  }

  add(notify: () => void): void {
    this.#waiting.push(notify)
    if (this.#isAuto) queueMicrotask(() => this.settle(1))
  }

  settle(count: number): void {
    for (let settled = 0; settled < count && this.#waiting.length > 0; settled++) {
      const notify = this.#waiting.shift()!
      try {
        notify()
      } catch (error) {
        // As in the producer, a callback that throws does not affect the others.
        printableLogger().error(`millrace: a result callback threw: ${String(error)}`)
      }
    }
    if (this.#waiting.length > 0) return
    const waiters = this.#idleWaiters
    this.#idleWaiters = []
    for (const waiter of waiters) waiter()
  }

  /** Resolves when no record is pending. */
  whenIdle(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idleWaiters.push(resolve))
  }
}
