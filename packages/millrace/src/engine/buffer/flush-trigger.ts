// Owns which open batches are held back by the flush settings, which replace natural batching as in
// sarama: batches are held until the producer holds a number of records or bytes, or until an
// interval after the first of them has passed. Caller: Engine, which reports batches and records,
// and releases early for flush(), close() and a full buffer.
//
// Invariant: a held batch has no deadline. Its delivery timeout begins when it is released, because
// until then it waits by the user's settings.

import { batchHeaderBytes } from '../../protocol/records/layout.ts'
import type { Deadline, Deadlines } from '../deadlines.ts'
import type { IncompleteBatches } from '../delivery/incomplete-batches.ts'
import type { QueuedBatch } from '../dispatch/partition-queue.ts'
import type { EngineHost, EngineSettings, FlushSettings } from '../settings.ts'

export interface FlushTriggerEvents {
  /** No batch is held any more. */
  onReleased(): void
  wake(): void
}

export class FlushTrigger {
  readonly #limits: FlushSettings
  readonly #deliveryTimeoutMs: number
  readonly #host: EngineHost
  readonly #deadlines: Deadlines
  readonly #incomplete: IncompleteBatches
  readonly #events: FlushTriggerEvents
  readonly #held = new Set<QueuedBatch>()
  /** The records and bytes of the held batches. */
  #records = 0
  #bytes = 0
  #interval: Deadline | null = null

  /** Null if the settings hold nothing back. */
  static of(
    { flush, deliveryTimeoutMs }: EngineSettings,
    host: EngineHost,
    deadlines: Deadlines,
    incomplete: IncompleteBatches,
    events: FlushTriggerEvents,
  ): FlushTrigger | null {
    // With a limit of records per batch only, batches are smaller and are not held back.
    if (flush === null || flush.records + flush.bytes + flush.intervalMs === 0) return null
    return new FlushTrigger(flush, deliveryTimeoutMs, host, deadlines, incomplete, events)
  }

  private constructor(
    limits: FlushSettings,
    deliveryTimeoutMs: number,
    host: EngineHost,
    deadlines: Deadlines,
    incomplete: IncompleteBatches,
    events: FlushTriggerEvents,
  ) {
    this.#limits = limits
    this.#deliveryTimeoutMs = deliveryTimeoutMs
    this.#host = host
    this.#deadlines = deadlines
    this.#incomplete = incomplete
    this.#events = events
  }

  /** True if the open batch must wait. */
  holds(batch: QueuedBatch): boolean {
    return this.#held.has(batch)
  }

  onBatchOpened(batch: QueuedBatch): void {
    batch.suspendDeadline()
    this.#held.add(batch)
  }

  /** The batch will be sent: it was released, or is full. */
  onBatchSealed(batch: QueuedBatch): void {
    if (!this.#held.has(batch)) return
    this.onBatchGone(batch)
    this.#startDeadline(batch)
  }

  /** The batch is not held any more: it was sealed, or it failed. */
  onBatchGone(batch: QueuedBatch): void {
    if (!this.#held.delete(batch)) return
    this.#records -= batch.recordCount
    this.#bytes -= batch.size - batchHeaderBytes
    if (this.#records === 0) this.#stopInterval()
  }

  /** Counts a record, unless its batch was released before. The interval begins at `since`. */
  onAppended(batch: QueuedBatch, bytes: number, since: number | null): void {
    if (!this.#held.has(batch)) return
    const { records, bytes: bytesMax, intervalMs } = this.#limits
    this.#records++
    this.#bytes += bytes
    if ((records > 0 && this.#records >= records) || (bytesMax > 0 && this.#bytes >= bytesMax)) {
      this.release()
    } else if (this.#records === 1 && intervalMs > 0) {
      const start = since ?? this.#host.now()
      this.#interval = this.#deadlines.add(start + intervalMs, () => this.release())
      this.#events.wake()
    }
  }

  /** Releases every batch that is open now. */
  release(): void {
    this.#records = 0
    this.#bytes = 0
    this.#stopInterval()
    for (const batch of this.#held) this.#startDeadline(batch)
    this.#held.clear()
    this.#events.onReleased()
  }

  /** The delivery timeout of the batch begins. */
  #startDeadline(batch: QueuedBatch): void {
    batch.startDeadline(this.#host.now() + this.#deliveryTimeoutMs)
    this.#incomplete.watchDeadline(batch)
  }

  #stopInterval(): void {
    if (this.#interval !== null) this.#deadlines.remove(this.#interval)
    this.#interval = null
  }
}
