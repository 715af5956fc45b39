// Owns the steps that make a sealed batch ready to be sent: it removes cancelled records, and
// compresses if there is a codec that the leader supports. Callers: Dispatcher when it seals a
// batch, BrokerPump when records were cancelled later, Delivery after a split or another codec.
//
//   sealed ─▶ [without its dropped records] ─▶ compressing ─▶ ready
//
// Invariant: a batch is ready only without its dropped records.

import { keepRecords } from '../batch/batch-rebuild.ts'
import type { BufferPool } from '../batch/buffer-pool.ts'
import type { MemoryBudget } from '../batch/memory-budget.ts'
import type { ClusterPort } from '../ports.ts'
import type { QueuedBatch } from './partition-queue.ts'

export interface BatchPreparationEvents {
  /** The batch is ready: its partition may have something to send. */
  onReady(batch: QueuedBatch): void
  /** Every record of the batch was cancelled: nothing is left to send. */
  onEmptied(batch: QueuedBatch): void
  onCompressionFailed(batch: QueuedBatch, cause: Error): void
}

export class BatchPreparation {
  readonly #cluster: ClusterPort
  readonly #pool: BufferPool
  readonly #budget: MemoryBudget
  readonly #events: BatchPreparationEvents

  constructor(
    cluster: ClusterPort,
    pool: BufferPool,
    budget: MemoryBudget,
    events: BatchPreparationEvents,
  ) {
    this.#cluster = cluster
    this.#pool = pool
    this.#budget = budget
    this.#events = events
  }

  prepare(batch: QueuedBatch): void {
    if (batch.hasDropped && !this.#removeDropped(batch)) return
    const { topic, leaderId } = batch.queue
    const link = this.#cluster.link(leaderId)
    const compression = topic.compressionFor(link?.ready === true ? link.produceVersion : -1)
    if (compression === null) {
      batch.useCompressed(0, null)
      batch.transition('ready')
      return
    }
    batch.transition('compressing')
    compression.compress(batch.records, (error, compressed) => {
      if (batch.state !== 'compressing') return
      if (error !== null) this.#events.onCompressionFailed(batch, error)
      else if (batch.hasDropped) this.prepareAgain(batch)
      else {
        batch.useCompressed(compression.codecId, compressed)
        batch.transition('ready')
        this.#events.onReady(batch)
      }
    })
  }

  /** A batch that was ready has lost records. */
  prepareAgain(batch: QueuedBatch): void {
    batch.transition('sealed')
    this.prepare(batch)
  }

  /** Removes the dropped records; false = no record is left. */
  #removeDropped(batch: QueuedBatch): boolean {
    batch.queue.dropNumber(batch)
    this.#budget.release(keepRecords(batch, (index) => !batch.isDropped(index), this.#pool))
    if (batch.recordCount > 0) return true
    batch.queue.remove(batch)
    this.#events.onEmptied(batch)
    return false
  }
}
