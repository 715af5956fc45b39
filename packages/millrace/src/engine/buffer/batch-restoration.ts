// Owns the restoring of a batch that an earlier process numbered and may have sent: the same
// records with the same producer id, epoch and sequence number, so that the broker recognizes
// duplicates. A batch without a number (-1) gets a new one when it is sent. Caller: Engine, for the
// producer's spool. Invariant: it runs before any other record of the partition is appended.

import type { ProducerId } from '../../protocol/producer-id.ts'
import { assert } from '../../runtime/assert.ts'
import { Batch } from '../batch/batch.ts'
import type { BufferPool } from '../batch/buffer-pool.ts'
import type { MemoryBudget } from '../batch/memory-budget.ts'
import type { FlushGenerations } from '../delivery/flush-generations.ts'
import type { IncompleteBatches } from '../delivery/incomplete-batches.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { QueuedBatch } from '../dispatch/partition-queue.ts'
import type { Measurements } from '../metrics/measurements.ts'
import type { Settle } from '../record.ts'
import type { EngineHost, EngineSettings } from '../settings.ts'
import type { TopicDirectory } from './topic-directory.ts'

/** A record in the encoding of a batch. */
export interface EncodedRecord {
  readonly id: number
  readonly timestamp: number
  /** The encoded key, value and headers. */
  readonly content: Uint8Array
}

export interface RestorableBatch {
  readonly topic: string
  readonly partition: number
  readonly producerId: ProducerId
  readonly epoch: number
  readonly baseSequence: number
  readonly records: readonly EncodedRecord[]
}

/** The parts of the engine that restoring a batch needs. */
export interface RestorationParts {
  readonly settings: EngineSettings
  readonly host: EngineHost
  readonly topics: TopicDirectory
  readonly pool: BufferPool
  readonly budget: MemoryBudget
  readonly generations: FlushGenerations
  readonly incomplete: IncompleteBatches
  readonly dispatcher: Dispatcher
  readonly measurements: Measurements
}

/** Adds the batch to its partition's queue; null = the topic has no such partition. */
export const restoreBatch = (
  parts: RestorationParts,
  { topic, partition, records, baseSequence, ...identity }: RestorableBatch,
  settleOf: (recordId: number) => Settle | null,
): QueuedBatch | null => {
  const queue = parts.topics.find(topic)?.queues[partition]
  if (queue === undefined) return null
  assert(queue.open === null, 'a batch is restored before others are made')
  const { settings, host, pool, generations, incomplete, budget, dispatcher, measurements } = parts
  const now = host.now()
  const deadline = now + settings.deliveryTimeoutMs
  const buffer = pool.acquire(queue.topic.batchBytes)
  const batch: QueuedBatch = new Batch(
    queue,
    queue.takeOrdinal(),
    buffer,
    now,
    deadline,
    generations.current,
  )
  for (const { id, timestamp, content } of records) {
    batch.appendEncoded(content, timestamp, settleOf(id), id, pool)
  }
  if (baseSequence >= 0) batch.restoreAttempt(identity, baseSequence)
  budget.take(batch.cost)
  measurements.recordsSent += records.length
  queue.openBatch(batch)
  incomplete.add(batch)
  dispatcher.seal(queue)
  return batch
}
