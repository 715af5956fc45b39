// Owns the deadlines of an engine in one heap, in place of a timer per record or batch. Callers:
// the parts of the engine, and the producer's waiting calls. Invariant: an entry that was removed
// or has fired is not in the heap, so a settled record leaves nothing behind.

export interface Deadline {
  /** Milliseconds on the engine's clock. */
  readonly at: number
  /** Called once when the time has passed, unless removed before. */
  readonly fire: (now: number) => void
  /** Index in the heap; -1 = not in it. Written by Deadlines. */
  heapIndex: number
}

export class Deadlines {
  readonly #heap: Deadline[] = []

  get size(): number {
    return this.#heap.length
  }

  /** The earliest deadline; Infinity if there is none. */
  get next(): number {
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : this.#heap[0]!.at
  }

  add(at: number, fire: (now: number) => void): Deadline {
    const entry: Deadline = { at, fire, heapIndex: this.#heap.length }
    this.#heap.push(entry)
    this.#siftUp(entry)
    return entry
  }

  /** Has no effect if the entry fired or was removed before. */
  remove(entry: Deadline): void {
    const index = entry.heapIndex
    if (index < 0) return
    entry.heapIndex = -1
    const last = this.#heap.pop()!
    if (last === entry) return
    this.#put(last, index)
    this.#siftUp(last)
    this.#sink(last)
  }

  /**
   * Fires the due entries, earliest first; entries that are added meanwhile may wait for the next
   * call.
   */
  fireDue(now: number): void {
    for (let left = this.#heap.length; left > 0; left--) {
      const entry = this.#heap[0]
      if (entry === undefined || entry.at > now) return
      this.remove(entry)
      entry.fire(now)
    }
  }

  #put(entry: Deadline, index: number): void {
    this.#heap[index] = entry
    entry.heapIndex = index
  }

  #siftUp(entry: Deadline): void {
    while (entry.heapIndex > 0) {
      const parent = this.#heap[(entry.heapIndex - 1) >> 1]!
      if (parent.at <= entry.at) return
      const index = entry.heapIndex
      this.#put(entry, parent.heapIndex)
      this.#put(parent, index)
    }
  }

  #sink(entry: Deadline): void {
    for (;;) {
      const left = 2 * entry.heapIndex + 1
      if (left >= this.#heap.length) return
      const right = left + 1
      let child = this.#heap[left]!
      if (right < this.#heap.length && this.#heap[right]!.at < child.at) child = this.#heap[right]!
      if (child.at >= entry.at) return
      const index = entry.heapIndex
      this.#put(entry, child.heapIndex)
      this.#put(child, index)
    }
  }
}
