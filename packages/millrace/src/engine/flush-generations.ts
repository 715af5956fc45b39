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

  get hasWaiters(): boolean {
    return this.#waiters.length > 0
  }

  enter(generation: number): void {
    this.#outstanding++
    this.#counts[generation - this.#oldest]!++
  }

  leave(generation: number): void {
    this.#outstanding--
    this.#counts[generation - this.#oldest]!--
    this.#retire()
  }

  /** Calls `done` once when all that is outstanding now is settled; at once when nothing is. */
  endGeneration(done: () => void): void {
    this.#waiters.push({ generation: this.current, done })
    this.#counts.push(0)
    this.#retire()
  }

  #retire(): void {
    while (this.#counts.length > 1 && this.#counts[0] === 0) {
      this.#counts.shift()
      this.#oldest++
    }
    while (this.#waiters.length > 0 && this.#waiters[0]!.generation < this.#oldest) {
      this.#waiters.shift()!.done()
    }
  }
}
