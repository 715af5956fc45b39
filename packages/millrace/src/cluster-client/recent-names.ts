// Remembers for a while which names were asked for, so that a topic that is given up and wanted
// again all the time is not taken for a new one each time. Owned by Metadata.

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

  /** Drops what is older than the window. */
  prune(nowMs: number): void {
    for (const [name, addedAtMs] of this.#addedAtMs) {
      if (nowMs - addedAtMs < this.#windowMs) return
      this.#addedAtMs.delete(name)
    }
  }
}
