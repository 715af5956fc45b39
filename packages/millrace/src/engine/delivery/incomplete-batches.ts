// Owns the set of unsettled batches and the earliest time at which one of them expires. A batch
// whose result is known stays until all its records are notified. Callers: Accumulator and Delivery
// add, BatchFailures iterates, Engine deletes settled batches. Invariant: each unsettled batch is
// in the set.

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

  /** No batch expires before this time. */
  get nextDeadline(): number {
    return this.#nextDeadline
  }

  add(batch: QueuedBatch): void {
    this.#generations.enter(batch.flushGeneration)
    this.#batches.add(batch)
    this.watchDeadline(batch)
  }

  /** The second half of a batch that was split. */
  addPiece(batch: QueuedBatch): void {
    this.add(batch)
  }

  delete(batch: QueuedBatch): void {
    this.#generations.leave(batch.flushGeneration)
    this.#batches.delete(batch)
    if (this.#batches.size === 0) this.#nextDeadline = Number.POSITIVE_INFINITY
  }

  /** The deadline of the batch changed. */
  watchDeadline(batch: QueuedBatch): void {
    this.#nextDeadline = Math.min(this.#nextDeadline, batch.deadline)
  }

  /** The batches; one of them may settle during an iteration. */
  list(): QueuedBatch[] {
    return [...this.#batches].filter((batch) => batch.state !== 'settled')
  }

  /** The expired batches. */
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
