// Owns the reading of an unsettled batch's records in their uncompressed form: for the sizes and
// timestamps of results, and to copy records when a batch is rebuilt. Callers: Settlement,
// Delivery, BatchRebuild. Invariant: it reads only what Batch has written, so it checks nothing.

import { batchHeaderBytes } from '../../protocol/records/layout.ts'
import type { Batch } from './batch.ts'
import type { BufferPool } from './buffer-pool.ts'

export class RecordCursor {
  readonly #bytes: Uint8Array
  #position = batchHeaderBytes
  readonly #baseTimestamp: number
  timestamp = 0
  /** -1 = no key. */
  keyBytes = -1
  /** -1 = null. */
  valueBytes = -1
  contentStart = 0
  contentEnd = 0

  constructor(batch: Batch) {
    this.#bytes = batch.buffer
    this.#baseTimestamp = batch.baseTimestamp
  }

  /** Moves to the next record. */
  next(): void {
    const end = this.#varint() + this.#position
    this.#position++ // attributes
    this.timestamp = this.#baseTimestamp + this.#varlong()
    this.#varint() // offset delta
    this.contentStart = this.#position
    this.keyBytes = this.#varint()
    if (this.keyBytes > 0) this.#position += this.keyBytes
    this.valueBytes = this.#varint()
    this.contentEnd = end
    this.#position = end
  }

  /** Key, value and headers of the current record in their encoded form; a view. */
  get content(): Uint8Array {
    return this.#bytes.subarray(this.contentStart, this.contentEnd)
  }

  #varint(): number {
    let result = 0
    let shift = 0
    for (;;) {
      const byte = this.#bytes[this.#position++]!
      result |= (byte & 0x7f) << shift
      if (byte < 0x80) return (result >>> 1) ^ -(result & 1)
      shift += 7
    }
  }

  #varlong(): number {
    let result = 0
    let factor = 1
    for (;;) {
      const byte = this.#bytes[this.#position++]!
      result += (byte & 0x7f) * factor
      if (byte < 0x80) return result % 2 === 0 ? result / 2 : -(result + 1) / 2
      factor *= 0x80
    }
  }
}

/** Copies the records that `keep` selects into `target`, in order, with their settles. */
export const copyRecords = (
  source: Batch,
  keep: (index: number) => boolean,
  target: Batch,
  pool: BufferPool,
): void => {
  const cursor = new RecordCursor(source)
  for (let index = 0; index < source.recordCount; index++) {
    cursor.next()
    if (!keep(index)) continue
    const settle = source.settleOf(index)
    target.appendEncoded(cursor.content, cursor.timestamp, settle, source.tagOf(index), pool)
  }
}
