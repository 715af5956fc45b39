// Owns what each flush() waits for. A flush() ends a generation, and is complete when no batch and
// no waiting record of that or an older generation is left. Callers: IncompleteBatches,
// WaitingRecords, Engine. Invariant: batches and waiting records are counted, never the records in
// batches.

export class FlushGenerations {
  /** The incomplete entries of each generation; index 0 is `#oldest`. */
  readonly #counts: number[] = [0]
  readonly #waiters: { readonly generation: number; readonly done: () => void }[] = []
  #oldest = 0
  #outstanding = 0

  get current(): number {
    return this.#oldest + this.#counts.length - 1
  }

  /** Batches and waiting records that are not settled. */
  get outstanding(): number {
    return this.#outstanding
  }

  enter(generation: number): void {
    this.#outstanding++
    this.#counts[generation - this.#oldest]!++
  }

  leave(generation: number): void {
    this.#outstanding--
    this.#counts[generation - this.#oldest]!--
  }

  /** `done` is called once, by notify(), when all entries that are unsettled now are settled. */
  endGeneration(done: () => void): void {
    this.#waiters.push({ generation: this.current, done })
    this.#counts.push(0)
  }

  /**
   * Calls the callbacks of completed generations. It is called after the records' settles and never
   * between them, so a caller of flush() finds all counts and promises final.
   */
  notify(): void {
    while (this.#counts.length > 1 && this.#counts[0] === 0) {
      this.#counts.shift()
      this.#oldest++
    }
    while (this.#waiters.length > 0 && this.#waiters[0]!.generation < this.#oldest) {
      this.#waiters.shift()!.done()
    }
  }
}
