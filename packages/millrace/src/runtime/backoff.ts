// Owns the delay before a retry: it doubles from `initialMs` and is at most `maxMs`. It varies by
// ±20 %, so that clients which failed together do not retry together. Callers: cluster-client/,
// delivery.ts, admin/. Invariant: the result depends on the arguments only.

const jitter = 0.2

export interface BackoffRange {
  readonly initialMs: number
  readonly maxMs: number
}

/**
 * The delay before the retry after failure number `failureIndex` (0 = the first). `chance` is a
 * random number in [0, 1).
 */
export const backoffDelayMs = (
  range: BackoffRange,
  failureIndex: number,
  chance: number,
): number => {
  const doubled = range.initialMs * 2 ** Math.min(failureIndex, 30)
  // The average stays below the limit by the spread, so that the longest delays differ as well.
  const middle = Math.min(doubled, range.maxMs / (1 + jitter))
  return middle * (1 - jitter + 2 * jitter * chance)
}
