// The one entry point to time. Production uses the machine's clock, the simulator a virtual one;
// nothing outside `runtime/` reads Date or starts a timer (held by test/tidy.test.ts).

import { clearTimeout, monotonicMs, setImmediate, setTimeout } from './timers.ts'

/** A timer that was started; cancelling it late or twice is harmless. */
export interface Timer {
  cancel(): void
  /** From now on it does not keep the process alive. Virtual timers never do. */
  unref?(): void
}

export interface Clock {
  /** Monotonic milliseconds (fractions allowed). Only differences mean anything. */
  now(): number
  /** Milliseconds since the epoch: what goes into record timestamps. A whole number. */
  wallTime(): number
  /**
   * Runs `callback` once, `delayMs` from now at the earliest. It keeps the process alive until
   * then.
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

/** Longest delay that `setTimeout` takes; a longer one would fire at once. */
const delayMsMax = 2 ** 31 - 1

/** The machine's clock. */
export const systemClock: Clock = {
  now: monotonicMs,
  wallTime: () => Date.now(),
  setTimer: (delayMs, callback) =>
    new NodeTimer(setTimeout(callback, Math.min(Math.max(0, Math.ceil(delayMs)), delayMsMax))),
  setImmediate: (callback) => {
    setImmediate(callback)
  },
}

/** A moment in milliseconds since the epoch, for people: `2030-01-01T00:00:00.000Z`. */
export const isoTime = (time: number): string => {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? `${time} ms` : date.toISOString()
}
