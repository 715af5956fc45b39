// Owns the bytes of one record batch and the result receivers of its records. Records are encoded
// when they are appended, after space for the header. The state is in `batch-progress.ts`. The
// uncompressed bytes stay until the batch settles: `batch-rebuild.ts` needs them, and results
// contain the records' sizes. Callers: Accumulator (append), BatchPreparation (compression),
// PartitionQueue (header), Settlement (results). Invariant: fields change through these methods
// only.

import { varintSize, varlongSize } from '../../protocol/bytes/varint.ts'
import { batchHeaderBytes } from '../../protocol/records/layout.ts'
import { assert } from '../../runtime/assert.ts'
import type { ProducerIdentity } from '../ports.ts'
import { heldBytesOf, type Settle } from '../record.ts'
import { writeBatchHeader } from './batch-header.ts'
import { BatchProgress } from './batch-progress.ts'
import type { BufferPool } from './buffer-pool.ts'
import { type RecordEncoder, recordOverheadMax } from './record-encoder.ts'
import { writeVarint, writeVarlong } from './varint-length.ts'

interface CompressedBatch {
  readonly header: Buffer
  readonly records: Uint8Array
}

/** The partition of a batch. */
export interface PartitionReference {
  readonly topic: { readonly name: string }
  readonly partition: number
}

export class Batch<Queue extends PartitionReference = PartitionReference> extends BatchProgress {
  readonly queue: Queue
  #buffer: Buffer
  #size = batchHeaderBytes
  #recordCount = 0
  /** The settle of all records while it is the same one: one callback, or none. */
  #sharedSettle: Settle | null = null
  /**
   * One entry per record, starting at the first record whose settle differs from the earlier ones.
   */
  #settles: (Settle | null)[] | null = null
  /** One entry per record, starting at the first record with a tag other than 0. */
  #tags: number[] | null = null
  /** Indexes of records that were cancelled while the batch waited; removed before it is sent. */
  #dropped: Set<number> | null = null
  /** Where the search for a record begins: callers usually cancel many records in order. */
  #lastFound = 0
  /** The part that was split off last: its records follow those of this batch. */
  #laterHalf: Batch<Queue> | null = null
  #heldBytes = 0
  #compressed: CompressedBatch | null = null
  #baseTimestamp = 0
  #maxTimestamp = 0
  #codecId = 0
  /** The header matches the records and the sequence number. */
  #headerIsRight = false

  constructor(
    queue: Queue,
    ordinal: number,
    buffer: Buffer,
    createdAt: number,
    deadline: number,
    flushGeneration: number,
  ) {
    super(ordinal, createdAt, deadline, flushGeneration)
    this.queue = queue
    this.#buffer = buffer
  }

  get buffer(): Buffer {
    return this.#buffer
  }

  /** Bytes written, with the header. */
  get size(): number {
    return this.#size
  }

  get recordCount(): number {
    return this.#recordCount
  }

