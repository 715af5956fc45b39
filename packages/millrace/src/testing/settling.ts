// When the results of a recording producer are told: after the call that sent the record, in order,
// by themselves or when the test says so.

import { consoleLogger } from '../runtime/logger.ts'

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

  add(tell: () => void): void {
    this.#waiting.push(tell)
    if (this.#isAuto) queueMicrotask(() => this.settle(1))
  }

  settle(count: number): void {
    for (let told = 0; told < count && this.#waiting.length > 0; told++) {
      const tell = this.#waiting.shift()!
      try {
        tell()
      } catch (error) {
        // As a producer does it: a callback that throws harms nobody else.
        consoleLogger.error(`millrace: a result callback threw: ${String(error)}`)
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
