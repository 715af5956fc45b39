// A queue, first in, first out: the accumulator has one of entries that wait for buffer space, each
// topic has one of records that wait for its metadata. An entry that is cancelled or has failed is
// gone: it no longer counts, and is removed together with others, so that each removal takes
// constant time on average.

import { assert } from '../../runtime/assert.ts'

/** Part of a queue that its entries know. */
export interface EntryQueue {
  /** One of the entries is gone now. */
  onGone(): void
}

export interface QueueEntry {
  readonly isGone: boolean
  /** The queue that the entry is in; set by the queue. */
  queue: EntryQueue | null
}

/** So many entries that are gone may stay. */
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

  /** The entry behind the first one. */
  get second(): Entry | undefined {
    return this.#entries[this.#head + 1]
  }

  /**
   * Removes entries behind the first `skipped` ones, for as long as `isWanted` holds or they are
   * gone; returns those that are not gone, in order.
   */
  takeWhile(skipped: number, isWanted: (entry: Entry) => boolean): Entry[] {
    const start = this.#head + skipped
    let end = start
    for (; end < this.#entries.length; end++) {
      const entry = this.#entries[end]!
      if (!entry.isGone && !isWanted(entry)) break
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

  /** Removes the entries for which it holds; returns those that are not gone, in order. */
  takeIf(isWanted: (entry: Entry) => boolean): Entry[] {
    const live = this.#entries.slice(this.#head).filter((entry) => !entry.isGone)
    this.#entries = live.filter((entry) => !isWanted(entry))
    this.#head = 0
    return this.#released(live.filter(isWanted))
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
