// The console's only entry point to time.

import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Monotonic milliseconds; only differences mean anything. */
export const nowMs = (): number => performance.now()

/** Calls `callback` until the result is called; it does not keep the process alive. */
export const repeat = (intervalMs: number, callback: () => void): (() => void) => {
  const timer = setInterval(callback, intervalMs)
  timer.unref()
  return () => clearInterval(timer)
}

const resolutionMs = 10
const nanosecondsPerMs = 1e6

/** Measures how late the event loop is; `read` returns the longest delay since it was last read. */
export const watchEventLoop = (): { read(): number; stop(): void } => {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs })
  delays.enable()
  return {
    read: () => {
      // Nothing was measured while the event loop stood still, or in a very short interval.
      const maxMs = delays.count === 0 ? 0 : delays.max / nanosecondsPerMs - resolutionMs
      delays.reset()
      return Math.max(0, maxMs)
    },
    stop: () => {
      delays.disable()
    },
  }
}
