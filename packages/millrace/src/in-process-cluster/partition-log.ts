// The log of one partition: batches in the order of their offsets. From `append` on it owns a
// batch's bytes, which never change afterwards; `read` returns views of them, which stay valid.
// Offsets never decrease. All replicas share the log, so the high watermark is always the end
// offset; the last stable offset is the start of the oldest open transaction. topic.ts owns it.

import { assert } from '../runtime/assert.ts'
import { OpenTransactions } from './open-transactions.ts'

/** A valid batch; the bytes contain exactly this batch. */
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

/** Only the latest batches are kept, up to these limits; the last one is kept whatever its size. */
export interface Retention {
  readonly maxBytes: number
  readonly maxRecords: number
}

export interface LogSlice {
  /** Whole batches, beginning with the batch that contains the requested offset. */
  readonly chunks: readonly Uint8Array[]
  readonly byteLength: number
  /** The offset after them, or the requested one if there are none. */
  readonly nextOffset: number
}

const baseOffsetPosition = 0
const leaderEpochPosition = 12

/**
 * The slots of removed batches are freed once there are this many and they are half of the array.
 */
const compactAt = 1024

/** Replaces a removed batch, so that its bytes can be garbage-collected. */
const removed: StoredBatch = {
  bytes: new Uint8Array(0),
  baseOffset: -1,
  lastOffset: -1,
  recordCount: 0,
  maxTimestamp: -1,
  leaderEpoch: -1,
}

export class PartitionLog {
  /** The maximum total size of the kept batches. */
  maxBytes: number
  readonly #maxRecords: number
  #batches: StoredBatch[] = []
  /** The index of the oldest kept batch. */
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

  /** The first offset that can be read. */
  get startOffset(): number {
    return this.#startOffset
  }

  /** The offset of the next record. */
  get endOffset(): number {
    return this.#endOffset
  }

  /** `read_committed` readers may read up to this offset. */
  get lastStableOffset(): number {
    return this.transactions.lastStableOffset(this.#endOffset)
  }

  get byteLength(): number {
    return this.#byteLength
  }

  /**
   * Takes ownership of the batch; writes its base offset and leader epoch, which are not part of
   * the CRC.
   */
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
   * The batches from the one that contains `offset` to before `upTo`, at most `maxBytes`. With
   * `atLeastOne` the first batch is returned whatever its size. The caller has checked that the
   * offset is in the log or at its end.
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

  /** The leader epoch of the latest batch; -1 = none. */
  get lastLeaderEpoch(): number {
    return this.#batches.at(-1)?.leaderEpoch ?? -1
  }

  /** Calls `listener` at each append and each `wake` until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#waiting.add(listener)
    return () => this.#waiting.delete(listener)
  }

  /** Wakes waiting readers after an append or a leader change. */
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

  /** Deletes the records before this offset. The caller has checked that it is in the log. */
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

  /** The index of the first batch whose last offset is not before `offset`. */
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