  /** Bytes that the record would add. */
  recordBytes(contentBytes: number, timestamp: number): number {
    const delta = this.#recordCount === 0 ? 0 : timestamp - this.#baseTimestamp
    const body = 1 + varlongSize(delta) + varintSize(this.#recordCount) + contentBytes
    return varintSize(body) + body
  }

  /** Appends the record; returns its cost in the buffer memory. */
  append(
    encoder: RecordEncoder,
    contentBytes: number,
    timestamp: number,
    settle: Settle | null,
    tag: number,
    pool: BufferPool,
  ): number {
    const start = this.#size
    if (start + contentBytes + recordOverheadMax > this.#buffer.length) {
      this.#makeSpace(pool, start + this.recordBytes(contentBytes, timestamp))
    }
    const end = encoder.write(this.#buffer, this.#begin(contentBytes, timestamp))
    this.#size = end
    return end - start + entryCost + this.#end(settle, tag)
  }

  /** Appends a record of another batch with the same encoded key, value and headers. */
  appendEncoded(
    content: Uint8Array,
    timestamp: number,
    settle: Settle | null,
    tag: number,
    pool: BufferPool,
  ): void {
    this.#makeSpace(pool, this.#size + this.recordBytes(content.length, timestamp))
    const position = this.#begin(content.length, timestamp)
    this.#buffer.set(content, position)
    this.#size = position + content.length
    this.#end(settle, tag)
  }

  #begin(contentBytes: number, timestamp: number): number {
    if (this.#recordCount === 0) {
      this.#baseTimestamp = timestamp
      this.#maxTimestamp = timestamp
    } else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    return this.#writePrefix(contentBytes, timestamp - this.#baseTimestamp)
  }

  /** Returns the bytes that wait with the record for its result. */
  #end(settle: Settle | null, tag: number): number {
    let heldBytes = 0
    if (settle === this.#sharedSettle && this.#settles === null) {
      // The function is counted with the first record that has it.
      if (settle !== null && typeof settle !== 'function') heldBytes = settle.heldBytes
    } else {
      heldBytes = heldBytesOf(settle)
      if (this.#settles !== null) this.#settles.push(settle)
      else this.#addSettle(settle)
    }
    if (this.#tags !== null) this.#tags.push(tag)
    else if (tag !== 0) this.#tags = entriesUpTo(this.#recordCount, 0, tag)
    this.#heldBytes += heldBytes
    this.#recordCount++
    return heldBytes
  }

  /** Sets a settle that differs from the settle of the earlier records. */
  #addSettle(settle: Settle | null): void {
    if (this.#recordCount > 0) {
      this.#settles = entriesUpTo(this.#recordCount, this.#sharedSettle, settle)
    }
    this.#sharedSettle = this.#recordCount === 0 ? settle : null
  }

  /** True if a caller may wait for one of its records. */
  get hasSettles(): boolean {
    return this.#sharedSettle !== null || this.#settles !== null
  }

  /** Its cost in the buffer memory: its bytes, and the memory of its waiting callers. */
  get cost(): number {
    return this.#size - batchHeaderBytes + this.#recordCount * entryCost + this.#heldBytes
  }

  /** Writes the fields before the record's content; `delta` is its time in the batch. */
  #writePrefix(contentBytes: number, delta: number): number {
    if (delta < 0 || delta >= 64) return this.#writeLatePrefix(contentBytes, delta)
    const buffer = this.#buffer
    const index = this.#recordCount
    const position = writeVarint(buffer, this.#size, 2 + varintSize(index) + contentBytes)
    buffer[position] = 0
    buffer[position + 1] = delta << 1 // as a varint
    return writeVarint(buffer, position + 2, index)
  }

  /** For a delta of more than one byte, which few records have under load. */
  #writeLatePrefix(contentBytes: number, delta: number): number {
    const buffer = this.#buffer
    const body = 1 + varlongSize(delta) + varintSize(this.#recordCount) + contentBytes
    let position = writeVarint(buffer, this.#size, body)
    buffer[position++] = 0
    position = writeVarlong(buffer, position, delta)
    return writeVarint(buffer, position, this.#recordCount)
  }

  #makeSpace(pool: BufferPool, bytes: number): void {
    if (bytes <= this.#buffer.length) return
    const grown = pool.acquire(bytes)
    this.#buffer.copy(grown, 0, 0, this.#size)
    pool.release(this.#buffer)
    this.#buffer = grown
  }

  /** The uncompressed records as a view that is valid until the batch settles. */
  get records(): Uint8Array {
    return this.#buffer.subarray(batchHeaderBytes, this.#size)
  }

  /** The header and the compressed records, if compression made them smaller. */
  get isCompressed(): boolean {
    return this.#compressed !== null
  }

  /** Uses the compressed records if they are smaller; `null` = not compressed. */
  useCompressed(codecId: number, records: Uint8Array | null): void {
    const smaller = records !== null && records.length < this.#size - batchHeaderBytes
    this.#compressed = smaller ? { header: Buffer.allocUnsafe(batchHeaderBytes), records } : null
    this.#codecId = smaller ? codecId : 0
    this.#headerIsRight = false
  }

  /** 0 = it is not compressed. */
  get codecId(): number {
    return this.#codecId
  }

  /** Size on the wire. */
  get wireBytes(): number {
    return this.#compressed === null
      ? this.#size
      : batchHeaderBytes + this.#compressed.records.length
  }

  /** The last step before each send: writes header fields and checksum if they have changed. */
  writeHeader(isTransactional: boolean): void {
    if (this.#headerIsRight) return
    this.#headerIsRight = true
    const header = this.#compressed === null ? this.#buffer : this.#compressed.header
    writeBatchHeader(header, this.#compressed?.records ?? null, this.wireBytes, {
      isTransactional,
      codecId: this.#codecId,
      recordCount: this.#recordCount,
      baseTimestamp: this.#baseTimestamp,
      maxTimestamp: this.#maxTimestamp,
      producerId: this.producerId,
      epoch: this.epoch,
      baseSequence: this.baseSequence,
    })
  }

  /** Pushes the bytes for the socket: views that are valid until the batch settles. */
  pushChunks(chunks: Uint8Array[]): void {
    if (this.#compressed === null) chunks.push(this.#buffer.subarray(0, this.#size))
    else chunks.push(this.#compressed.header, this.#compressed.records)
  }

  override setSequence(identity: ProducerIdentity, baseSequence: number): void {
    super.setSequence(identity, baseSequence)
    this.#headerIsRight = false
  }

  get baseTimestamp(): number {
    return this.#baseTimestamp
  }

  /**
   * Releases the callers. The array is emptied and not only dropped: an unused array in the old
   * generation keeps its elements alive through minor collections, and promises would be moved to
   * the old generation.
   */
  forgetSettles(): void {
    this.#settles?.fill(null)
    this.#settles = null
    this.#sharedSettle = null
  }

  /** The result receiver of the record; null = no caller requested the result. */
  settleOf(index: number): Settle | null {
    return this.#settles === null ? this.#sharedSettle : this.#settles[index]!
  }

  /** The tag that the record was appended with. */
  tagOf(index: number): number {
    return this.#tags === null ? 0 : this.#tags[index]!
  }

  /**
   * The batch that contains the record now: this one, or a part that was split off; null = none any
   * more.
   */
  batchHolding(settle: Settle, tag: number): Batch<Queue> | null {
    for (let batch: Batch<Queue> | null = this; batch !== null; batch = batch.#laterHalf) {
      if (batch.#indexOf(settle, tag) >= 0) return batch
    }
    return null
  }

  #indexOf(settle: Settle, tag: number): number {
    if (this.#settles === null && this.#sharedSettle !== settle) return -1
    const count = this.#recordCount
    for (let step = 0; step < count; step++) {
      const index = (this.#lastFound + step) % count
      if (this.settleOf(index) !== settle || this.tagOf(index) !== tag) continue
      this.#lastFound = index
      return index
    }
    return -1
  }

  /** True if records were cancelled: they are removed before the batch is sent. */
  get hasDropped(): boolean {
    return this.#dropped !== null
  }

  isDropped(index: number): boolean {
    return this.#dropped?.has(index) === true
  }

  /** The number of records that were not cancelled. */
  get keptRecordCount(): number {
    return this.#recordCount - (this.#dropped?.size ?? 0)
  }

  /** Marks the record, so that it is not sent or sent again. */
  drop(settle: Settle, tag: number): void {
    assert(this.state !== 'inFlight' && !this.maybeInLog, 'what may be written is not dropped')
    const index = this.#indexOf(settle, tag)
    assert(index >= 0, 'the record is in the batch')
    this.#dropped ??= new Set()
    this.#dropped.add(index)
  }

  /**
   * Becomes the first half of a split. `later` continues where this batch ends, with the same
   * state; the caller moves the records.
   */
  shareWithLaterHalf(later: Batch<Queue>, earlierCount: number): void {
    this.continueIn(later, earlierCount)
    later.#laterHalf = this.#laterHalf
    this.#laterHalf = later
  }

  /** Takes the records of a batch that was rebuilt from this one; returns the old buffer. */
  replaceContent(rebuilt: Batch<Queue>): Buffer {
    const old = this.#buffer
    this.#buffer = rebuilt.#buffer
    this.#size = rebuilt.#size
    this.#recordCount = rebuilt.#recordCount
    this.#sharedSettle = rebuilt.#sharedSettle
    this.#settles = rebuilt.#settles
    this.#tags = rebuilt.#tags
    this.#heldBytes = rebuilt.#heldBytes
    this.#baseTimestamp = rebuilt.#baseTimestamp
    this.#maxTimestamp = rebuilt.#maxTimestamp
    this.#dropped = null
    this.#compressed = null
    this.#headerIsRight = false
    return old
  }
}

/**
 * Creates an array with entries for the earlier records and a last entry. It is not empty at the
 * start, because the first push into an empty array would change the array's kind in V8.
 */
const entriesUpTo = <Entry>(count: number, earlier: Entry, last: Entry): Entry[] => {
  if (count === 0) return [last]
  const entries = new Array<Entry>(count).fill(earlier)
  entries.push(last)
  return entries
}

/** The bytes of a record's settle entry. */
const entryCost = 8
