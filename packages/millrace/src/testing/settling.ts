// When the records of a recording producer settle: after the call that sent them, in order, by
// themselves or when the test calls settle().

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
        // As with a producer, a callback that throws does not disturb the others.
        printableLogger().error(`millrace: a result callback threw: ${String(error)}`)
      }
    }
    if (this.#waiting.length > 0) return
    const waiters = this.#idleWaiters
    this.#idleWaiters = []
    for (const waiter of waiters) waiter()
  }

  /** Resolves when nothing waits. */
  whenIdle(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idleWaiters.push(resolve))
  }
}
