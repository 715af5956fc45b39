// Owns the search for the name that a misspelled one most likely means. Callers: the checks of
// options, for "Did you mean …?". Invariant: a long text costs no time.

/** Longer than any name, so that a long text costs nothing. */
const nameLengthMax = 64

/** The number of edits between two words, computed with one row of the usual table. */
const distance = (left: string, right: string): number => {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (const [index, letter] of [...left].entries()) {
    const next = [index + 1]
    for (let column = 0; column < right.length; column++) {
      const replaced = row[column]! + (letter === right[column] ? 0 : 1)
      next.push(Math.min(replaced, row[column + 1]! + 1, next[column]! + 1))
    }
    row = next
  }
  return row[right.length]!
}

/** The nearest of the names, compared without case; undefined if none is similar. */
export const nearestName = (name: string, names: readonly string[]): string | undefined => {
  if (name.length > nameLengthMax) return undefined
  const wanted = name.toLowerCase()
  let best: string | undefined
  let bestDistance = Math.floor(wanted.length / 2) + 1
  for (const candidate of names) {
    const lower = candidate.toLowerCase()
    const near = lower.includes(wanted) || wanted.includes(lower) ? 1 : distance(wanted, lower)
    if (near >= bestDistance) continue
    best = candidate
    bestDistance = near
  }
  return best
}
