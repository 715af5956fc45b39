// Every batch that is not settled, and the earliest moment at which one of them expires. Batches
// whose records were decided, but not all notified yet, still count. Callers: Accumulator and
// Delivery add, BatchFailures walks, Engine deletes when a batch has settled.

import type { QueuedBatch } from '../dispatch/partition-queue.ts'
import type { FlushGenerations } from './flush-generations.ts'

export class IncompleteBatches {
  readonly #generations: FlushGenerations
  readonly #batches = new Set<QueuedBatch>()
  #nextDeadline = Number.POSITIVE_INFINITY

  constructor(generations: FlushGenerations) {
    this.#generations = generations
  }

  get size(): number {
    return this.#batches.size
  }

  /** No batch expires before this moment. */
  get nextDeadline(): number {
    return this.#nextDeadline
  }

  add(batch: QueuedBatch): void {
    this.#generations.enter(batch.flushGeneration)
    this.#batches.add(batch)
    this.watchDeadline(batch)
  }

  /** The later half of a batch that was split. */
  addPiece(batch: QueuedBatch): void {
    this.add(batch)
  }

  delete(batch: QueuedBatch): void {
    this.#generations.leave(batch.flushGeneration)
    this.#batches.delete(batch)
    if (this.#batches.size === 0) this.#nextDeadline = Number.POSITIVE_INFINITY
  }

  /** The batch has another deadline now. */
  watchDeadline(batch: QueuedBatch): void {
    this.#nextDeadline = Math.min(this.#nextDeadline, batch.deadline)
  }

  /** Settling one of them while walking is safe. */
  list(): QueuedBatch[] {
    return [...this.#batches].filter((batch) => batch.state !== 'settled')
  }

  /** The batches whose time is over. */
  takeExpired(now: number): QueuedBatch[] {
    if (now < this.#nextDeadline) return []
    this.#nextDeadline = Number.POSITIVE_INFINITY
    const expired: QueuedBatch[] = []
    for (const batch of this.list()) {
      if (now < batch.deadline) this.watchDeadline(batch)
      else expired.push(batch)
    }
    return expired
  }
}
