// The command line's only door to time.

/** Monotonic milliseconds; only differences mean anything. */
export const nowMs = (): number => performance.now()

/** Calls `callback` again and again, without keeping the process alive, until the result is called. */
export const repeat = (intervalMs: number, callback: () => void): (() => void) => {
  const timer = setInterval(callback, intervalMs)
  timer.unref()
  return () => clearInterval(timer)
}
