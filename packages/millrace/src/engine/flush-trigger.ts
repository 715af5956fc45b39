// Flushing as sarama does it: instead of natural batching, open batches are held until the producer
// as a whole holds so many records or bytes, or until an interval after the first of them is over.
// What is held counts: a batch that is full, or released, has left. The engine owns it, tells it of
// batches and records, and releases early where somebody waits: flush(), close(), no room in the
// buffer.
//
// Invariant: a held batch has no deadline. Its delivery time begins when it is released, for until
// then it waits because it was told to.

import { batchHeaderBytes } from '../protocol/records/layout.ts'
import type { Batch } from './batch.ts'
import type { Deadline, Deadlines } from './deadlines.ts'
import type { FlushSettings } from './settings.ts'

export interface FlushTriggerOwner {
  readonly deadlines: Deadlines
  now(): number
  /** The batch's delivery time begins. */
  startDeadline(batch: Batch): void
  wake(): void
}

export class FlushTrigger {
  readonly #settings: FlushSettings
  readonly #owner: FlushTriggerOwner
  readonly #held = new Set<Batch>()
  /** What the held batches have. */
  #records = 0
  #bytes = 0
  /** Rises at each release; batches opened before it may go. */
  #releases = 0
  #interval: Deadline | null = null

  constructor(settings: FlushSettings, owner: FlushTriggerOwner) {
    this.#settings = settings
    this.#owner = owner
  }

  /** Whether the batch was opened before the last release. */
  covers(batch: Batch): boolean {
    return batch.releaseStamp < this.#releases
  }

  onBatchOpened(batch: Batch): void {
    batch.releaseStamp = this.#releases
    batch.deadline = Number.POSITIVE_INFINITY
    this.#held.add(batch)
  }

  /** The batch goes out: it was released, or is full. */
  onBatchSealed(batch: Batch): void {
    if (!this.#held.has(batch)) return
    this.onBatchGone(batch)
    this.#owner.startDeadline(batch)
  }

  /** Nothing of it is held any more: it goes out, or it failed. */
  onBatchGone(batch: Batch): void {
    if (!this.#held.delete(batch)) return
    this.#records -= batch.recordCount
    this.#bytes -= batch.size - batchHeaderBytes
    if (this.#records === 0) this.#stopInterval()
  }

  /**
   * Counts a record, unless its batch was released before. The interval is measured from `since`.
   */
  onAppended(batch: Batch, bytes: number, since: number | null): void {
    if (!this.#held.has(batch)) return
    const { records, bytes: bytesMax, intervalMs } = this.#settings
    this.#records++
    this.#bytes += bytes
    if ((records > 0 && this.#records >= records) || (bytesMax > 0 && this.#bytes >= bytesMax)) {
      this.release()
    } else if (this.#records === 1 && intervalMs > 0) {
      const { deadlines } = this.#owner
      const start = since ?? this.#owner.now()
      this.#interval = deadlines.add(start + intervalMs, () => this.release())
      this.#owner.wake()
    }
  }

  /** Lets everything go that is open now. */
  release(): void {
    this.#records = 0
    this.#bytes = 0
    this.#releases++
    this.#stopInterval()
    for (const batch of this.#held) this.#owner.startDeadline(batch)
    this.#held.clear()
    this.#owner.wake()
  }

  #stopInterval(): void {
    if (this.#interval !== null) this.#owner.deadlines.remove(this.#interval)
    this.#interval = null
  }
}
