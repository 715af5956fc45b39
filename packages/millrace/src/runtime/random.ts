// Owns the access to random numbers: jitter, random partitions, ids. Callers: all code that needs
// them; the simulator passes a seeded source. Invariant: nothing outside `runtime/` calls
// Math.random.

export interface Random {
  /** A number in [0, 1). */
  next(): number
}

export const systemRandom: Random = { next: () => Math.random() }

/** A whole number in [0, bound). */
export const randomBelow = (random: Random, bound: number): number =>
  Math.floor(random.next() * bound)

/** A reproducible source: the same seed gives the same numbers (mulberry32). */
export const seededRandom = (seed: number): Random => {
  let state = seed >>> 0
  return {
    next: () => {
      state = (state + 0x6d2b79f5) >>> 0
      let mixed = Math.imul(state ^ (state >>> 15), state | 1)
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    },
  }
}
