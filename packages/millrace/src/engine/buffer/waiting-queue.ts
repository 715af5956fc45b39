// Owns a first-in, first-out queue of waiting entries. Callers: the accumulator has one for entries
// that wait for space, each topic one for records that wait for its metadata, each limited
// partition one. Invariant: an entry that was cancelled or has failed is gone and does not count.
// Gone entries are removed together, so each removal takes constant time on average.

import { assert } from '../../runtime/assert.ts'

/** The part of a queue that its entries use. */
export interface EntryQueue {
  /** One of the entries is gone. */
  onGone(): void
}

export interface QueueEntry {
  readonly isGone: boolean
  /** The queue that contains the entry; set by the queue. */
  queue: EntryQueue | null
}

/** Limit of the gone entries that may stay in the queue. */
const goneMax = 32

export class WaitingQueue<Entry extends QueueEntry> implements EntryQueue {
  #entries: Entry[] = []
  #head = 0
  #length = 0

  /** Entries that are not gone. */
  get length(): number {
    return this.#length
  }

  get first(): Entry | undefined {
    while (this.#entries[this.#head]?.isGone) this.#advance()
    return this.#entries[this.#head]
  }

  push(entry: Entry): void {
    this.#entries.push(entry)
    this.#length++
    entry.queue = this
  }

  shift(): Entry {
    const entry = this.first
    assert(entry !== undefined, 'shift needs an entry')
    this.#advance()
    this.#release(entry)
    return entry
  }

  /** The second entry. */
  get second(): Entry | undefined {
    return this.#entries[this.#head + 1]
  }

  /**
   * Removes entries after the first `skipped` ones while `isSelected` is true or they are gone;
   * returns those that are not gone, in order.
   */
  takeWhile(skipped: number, isSelected: (entry: Entry) => boolean): Entry[] {
    const start = this.#head + skipped
    let end = start
    for (; end < this.#entries.length; end++) {
      const entry = this.#entries[end]!
      if (!entry.isGone && !isSelected(entry)) break
    }
    return this.#released(this.#entries.splice(start, end - start))
  }

  /** Removes all entries; returns those that are not gone, in order. */
  takeAll(): Entry[] {
    const all = this.#entries.slice(this.#head)
    this.#entries = []
    this.#head = 0
    return this.#released(all)
  }

  /** Removes the selected entries; returns those that are not gone, in order. */
  takeIf(isSelected: (entry: Entry) => boolean): Entry[] {
    const live = this.#entries.slice(this.#head).filter((entry) => !entry.isGone)
    this.#entries = live.filter((entry) => !isSelected(entry))
    this.#head = 0
    return this.#released(live.filter(isSelected))
  }

  onGone(): void {
    this.#length--
    const stored = this.#entries.length - this.#head
    if (stored - this.#length <= Math.max(goneMax, this.#length)) return
    this.#entries = this.#entries.slice(this.#head).filter((entry) => !entry.isGone)
    this.#head = 0
  }

  #advance(): void {
    this.#head++
    if (this.#head < 1024 || this.#head * 2 < this.#entries.length) {
      if (this.#head < this.#entries.length) return
    }
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }

  #release(entry: Entry): void {
    entry.queue = null
    this.#length--
  }

  #released(entries: readonly Entry[]): Entry[] {
    const live = entries.filter((entry) => !entry.isGone)
    for (const entry of live) this.#release(entry)
    return live
  }
}
