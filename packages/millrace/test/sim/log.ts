// What is recorded of a run: the failures that its checks found, and its story, where wanted.

import type { VirtualClock } from '../../src/runtime/virtual-clock.ts'

const failuresKept = 12

export class Log {
  readonly failures: string[] = []
  readonly story: string[] = []
  readonly #clock: VirtualClock
  readonly #keepsStory: boolean

  constructor(clock: VirtualClock, keepsStory: boolean) {
    this.#clock = clock
    this.#keepsStory = keepsStory
  }

  readonly trace = (text: string): void => {
    if (this.#keepsStory) this.story.push(`${this.#clock.now().toFixed(1).padStart(9)}  ${text}`)
  }

  fail(check: string, text: string): void {
    this.trace(`WRONG    ${check}: ${text}`)
    if (this.failures.length < failuresKept) this.failures.push(`${check}: ${text}`)
  }
}
