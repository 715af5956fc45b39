// The clocks and timers of the command line. Other files of the package must not use timers, Date,
// or performance directly, so that time has a single source. Callers: the commands.

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

/** Milliseconds since the epoch. */
export const wallTimeMs = (): number => Date.now()

/** Resolves after the delay, or as soon as the signal aborts. */
export const pause = (delayMs: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) {
      resolve()
      return
    }
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, delayMs)
    signal?.addEventListener('abort', end, { once: true })
  })

/**
 * Calls `callback` once, unless the returned function is called first. It does not keep the process
 * alive.
 */
export const after = (delayMs: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, delayMs)
  timer.unref()
  return () => clearTimeout(timer)
}

/** Resolves in the next turn of the event loop, after sockets and timers were handled. */
export const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })
