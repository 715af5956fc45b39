// Compares what a foreign reader found in a topic with what the producer said of each record.

import { type Fates, fate } from './load-plan.ts'

export interface LogFindings {
  readonly read: number
  /** Acknowledged, and not there. */
  readonly lost: number
  readonly doubled: number
  /** Behind a later one of the same partition. */
  readonly outOfOrder: number
  /** At another place than the producer said. */
  readonly misplaced: number
  /** There, though the producer said that it is not. */
  readonly denied: number
  /** Failed as perhaps written: of these, how many are there. */
  readonly maybe: number
  readonly maybeWritten: number
}

export class LogCheck {
  readonly #fates: Fates
  readonly #seen: Uint8Array
  readonly #lastOf: number[] = []
  #read = 0
  #doubled = 0
  #outOfOrder = 0
  #misplaced = 0

  constructor(fates: Fates) {
    this.#fates = fates
    this.#seen = new Uint8Array(fates.states.length)
  }

  /** The records of a partition come in the order of their offsets. */
  onRecord(number: number, partition: number, offset: number): void {
    const { states, partitions, offsets } = this.#fates
    this.#read++
    if (!(number < states.length)) throw new Error(`a record with number ${number} is not ours`)
    if (this.#seen[number] === 1) this.#doubled++
    else if (number < (this.#lastOf[partition] ?? -1)) this.#outOfOrder++
    this.#seen[number] = 1
    this.#lastOf[partition] = Math.max(number, this.#lastOf[partition] ?? -1)
    if (states[number] !== fate.delivered) return
    const isThere = partitions[number] === partition
    if (!isThere || (offsets[number] !== offset && offsets[number] !== -1)) this.#misplaced++
  }

  findings(): LogFindings {
    let lost = 0
    let denied = 0
    let maybe = 0
    let maybeWritten = 0
    for (const [number, state] of this.#fates.states.entries()) {
      const isThere = this.#seen[number] === 1
      if (state === fate.delivered && !isThere) lost++
      if (state === fate.notWritten && isThere) denied++
      if (state !== fate.maybeWritten) continue
      maybe++
      if (isThere) maybeWritten++
    }
    return {
      read: this.#read,
      lost,
      doubled: this.#doubled,
      outOfOrder: this.#outOfOrder,
      misplaced: this.#misplaced,
      denied,
      maybe,
      maybeWritten,
    }
  }
}
