// Makes sealed batches ready to be sent: takes the records out that their callers gave up on, and
// compresses where there is a codec. Callers: Engine when it seals, Delivery when a batch is cut,
// Pump when records were dropped since.
//
//   sealed ─▶ [without its dropped records] ─▶ compressing ─▶ ready

import { KafkaError } from '../protocol/kafka-error.ts'
import type { Batch } from './batch.ts'
import { batchContext } from './batch-errors.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { Delivery } from './delivery.ts'
import type { PartitionQueue } from './partition-queue.ts'
import { keepRecords } from './rebuild.ts'
import type { EngineHost, EngineSettings } from './settings.ts'
import type { Settlement } from './settlement.ts'

export interface PreparationOwner {
  readonly settings: EngineSettings
  readonly host: EngineHost
  readonly settlement: Settlement
  readonly delivery: Delivery
  readonly pool: BufferPool
  /** The partition may have something to send. */
  offer(queue: PartitionQueue): void
  /** A batch lost records. */
  onCostChange(difference: number): void
  wake(): void
}

export class Preparation {
  readonly #owner: PreparationOwner

  constructor(owner: PreparationOwner) {
    this.#owner = owner
  }

  prepare(batch: Batch): void {
    if (batch.dropped !== null && !this.#removeDropped(batch)) return
    const { compression } = this.#owner.settings
    if (compression === null) {
      batch.useCompressed(0, null)
      batch.transition('ready')
      return
    }
    batch.transition('compressing')
    compression.compress(batch.records, (error, compressed) => {
      if (batch.state !== 'compressing') return
      if (error !== null) this.#failCompression(batch, error)
      else if (batch.dropped !== null) this.prepareAgain(batch)
      else {
        batch.useCompressed(compression.codecId, compressed)
        batch.transition('ready')
        this.#owner.offer(batch.queue)
      }
    })
  }

  /** A batch that was ready has lost records since. */
  prepareAgain(batch: Batch): void {
    batch.transition('sealed')
    this.prepare(batch)
  }

  /** Takes the dropped records out; false = none is left, and the batch is settled. */
  #removeDropped(batch: Batch): boolean {
    const { pool, settlement } = this.#owner
    const dropped = batch.dropped!
    batch.queue.dropNumber(batch)
    this.#owner.onCostChange(keepRecords(batch, (index) => !dropped.has(index), pool, true))
    if (batch.recordCount > 0) return true
    batch.queue.removeWaiting(batch)
    settlement.settleBatch({ batch, error: null, baseOffset: -1, logAppendTime: -1 })
    // Those behind it have their turn.
    this.#owner.offer(batch.queue)
    return false
  }

  #failCompression(batch: Batch, cause: Error): void {
    const context = { ...batchContext(batch, this.#owner.host.now()), cause }
    const message = `a batch could not be compressed: ${cause.message}`
    this.#owner.delivery.fail(batch, new KafkaError('COMPRESSION_FAILED', message, context))
    this.#owner.wake()
  }
}
