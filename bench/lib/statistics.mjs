// Figures of interleaved runs: medians, spreads and ratios within a round.

export const median = (numbers) => {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export const quantile = (numbers, share) => {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.round(share * (sorted.length - 1))]
}

/** How far the runs lie apart: half the range, as a share of the median. */
export const spread = (numbers) =>
  (Math.max(...numbers) - Math.min(...numbers)) / 2 / median(numbers)

/** The median of the ratios within each round; a round that lacks one of both is skipped. */
export const ratioWithinRounds = (ours, theirs) => {
  const ratios = ours
    .map((figure, round) => figure / theirs[round])
    .filter((ratio) => Number.isFinite(ratio))
  return ratios.length === 0 ? Number.NaN : median(ratios)
}

/** 1234567 → `1,234,567`; 0.123 → `0.12`; a dash where there is none. */
export const figure = (number, digits = 0) =>
  number === undefined || number === null || Number.isNaN(number)
    ? '–'
    : number.toLocaleString('en-US', {
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      })
