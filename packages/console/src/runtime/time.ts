// The clocks and timers of the console. Other files of the package must not use timers or clocks
// directly, so that time has a single source. Caller: monitor.ts.

import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Monotonic milliseconds; only differences are meaningful. */
export const nowMs = (): number => performance.now()

/**
 * Calls `callback` repeatedly until the returned function is called. It does not keep the process
 * alive.
 */
export const repeat = (intervalMs: number, callback: () => void): (() => void) => {
  const timer = setInterval(callback, intervalMs)
  timer.unref()
  return () => clearInterval(timer)
}

const resolutionMs = 10
const nanosecondsPerMs = 1e6

/** Measures the delay of the event loop; `read` returns the longest delay since the last `read`. */
export const watchEventLoop = (): { read(): number; stop(): void } => {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs })
  delays.enable()
  return {
    read: () => {
      // No value: the event loop was blocked for the whole interval, or the interval was very
      // short.
      const maxMs = delays.count === 0 ? 0 : delays.max / nanosecondsPerMs - resolutionMs
      delays.reset()
      return Math.max(0, maxMs)
    },
    stop: () => {
      delays.disable()
    },
  }
}
