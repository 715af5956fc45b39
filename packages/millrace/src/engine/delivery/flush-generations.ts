// What each flush() waits for: it ends a generation, and is over when no batch and no waiting
// record of that generation or an older one is left. Batches and waiting records are counted, never
// the records in batches. Callers: IncompleteBatches, WaitingRecords, Engine.

export class FlushGenerations {
  /** IncompleteBatches of each generation; index 0 is `#oldest`. */
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

  /** `done` is called once, by notify(), when all that is outstanding now is settled. */
  endGeneration(done: () => void): void {
    this.#waiters.push({ generation: this.current, done })
    this.#counts.push(0)
  }

  /**
   * Calls the callbacks of the generations that are over. Called after the records' settles, never
   * between them: so a caller of flush() finds every count and every promise final.
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
