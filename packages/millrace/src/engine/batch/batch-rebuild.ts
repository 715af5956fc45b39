// Owns the rebuilding of batches from their uncompressed records: without some records, or as two
// halves. Callers: BatchPreparation (records were cancelled), Delivery (a batch is too large, or a
// broker rejected records). Invariant: no other file moves records between buffers.

import { Batch, type PartitionReference } from './batch.ts'
import type { BufferPool } from './buffer-pool.ts'
import { copyRecords } from './record-cursor.ts'

const emptyCopy = <Queue extends PartitionReference>(
  source: Batch<Queue>,
  ordinal: number,
  pool: BufferPool,
): Batch<Queue> =>
  new Batch(
    source.queue,
    ordinal,
    pool.acquire(Math.min(source.size, source.buffer.length)),
    source.createdAt,
    source.deadline,
    source.flushGeneration,
  )

/**
 * Keeps only the records that `keep` selects. The batch then needs a new sequence number,
 * compression and header. Returns by how much its cost decreased. No socket may still read the old
 * bytes, because their buffer returns to the pool.
 */
export const keepRecords = <Queue extends PartitionReference>(
  batch: Batch<Queue>,
  keep: (index: number) => boolean,
  pool: BufferPool,
): number => {
  const costBefore = batch.cost
  const rebuilt = emptyCopy(batch, batch.ordinal, pool)
  copyRecords(batch, keep, rebuilt, pool)
  pool.release(batch.replaceContent(rebuilt))
  return costBefore - batch.cost
}

/**
 * Moves the second half of the records into a new batch after this one. Sequence numbers do not
 * change: the second half continues where the first one ends.
 */
export const splitInTwo = <Queue extends PartitionReference>(
  batch: Batch<Queue>,
  pool: BufferPool,
): Batch<Queue> => {
  const half = Math.ceil(batch.recordCount / 2)
  const later = emptyCopy(batch, batch.middleOrdinal, pool)
  copyRecords(batch, (index) => index >= half, later, pool)
  batch.shareWithLaterHalf(later, half)
  keepRecords(batch, (index) => index < half, pool)
  return later
}
