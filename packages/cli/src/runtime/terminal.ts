// Where a command writes and hears Ctrl-C. Commands get it passed in, so that tests can watch one.

import type { Writable } from 'node:stream'
import { nowMs } from './time.ts'

/** What was asked for with a signal: Ctrl-C, or the end of the process. */
export type Interrupt = 'SIGINT' | 'SIGTERM'

export interface Terminal {
  readonly output: Writable
  readonly errors: Writable
  /** True when `output` is a screen that a progress bar may draw on. */
  readonly interactive: boolean
  /** Calls `listener` at the first interrupt; the result takes it back. */
  onInterrupt(listener: (interrupt: Interrupt) => void): () => void
}

/** npm passes on the Ctrl-C that the terminal has sent already: within this time, two are one. */
const sameInterruptMs = 500

/** The exit code that shells give a process which ended by Ctrl-C. */
export const exitCodeInterrupted = 130

/** This process's terminal. A second interrupt, after a moment, ends the process at once. */
export const processTerminal = (): Terminal => ({
  output: process.stdout,
  errors: process.stderr,
  interactive: process.stdout.isTTY === true,
  onInterrupt: (listener) => {
    let firstMs: number | undefined
    const heard = (interrupt: Interrupt): void => {
      if (firstMs === undefined) {
        firstMs = nowMs()
        listener(interrupt)
      } else if (nowMs() - firstMs > sameInterruptMs) {
        process.exit(exitCodeInterrupted)
      }
    }
    process.on('SIGINT', heard)
    process.on('SIGTERM', heard)
    return () => {
      process.off('SIGINT', heard)
      process.off('SIGTERM', heard)
    }
  },
})

export const writeLine = (stream: Writable, line = ''): void => {
  stream.write(`${line}\n`)
}
