// What is recorded of a run: the failures that its checks found, and its trace, where wanted.

import type { VirtualClock } from '../../src/runtime/virtual-clock.ts'

const failuresKept = 12

export class Log {
  readonly failures: string[] = []
  readonly traceLines: string[] = []
  readonly #clock: VirtualClock
  readonly #keepsTrace: boolean

  constructor(clock: VirtualClock, keepsTrace: boolean) {
    this.#clock = clock
    this.#keepsTrace = keepsTrace
  }

  readonly trace = (text: string): void => {
    if (this.#keepsTrace)
      this.traceLines.push(`${this.#clock.now().toFixed(1).padStart(9)}  ${text}`)
  }

  fail(check: string, text: string): void {
    this.trace(`WRONG    ${check}: ${text}`)
    if (this.failures.length < failuresKept) this.failures.push(`${check}: ${text}`)
  }
}
