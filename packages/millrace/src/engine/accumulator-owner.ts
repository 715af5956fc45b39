// What the accumulator asks of the engine that owns it.

import type { Batch } from './batch.ts'
import type { FlushGenerations } from './flush-generations.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { ClusterPort } from './ports.ts'
import type { EngineHost, EngineSettings } from './settings.ts'
import type { RecordFailure } from './settlement.ts'

export interface AccumulatorOwner {
  readonly settings: EngineSettings
  readonly host: EngineHost
  readonly cluster: ClusterPort
  readonly generations: FlushGenerations
  /** The queue's open batch got a record, or it has batches to send. */
  offer(queue: PartitionQueue): void
  /** Seals the open batch, full or wanted. */
  seal(queue: PartitionQueue): void
  onBatchCreated(batch: Batch): void
  /** A record was appended, which had waited since then (null = it had not). */
  onAppended(batch: Batch, bytes: number, since: number | null): void
  /** There is no room: what is open goes out now, whatever it was to wait for. */
  onFull(): void
  /** Something that waited no longer does: there may be room, to be looked at in the next step. */
  onLeftLine(): void
  failRecord(failure: RecordFailure): void
  /** Something waits that has a time limit. */
  onWaiting(until: number): void
}
