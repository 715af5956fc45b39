// Records of batches that lost others, or were split, until they are settled or numbered again. The
// log says of them that they go out in front of the batches behind them, in entries that name other
// records too. There are hardly ever any. Caller: Spooling.

const prunedAt = 4096

export class LeftoverRecords {
  readonly #ids = new Set<number>()
  readonly #isSettled: (recordId: number) => boolean
  #pruneAt = prunedAt

  constructor(isSettled: (recordId: number) => boolean) {
    this.#isSettled = isSettled
  }

  /** Of the records of one batch, those that are not settled or numbered now are left over. */
  add(recordIds: readonly number[]): void {
    for (const id of recordIds) this.#ids.add(id)
    if (this.#ids.size < this.#pruneAt) return
    // Records that a broker refused by name are settled and stay here otherwise.
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
