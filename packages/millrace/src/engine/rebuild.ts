// Batches made anew from the uncompressed records of another: without some of its records, or as
// two. The one place where records move between buffers.

import { Batch } from './batch.ts'
import type { BufferPool } from './buffer-pool.ts'
import { copyRecords } from './record-cursor.ts'

const emptyCopy = (source: Batch, ordinal: number, pool: BufferPool): Batch =>
  new Batch(
    source.queue,
    ordinal,
    pool.acquire(Math.min(source.size, source.buffer.length)),
    source.createdAt,
    source.deadline,
    source.flushGeneration,
  )

/**
 * Leaves in the batch only the records that `keep` chooses. It must be numbered, compressed and
 * given its header anew. Returns by how much its cost fell. `bufferIsFree` = no socket can still
 * read the old bytes.
 */
export const keepRecords = (
  batch: Batch,
  keep: (index: number) => boolean,
  pool: BufferPool,
  bufferIsFree: boolean,
): number => {
  const costBefore = batch.cost
  const rebuilt = emptyCopy(batch, batch.ordinal, pool)
  copyRecords(batch, keep, rebuilt, pool)
  const old = batch.replaceContent(rebuilt)
  if (bufferIsFree) pool.release(old)
  return costBefore - batch.cost
}

/**
 * Moves the later half of the records into a new batch right behind it. Numbers stay: the
 * second piece continues where the first one ends.
 */
export const splitInTwo = (batch: Batch, pool: BufferPool): Batch => {
  const half = Math.ceil(batch.recordCount / 2)
  batch.ordinalSpan /= 2
  const second = emptyCopy(batch, batch.ordinal + batch.ordinalSpan, pool)
  second.ordinalSpan = batch.ordinalSpan
  copyRecords(batch, (index) => index >= half, second, pool)
  second.laterHalf = batch.laterHalf
  batch.laterHalf = second
  second.attempts = batch.attempts
  second.sentAt = batch.sentAt
  second.maybeWritten = batch.maybeWritten
  second.maybeInLog = batch.maybeInLog
  if (batch.baseSequence >= 0) {
    second.producerId = batch.producerId
    second.epoch = batch.epoch
    second.baseSequence = (batch.baseSequence + half) % 2 ** 31
  }
  keepRecords(batch, (index) => index < half, pool, true)
  return second
}
