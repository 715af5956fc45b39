// The command line's only entry point to time.

/** Monotonic milliseconds; only differences mean anything. */
export const nowMs = (): number => performance.now()

/** Calls `callback` until the result is called; it does not keep the process alive. */
export const repeat = (intervalMs: number, callback: () => void): (() => void) => {
  const timer = setInterval(callback, intervalMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** Milliseconds since the epoch. */
export const wallTimeMs = (): number => Date.now()

/** Resolves after a while, or as soon as the signal aborts. */
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

/** Calls `callback` once, unless the result is called before; does not keep the process alive. */
export const after = (delayMs: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, delayMs)
  timer.unref()
  return () => clearTimeout(timer)
}

/** Resolves in the next turn of the event loop, when sockets and timers have been served. */
export const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })
