// Flushing as sarama does it: instead of natural batching, open batches wait until the producer as a
// whole holds so many records or bytes, or until an interval after the first of them is over. Counted
// from the first record after the last release.

import type { FlushSettings } from './settings.ts'

export class FlushTrigger {
  readonly #settings: FlushSettings
  #records = 0
  #bytes = 0
  /** Rises at each release; batches opened before it may go. */
  #releases = 0

  constructor(settings: FlushSettings) {
    this.#settings = settings
  }

  /** Stamps a new batch. */
  get releases(): number {
    return this.#releases
  }

  /** Whether a batch with this stamp was opened before the last release. */
  covers(stamp: number): boolean {
    return stamp < this.#releases
  }

  /**
   * Counts a record. Answers what follows: `'first'` starts the interval, `'release'` means that the
   * caller should wake the pumps.
   */
  count(bytes: number): 'first' | 'release' | 'none' {
    const { records, bytes: bytesMax } = this.#settings
    this.#records++
    this.#bytes += bytes
    if ((records > 0 && this.#records >= records) || (bytesMax > 0 && this.#bytes >= bytesMax)) {
      this.release()
      return 'release'
    }
    return this.#records === 1 ? 'first' : 'none'
  }

  get intervalMs(): number {
    return this.#settings.intervalMs
  }

  /** Lets everything go that is open now. */
  release(): void {
    this.#records = 0
    this.#bytes = 0
    this.#releases++
  }
}
