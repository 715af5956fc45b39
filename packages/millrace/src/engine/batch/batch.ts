// One record batch of one partition, from its first record until it settles. It owns its bytes: the
// batch header, then the records, encoded as they are appended; and, for each record, what is
// called with its result. What happens to the batch as a whole is in `batch-progress.ts`.
//
// The uncompressed bytes stay until the batch settles: `batch-rebuild.ts` drops or splits records
// by them, and results carry the records' sizes. Callers: Accumulator (append), BatchPreparation
// (compression), PartitionQueue (header), Settlement (results). Its fields change through its
// methods only.

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

/** The partition that a batch is for. */
export interface PartitionReference {
  readonly topic: { readonly name: string }
  readonly partition: number
}

export class Batch<Queue extends PartitionReference = PartitionReference> extends BatchProgress {
  readonly queue: Queue
  #buffer: Buffer
  #size = batchHeaderBytes
  #recordCount = 0
  /** The settle of every record, as long as they have the same: one callback, or none. */
  #sharedSettle: Settle | null = null
  /** One entry per record, from the first record on that has another settle than those before. */
  #settles: (Settle | null)[] | null = null
  /** One entry per record, from the first record on whose tag is not 0. */
  #tags: number[] | null = null
  /** Indexes of records that were cancelled while the batch waited; removed before it is sent. */
  #dropped: Set<number> | null = null
  /** Where the search for a record begins: a caller with many records cancels them in order. */
  #lastFound = 0
  /** The piece that was cut off last: it has the records right behind this batch's. */
  #laterHalf: Batch<Queue> | null = null
  #heldBytes = 0
  #compressed: CompressedBatch | null = null
  #baseTimestamp = 0
  #maxTimestamp = 0
  #codecId = 0
  /** The header fits the batch's records and its sequence number. */
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

  /** Bytes written, header included. */
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

  /** Appends the record; returns the bytes that it took. */
  append(
    draft: RecordEncoder,
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
    const end = draft.write(this.#buffer, this.#begin(contentBytes, timestamp))
    this.#size = end
    this.#end(settle, tag)
    return end - start
  }

  /** Appends a record of another batch: its key, value and headers as they are encoded there. */
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

  #end(settle: Settle | null, tag: number): void {
    if (this.#settles !== null) this.#settles.push(settle)
    else if (settle !== this.#sharedSettle) this.#addSettle(settle)
    if (this.#tags !== null) this.#tags.push(tag)
    else if (tag !== 0) this.#tags = entriesUpTo(this.#recordCount, 0, tag)
    this.#heldBytes += heldBytesOf(settle)
    this.#recordCount++
  }

  /** The record has another settle than those before it. */
  #addSettle(settle: Settle | null): void {
    if (this.#recordCount > 0) {
      this.#settles = entriesUpTo(this.#recordCount, this.#sharedSettle, settle)
    }
    this.#sharedSettle = this.#recordCount === 0 ? settle : null
  }

  /** A caller may wait for a record of it. */
  get hasSettles(): boolean {
    return this.#sharedSettle !== null || this.#settles !== null
  }

  /** What it costs of the buffer memory: its bytes, and what its waiting callers hold. */
  get cost(): number {
    return this.#size - batchHeaderBytes + this.#recordCount * entryCost + this.#heldBytes
  }

  /** Writes what is before the record's content; `delta` = its time in the batch. */
  #writePrefix(contentBytes: number, delta: number): number {
    if (delta < 0 || delta >= 64) return this.#writeLatePrefix(contentBytes, delta)
    const buffer = this.#buffer
    const index = this.#recordCount
    const position = writeVarint(buffer, this.#size, 2 + varintSize(index) + contentBytes)
    buffer[position] = 0
    buffer[position + 1] = delta << 1 // as a varint
    return writeVarint(buffer, position + 2, index)
  }

  /** For a delta of more than one byte: few records under load. */
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

  /** The uncompressed records as a view, valid until the batch settles. */
  get records(): Uint8Array {
    return this.#buffer.subarray(batchHeaderBytes, this.#size)
  }

  /** The header and the compressed records, where compression made it smaller. */
  get isCompressed(): boolean {
    return this.#compressed !== null
  }

  /** Uses the compressed records if they are smaller than the plain ones; `null` = plain. */
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

  /**
   * Last step before each send: header fields, then the checksum, unless they are right already.
   */
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

  /** Pushes the bytes as they go to the socket: views, valid until the batch settles. */
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
   * Releases the callers. The array is emptied, not only dropped: an unused array in the old
   * generation keeps what it points to alive through young collections, and promises would be moved
   * to the old generation.
   */
  forgetSettles(): void {
    this.#settles?.fill(null)
    this.#settles = null
    this.#sharedSettle = null
  }

  /** What is called with the record's result; null = no caller asked for it. */
  settleOf(index: number): Settle | null {
    return this.#settles === null ? this.#sharedSettle : this.#settles[index]!
  }

  /** What the record was appended with. */
  tagOf(index: number): number {
    return this.#tags === null ? 0 : this.#tags[index]!
  }

  /**
   * The batch that has the record now: this one, or a piece that was cut off it; null = none any
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

  /** Records were cancelled: they are removed before the batch is sent. */
  get hasDropped(): boolean {
    return this.#dropped !== null
  }

  isDropped(index: number): boolean {
    return this.#dropped?.has(index) === true
  }

  /** Without the records that were cancelled. */
  get keptRecordCount(): number {
    return this.#recordCount - (this.#dropped?.size ?? 0)
  }

  /** Notes that the record must not be sent, or sent again. */
  drop(settle: Settle, tag: number): void {
    assert(this.state !== 'inFlight' && !this.maybeInLog, 'what may be written is not dropped')
    const index = this.#indexOf(settle, tag)
    assert(index >= 0, 'the record is in the batch')
    this.#dropped ??= new Set()
    this.#dropped.add(index)
  }

  /**
   * Becomes the earlier half of a split. `later` continues where this one ends, with all that is
   * known of the whole; the records themselves are moved by the caller.
   */
  shareWithLaterHalf(later: Batch<Queue>, earlierCount: number): void {
    this.continueIn(later, earlierCount)
    later.#laterHalf = this.#laterHalf
    this.#laterHalf = later
  }

  /** Takes over the records of a batch that was rebuilt from this one; returns the old buffer. */
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
 * An array for records that came before there was one, and its last entry. It has an entry from the
 * start: the first push into an empty array would change the array's kind.
 */
const entriesUpTo = <Entry>(count: number, earlier: Entry, last: Entry): Entry[] => {
  if (count === 0) return [last]
  const entries = new Array<Entry>(count).fill(earlier)
  entries.push(last)
  return entries
}

/** A record's settle entry in bytes. */
const entryCost = 8

/** Buffer memory that a record takes: a promise weighs more than a small record itself. */
export const costOf = (bytes: number, settle: Settle | null): number =>
  bytes + entryCost + heldBytesOf(settle)
