// How long to wait before trying again: doubling from `initialMs`, spread by ±20 % so that
// clients that failed together do not come back together, and never more than `maxMs`.

const spread = 0.2

export interface BackoffRange {
  readonly initialMs: number
  readonly maxMs: number
}

/**
 * Delay before the retry that follows failure number `failureIndex` (0 = the first). `chance` is a
 * random number in [0, 1).
 */
export const backoffDelayMs = (
  range: BackoffRange,
  failureIndex: number,
  chance: number,
): number => {
  const doubled = range.initialMs * 2 ** Math.min(failureIndex, 30)
  // The middle stays below the bound by the spread, so that the longest waits differ as well.
  const middle = Math.min(doubled, range.maxMs / (1 + spread))
  return middle * (1 - spread + 2 * spread * chance)
}
