// The console's only door to time.

/** Monotonic milliseconds; only differences mean anything. */
export const nowMs = (): number => performance.now()

/** Calls `callback` until the result is called; it does not keep the process alive. */
export const repeat = (intervalMs: number, callback: () => void): (() => void) => {
  const timer = setInterval(callback, intervalMs)
  timer.unref()
  return () => clearInterval(timer)
}
