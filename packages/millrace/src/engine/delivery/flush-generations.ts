// Owns what each flush() waits for. A flush() ends a generation, and is complete when no batch and
// no waiting record of that or an older generation is left. Callers: IncompleteBatches,
// WaitingRecords, Engine. Invariant: batches and waiting records are counted, never the records in
// batches.

interface Waiter {
  readonly generation: number
  readonly done: () => void
}

export class FlushGenerations {
  /** The incomplete entries of each generation; index 0 is `#oldest`. */
  readonly #counts: number[] = [0]
  /** In the order of their generations. */
  readonly #waiters = new Set<Waiter>()
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

  /**
   * `done` is called once, by notify(), when all entries that are unsettled now are settled.
   * Returns a function that forgets it.
   */
  endGeneration(done: () => void): () => void {
    // Without unsettled entries in it, the current generation continues.
    const isEmpty = this.#counts.at(-1) === 0
    const waiter = { generation: isEmpty ? this.current - 1 : this.current, done }
    this.#waiters.add(waiter)
    if (!isEmpty) this.#counts.push(0)
    return () => this.#waiters.delete(waiter)
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
    for (const waiter of this.#waiters) {
      if (waiter.generation >= this.#oldest) return
      this.#waiters.delete(waiter)
      waiter.done()
    }
  }
}
