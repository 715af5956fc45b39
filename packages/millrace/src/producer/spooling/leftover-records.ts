// Owns the remaining records of batches that lost records or were split, until they are settled or
// numbered again. The log says that they are sent before the batches after them, in entries that
// also contain other records. There are rarely any. Caller: Spooling. Invariant: a record is
// removed when it is numbered or settled.

const prunedAt = 4096

export class LeftoverRecords {
  readonly #ids = new Set<number>()
  readonly #isSettled: (recordId: number) => boolean
  #pruneAt = prunedAt

  constructor(isSettled: (recordId: number) => boolean) {
    this.#isSettled = isSettled
  }

  /** The records of one batch that are not settled or numbered now are added. */
  add(recordIds: readonly number[]): void {
    for (const id of recordIds) this.#ids.add(id)
    if (this.#ids.size < this.#pruneAt) return
    // Records that a broker rejected individually are settled and otherwise stay here.
    for (const id of this.#ids) if (this.#isSettled(id)) this.#ids.delete(id)
    this.#pruneAt = Math.max(prunedAt, 2 * this.#ids.size)
  }

  delete(recordIds: readonly number[]): void {
    if (this.#ids.size === 0) return
    for (const id of recordIds) this.#ids.delete(id)
  }

  hasAnyOf(recordIds: ReadonlySet<number>): boolean {
    for (const id of this.#ids) if (recordIds.has(id)) return true
    return false
  }
}
