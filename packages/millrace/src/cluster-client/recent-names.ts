// Owns the names of topics that were requested within a time window, oldest first. A topic that is
// forgotten and requested repeatedly is therefore not treated as new each time. Caller:
// RequestedTopics. Invariant: the order of insertion is the order of time.

export class RecentNames {
  readonly #windowMs: number
  /** When each name was added last, oldest first. */
  readonly #addedAtMs = new Map<string, number>()

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  has(name: string, nowMs: number): boolean {
    const addedAtMs = this.#addedAtMs.get(name)
    return addedAtMs !== undefined && nowMs - addedAtMs < this.#windowMs
  }

  add(name: string, nowMs: number): void {
    this.#addedAtMs.delete(name)
    this.#addedAtMs.set(name, nowMs)
  }

  /** Removes names that are older than the window. */
  prune(nowMs: number): void {
    for (const [name, addedAtMs] of this.#addedAtMs) {
      if (nowMs - addedAtMs < this.#windowMs) return
      this.#addedAtMs.delete(name)
    }
  }
}
