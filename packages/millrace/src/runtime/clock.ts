// Owns the access to time: the port Clock and the system clock. Callers: all code that reads the
// time or starts timers; the simulator passes a virtual clock. Invariant: nothing outside
// `runtime/` reads Date or starts a timer (checked by test/tidy.test.ts).

import { clearTimeout, monotonicMs, setImmediate, setTimeout } from './timers.ts'

/** A running timer; cancelling it late or twice has no effect. */
export interface Timer {
  cancel(): void
  /** From now on it does not keep the process alive. Virtual timers never do. */
  unref?(): void
}

export interface Clock {
  /** Monotonic milliseconds (fractions allowed). Only differences are meaningful. */
  now(): number
  /** Milliseconds since the epoch, for record timestamps. A whole number. */
  wallTime(): number
  /**
   * Runs `callback` once, at the earliest `delayMs` from now. The timer keeps the process alive.
   */
  setTimer(delayMs: number, callback: () => void): Timer
  /** Runs `callback` once in this event-loop turn, after the I/O that is ready. */
  setImmediate(callback: () => void): void
}

class NodeTimer implements Timer {
  readonly #handle: NodeJS.Timeout

  constructor(handle: NodeJS.Timeout) {
    this.#handle = handle
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }

  unref(): void {
    this.#handle.unref()
  }
}

/** Longest delay of `setTimeout`; a longer one would fire at once. */
const delayMsMax = 2 ** 31 - 1

/** The system clock. */
export const systemClock: Clock = {
  now: monotonicMs,
  wallTime: () => Date.now(),
  setTimer: (delayMs, callback) =>
    new NodeTimer(setTimeout(callback, Math.min(Math.max(0, Math.ceil(delayMs)), delayMsMax))),
  setImmediate: (callback) => {
    setImmediate(callback)
  },
}

/** A time in milliseconds since the epoch as text: `2030-01-01T00:00:00.000Z`. */
export const isoTime = (time: number): string => {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? `${time} ms` : date.toISOString()
}
