// The log of one partition: batches as they came, in the order of their offsets. It owns the
// batches' bytes from `append` on: they never change afterwards, and what `read` hands out are
// views of them, good for as long as their reader holds them. Offsets never go back. There is one
// log for all replicas, so the high watermark is always the end; the last stable offset is where
// the oldest open transaction begins.

import { assert } from '../runtime/assert.ts'
import { OpenTransactions } from './open-transactions.ts'

/** A batch that was found good. The bytes hold exactly this batch. */
export interface CheckedBatch {
  readonly bytes: Uint8Array
  readonly recordCount: number
  readonly maxTimestamp: number
}

export interface StoredBatch {
  readonly bytes: Uint8Array
  readonly baseOffset: number
  readonly lastOffset: number
  readonly recordCount: number
  readonly maxTimestamp: number
  readonly leaderEpoch: number
}

/** Only the newest batches are kept, up to these bounds; the newest one stays whatever its size. */
export interface Retention {
  readonly maxBytes: number
  readonly maxRecords: number
}

export interface LogSlice {
  /** Whole batches, from the one that holds the requested offset on. */
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
  /** The offset after them; the requested one where there are none. */
  readonly nextOffset: number
}

const baseOffsetPosition = 0
const leaderEpochPosition = 12

/** Removed batches keep their slots until they are this many and half of the array. */
const compactAt = 1024

/** Stands where a removed batch was, so that its bytes can be collected. */
const removed: StoredBatch = {
  bytes: new Uint8Array(0),
  baseOffset: -1,
  lastOffset: -1,
  recordCount: 0,
  maxTimestamp: -1,
  leaderEpoch: -1,
}

export class PartitionLog {
  /** The newest batches are kept up to so many bytes. */
  maxBytes: number
  readonly #maxRecords: number
  #batches: StoredBatch[] = []
  /** Index of the oldest batch that is kept. */
  #head = 0
  #startOffset = 0
  #endOffset = 0
  #byteLength = 0
  #recordCount = 0
  readonly #waiting = new Set<() => void>()
  readonly transactions = new OpenTransactions()

  constructor(retention: Retention) {
    this.maxBytes = retention.maxBytes
    this.#maxRecords = retention.maxRecords
  }

  /** The oldest offset that can be read. */
  get startOffset(): number {
    return this.#startOffset
  }

  /** The offset that the next record gets. */
  get endOffset(): number {
    return this.#endOffset
  }

  /** Up to here `read_committed` readers may read. */
  get lastStableOffset(): number {
    return this.transactions.lastStableOffset(this.#endOffset)
  }

  get byteLength(): number {
    return this.#byteLength
  }

  /** Takes the batch over, writes its base offset and leader epoch (outside the CRC) into it. */
  append(batch: CheckedBatch, leaderEpoch: number): number {
    assert(batch.recordCount > 0, 'an empty batch is not appended')
    const baseOffset = this.#endOffset
    const { bytes } = batch
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    view.setBigInt64(baseOffsetPosition, BigInt(baseOffset))
    view.setInt32(leaderEpochPosition, leaderEpoch)
    this.#endOffset = baseOffset + batch.recordCount
    this.#batches.push({
      bytes,
      baseOffset,
      lastOffset: this.#endOffset - 1,
      recordCount: batch.recordCount,
      maxTimestamp: batch.maxTimestamp,
      leaderEpoch,
    })
    this.#byteLength += bytes.byteLength
    this.#recordCount += batch.recordCount
    this.#dropOld()
    this.wake()
    return baseOffset
  }

  /**
   * Batches from the one that holds `offset` to before `upTo`, at most `maxBytes`; with
   * `atLeastOne` the first comes whatever its size. The caller checked that the offset is in the
   * log or at its end.
   */
  read(offset: number, upTo: number, maxBytes: number, atLeastOne: boolean): LogSlice {
    assert(offset >= this.#startOffset && offset <= this.#endOffset, 'offset in the log')
    const chunks: Uint8Array[] = []
    let byteLength = 0
    let nextOffset = offset
    for (let index = this.#indexOf(offset); index < this.#batches.length; index++) {
      const { bytes, baseOffset, lastOffset } = this.#batches[index]!
      if (baseOffset >= upTo) break
      const fits = byteLength + bytes.byteLength <= maxBytes
      if (!fits && !(atLeastOne && chunks.length === 0)) break
      chunks.push(bytes)
      byteLength += bytes.byteLength
      nextOffset = lastOffset + 1
    }
    return { chunks, byteLength, nextOffset }
  }

  /** The kept batches, oldest first. */
  *batches(): Generator<StoredBatch> {
    for (let index = this.#head; index < this.#batches.length; index++) {
      yield this.#batches[index]!
    }
  }

  /** The epoch of the newest batch; -1 = none. */
  get lastLeaderEpoch(): number {
    return this.#batches.at(-1)?.leaderEpoch ?? -1
  }

  /** Calls `listener` at each append and at each `wake` until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#waiting.add(listener)
    return () => this.#waiting.delete(listener)
  }

  /** Something that waiting readers should look at happened: an append, or a change of leader. */
  wake(): void {
    for (const listener of [...this.#waiting]) listener()
  }

  #dropOld(): void {
    while (
      this.#head < this.#batches.length - 1 &&
      (this.#byteLength > this.maxBytes || this.#recordCount > this.#maxRecords)
    ) {
      this.#dropOldest()
    }
    this.#compact()
  }

  /** Nothing before this offset can be read any more. The caller checked that it is in the log. */
  deleteBefore(offset: number): void {
    assert(offset >= 0 && offset <= this.#endOffset, 'offset in the log')
    while (this.#head < this.#batches.length && this.#batches[this.#head]!.lastOffset < offset) {
      this.#dropOldest()
    }
    this.#startOffset = Math.max(this.#startOffset, offset)
    this.#compact()
  }

  #dropOldest(): void {
    const oldest = this.#batches[this.#head]!
    this.#byteLength -= oldest.bytes.byteLength
    this.#recordCount -= oldest.recordCount
    this.#batches[this.#head++] = removed
    this.#startOffset = oldest.lastOffset + 1
  }

  #compact(): void {
    this.transactions.forgetBefore(this.#startOffset)
    if (this.#head >= compactAt && this.#head * 2 >= this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head)
      this.#head = 0
    }
  }

  /** Index of the first batch whose last offset is not before `offset`. */
  #indexOf(offset: number): number {
    let low = this.#head
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#batches[middle]!.lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
