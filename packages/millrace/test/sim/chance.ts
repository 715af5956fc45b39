// Draws of the simulator: everything that a run decides comes out of one of these, and so of its
// seed.

import { type Random, randomBelow, seededRandom } from '../../src/runtime/random.ts'

export class Chance {
  readonly random: Random

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  /** A source of its own: what it draws does not shift what others draw. */
  fork(salt: number): Chance {
    return new Chance(Math.imul(salt, 0x9e3779b1) ^ Math.floor(this.random.next() * 2 ** 32))
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + randomBelow(this.random, max - min + 1)
  }

  /** True so many times in a hundred. */
  percent(share: number): boolean {
    return this.random.next() * 100 < share
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[randomBelow(this.random, items.length)]!
  }

  /** Picks by weight. */
  weighted<Item>(items: readonly (readonly [weight: number, item: Item])[]): Item {
    let left = this.random.next() * items.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, item] of items) {
      left -= weight
      if (left < 0) return item
    }
    return items.at(-1)![1]
  }
}
