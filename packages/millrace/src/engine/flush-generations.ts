// Who waits for what: each flush() ends a generation, and is over when no batch and no waiting
// record of that generation or an older one is left. Counts batches and waiting records, never
// records.

export class FlushGenerations {
  /** Unsettled of each generation; index 0 is `#oldest`. */
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

  /** `done` is called once, by tell(), when all that is outstanding now is settled. */
  endGeneration(done: () => void): void {
    this.#waiters.push({ generation: this.current, done })
    this.#counts.push(0)
  }

  /**
   * Tells who has waited long enough. Called when records were told, never while one is being
   * settled: then whoever waits finds every count and every promise as it will stay.
   */
  tell(): void {
    while (this.#counts.length > 1 && this.#counts[0] === 0) {
      this.#counts.shift()
      this.#oldest++
    }
    while (this.#waiters.length > 0 && this.#waiters[0]!.generation < this.#oldest) {
      this.#waiters.shift()!.done()
    }
  }
}
