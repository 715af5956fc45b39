// One record batch of one partition, from its first record to its settlement. It owns the bytes:
// the 61-byte header, then the records, encoded as they are appended. The uncompressed bytes stay
// until the batch is settled, for `rebuild` to drop or split records and for the records' own
// sizes.
//
//   open ─ seal ─▶ sealed ─▶ compressing ─▶ ready ─▶ inFlight ─▶ settled
//                     └────── (no codec) ─────▲          │
//                                             └─ retry ──┘
// Callers: PartitionQueue (append, seal), Pump (send), Settlement. A batch settles once.

import { varintSize, varlongSize } from '../protocol/bytes/varint.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { crc32c } from '../protocol/records/crc.ts'
import { batchAttributes, batchHeaderBytes, batchOffsets } from '../protocol/records/layout.ts'
import { assert } from '../runtime/assert.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { ProducerIdentity } from './ports.ts'
import { heldBytesOf, type Settle } from './record.ts'
import { type RecordDraft, recordOverheadMax } from './record-draft.ts'
import { noIdentity } from './sequencer.ts'
import { writeVarint, writeVarlong } from './varint.ts'

export type BatchState = 'open' | 'sealed' | 'compressing' | 'ready' | 'inFlight' | 'settled'

const legal: Record<BatchState, readonly BatchState[]> = {
  open: ['sealed', 'settled'],
  sealed: ['compressing', 'ready', 'settled'],
  compressing: ['ready', 'sealed', 'settled'],
  ready: ['inFlight', 'sealed', 'settled'],
  inFlight: ['ready', 'sealed', 'settled'],
  settled: [],
}

/** Magic 2: the only record format since Kafka 0.11. */
const magic = 2

export class Batch {
  readonly queue: PartitionQueue
  /** Order among the batches of its queue. */
  readonly ordinal: number
  /**
   * Ordinals up to `ordinal + ordinalSpan` are this batch's own: pieces of a split share them out.
   */
  ordinalSpan = 1
  readonly createdAt: number
  /** When it must have settled; earlier when it took in a record that had waited. */
  deadline: number
  /** The flush() calls from this one on wait for it. */
  flushGeneration: number
  buffer: Buffer
  /** Bytes written, header included. */
  size = batchHeaderBytes
  recordCount = 0
  /** One entry per record, once a record came whose result somebody asked for. */
  #settles: (Settle | null)[] | null = null
  /** One entry per record, once a record came with a tag other than 0. */
  #tags: number[] | null = null
  /** Indexes of records that were aborted while it waited; taken out before it is sent. */
  dropped: Set<number> | null = null
  /** Where the search for a record begins: a caller with many gives them up in order. */
  #lastFound = 0
  /** The piece that was cut off last: it has the records right behind this one's. */
  laterHalf: Batch | null = null
  /** How many of its records have a settle. */
  #settleCount = 0
  #heldBytes = 0
  /** The flush trigger's stamp at the batch's beginning. */
  releaseStamp = 0
  /** -1 = no producer id and sequence yet. */
  baseSequence = -1
  producerId = -1
  epoch = -1
  /** How often it was handed to a connection. */
  attempts = 0
  /** When it was handed to one first; -1 = not yet. */
  sentAt = -1
  /**
   * It was in doubt once. That a broker answered later as if it were not in the log proves nothing:
   * the broker may have forgotten the producer.
   */
  maybeInLog = false
  #maybeWritten = false
  /** A batch before it lost its number: under its own no broker takes this one any more. */
  isBehindGap = false
  /** Why the last attempt failed. */
  lastError: KafkaError | null = null
  /** The header and the compressed records, when compression made it smaller. */
  compressed: { readonly header: Buffer; readonly records: Uint8Array } | null = null
  #state: BatchState = 'open'
  #baseTimestamp = 0
  #maxTimestamp = 0
  #codecId = 0
  /** The header says what the batch holds, and under which number. */
  #headerIsRight = false

  constructor(
    queue: PartitionQueue,
    ordinal: number,
    buffer: Buffer,
    createdAt: number,
    deadline: number,
    flushGeneration: number,
  ) {
    this.queue = queue
    this.ordinal = ordinal
    this.buffer = buffer
    this.createdAt = createdAt
    this.deadline = deadline
    this.flushGeneration = flushGeneration
  }

  /**
   * An attempt ended without a certain answer: it may be in the log under the number it has, and is
   * sent again under it before numbers restart.
   */
  get maybeWritten(): boolean {
    return this.#maybeWritten
  }

  set maybeWritten(value: boolean) {
    this.#maybeWritten = value
    this.maybeInLog ||= value
  }

  get state(): BatchState {
    return this.#state
  }

  transition(next: BatchState): void {
    assert(legal[this.#state].includes(next), `batch: ${this.#state} → ${next}`)
    this.#state = next
  }

  /** Bytes that the record would add. */
  recordBytes(contentBytes: number, timestamp: number): number {
    const delta = this.recordCount === 0 ? 0 : timestamp - this.#baseTimestamp
    const body = 1 + varlongSize(delta) + varintSize(this.recordCount) + contentBytes
    return varintSize(body) + body
  }

  /** Appends the record; returns the bytes that it took. */
  append(
    draft: RecordDraft,
    contentBytes: number,
    timestamp: number,
    settle: Settle | null,
    tag: number,
    pool: BufferPool,
  ): number {
    const start = this.size
    if (start + contentBytes + recordOverheadMax > this.buffer.length) {
      this.#makeRoom(pool, start + this.recordBytes(contentBytes, timestamp))
    }
    const end = draft.write(this.buffer, this.#begin(contentBytes, timestamp))
    this.size = end
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
    this.#makeRoom(pool, this.size + this.recordBytes(content.length, timestamp))
    const position = this.#begin(content.length, timestamp)
    this.buffer.set(content, position)
    this.size = position + content.length
    this.#end(settle, tag)
  }

  #begin(contentBytes: number, timestamp: number): number {
    if (this.recordCount === 0) {
      this.#baseTimestamp = timestamp
      this.#maxTimestamp = timestamp
    } else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    return this.#writePrefix(contentBytes, timestamp)
  }

  #end(settle: Settle | null, tag: number): void {
    if (this.#settles !== null) this.#settles.push(settle)
    else if (settle !== null) {
      this.#settles = entries(this.recordCount, null)
      this.#settles.push(settle)
    }
    if (this.#tags !== null) this.#tags.push(tag)
    else if (tag !== 0) {
      this.#tags = entries(this.recordCount, 0)
      this.#tags.push(tag)
    }
    if (settle !== null) {
      this.#settleCount++
      this.#heldBytes += heldBytesOf(settle)
    }
    this.recordCount++
  }

  get hasSettles(): boolean {
    return this.#settleCount > 0
  }

  /** What it costs of the buffer memory: its bytes, and what its waiting callers hold. */
  get cost(): number {
    return this.size - batchHeaderBytes + this.recordCount * entryCost + this.#heldBytes
  }

  #writePrefix(contentBytes: number, timestamp: number): number {
    const buffer = this.buffer
    const delta = timestamp - this.#baseTimestamp
    const body = 1 + varlongSize(delta) + varintSize(this.recordCount) + contentBytes
    let position = writeVarint(buffer, this.size, body)
    buffer[position++] = 0
    position = writeVarlong(buffer, position, delta)
    return writeVarint(buffer, position, this.recordCount)
  }

  #makeRoom(pool: BufferPool, bytes: number): void {
    if (bytes <= this.buffer.length) return
    const grown = pool.acquire(bytes)
    this.buffer.copy(grown, 0, 0, this.size)
    pool.release(this.buffer)
    this.buffer = grown
  }

  /** The uncompressed records as a view, valid until the batch settles. */
  get records(): Uint8Array {
    return this.buffer.subarray(batchHeaderBytes, this.size)
  }

  /** Uses the compressed records if they are smaller than the plain ones; `null` = plain. */
  useCompressed(codecId: number, records: Uint8Array | null): void {
    const smaller = records !== null && records.length < this.size - batchHeaderBytes
    this.compressed = smaller ? { header: Buffer.allocUnsafe(batchHeaderBytes), records } : null
    this.#codecId = smaller ? codecId : 0
    this.#headerIsRight = false
  }

  /** Size on the wire. */
  get wireBytes(): number {
    return this.compressed === null ? this.size : batchHeaderBytes + this.compressed.records.length
  }

  /**
   * Last step before each send: header fields, then the checksum, unless they are right already.
   */
  writeHeader(isTransactional: boolean): void {
    if (this.#headerIsRight) return
    this.#headerIsRight = true
    const header = this.compressed === null ? this.buffer : this.compressed.header
    header.fill(0, 0, 8)
    header.writeInt32BE(
      this.wireBytes - batchOffsets.partitionLeaderEpoch,
      batchOffsets.batchLength,
    )
    header.writeInt32BE(-1, batchOffsets.partitionLeaderEpoch)
    header[batchOffsets.magic] = magic
    const attributes = this.#codecId | (isTransactional ? batchAttributes.transactional : 0)
    header.writeInt16BE(attributes, batchOffsets.attributes)
    header.writeInt32BE(this.recordCount - 1, batchOffsets.lastOffsetDelta)
    writeInt64(header, batchOffsets.baseTimestamp, this.#baseTimestamp)
    writeInt64(header, batchOffsets.maxTimestamp, this.#maxTimestamp)
    writeInt64(header, batchOffsets.producerId, this.producerId)
    header.writeInt16BE(this.epoch, batchOffsets.producerEpoch)
    header.writeInt32BE(this.baseSequence, batchOffsets.baseSequence)
    header.writeInt32BE(this.recordCount, batchOffsets.recordCount)
    header.writeUInt32BE(this.#checksum(header), batchOffsets.crc)
  }

  #checksum(header: Buffer): number {
    if (this.compressed === null) {
      return crc32c(this.buffer.subarray(batchOffsets.attributes, this.size))
    }
    const start = crc32c(header.subarray(batchOffsets.attributes))
    return crc32c(this.compressed.records, start)
  }

  /** Pushes the bytes as they go to the socket: views, valid until the batch settles. */
  pushChunks(chunks: Uint8Array[]): void {
    if (this.compressed === null) chunks.push(this.buffer.subarray(0, this.size))
    else chunks.push(this.compressed.header, this.compressed.records)
  }

  setSequence({ producerId, epoch }: ProducerIdentity, baseSequence: number): void {
    this.producerId = producerId
    this.epoch = epoch
    this.baseSequence = baseSequence
    this.isBehindGap = false
    this.#headerIsRight = false
  }

  /** Forgets its number, so that the next send gives it a new one. */
  clearSequence(): void {
    this.setSequence(noIdentity, -1)
  }

  get baseTimestamp(): number {
    return this.#baseTimestamp
  }

  /**
   * Lets go of the callers. Emptied, not dropped: an old array that nobody uses any more would keep
   * what it points to alive through young collections, and promises would be moved to the old
   * generation.
   */
  forgetSettles(): void {
    this.#settles?.fill(null)
    this.#settles = null
  }

  /** Who is told how the record ended; null = nobody asked. */
  settleOf(index: number): Settle | null {
    return this.#settles === null ? null : this.#settles[index]!
  }

  /** What the record was appended with. */
  tagOf(index: number): number {
    return this.#tags === null ? 0 : this.#tags[index]!
  }

  /**
   * The batch that has the record now: this one, or a piece that was cut off it; null = none any
   * more.
   */
  homeOf(settle: Settle, tag: number): Batch | null {
    for (let batch: Batch | null = this; batch !== null; batch = batch.laterHalf) {
      if (batch.#indexOf(settle, tag) >= 0) return batch
    }
    return null
  }

  #indexOf(settle: Settle, tag: number): number {
    const count = this.#settles?.length ?? 0
    for (let step = 0; step < count; step++) {
      const index = (this.#lastFound + step) % count
      if (this.settleOf(index) !== settle || this.tagOf(index) !== tag) continue
      this.#lastFound = index
      return index
    }
    return -1
  }

  /** Notes that the record must not be sent, or sent again. */
  drop(settle: Settle, tag: number): void {
    assert(this.#state !== 'inFlight' && !this.maybeInLog, 'what may be written is not dropped')
    const index = this.#indexOf(settle, tag)
    assert(index >= 0, 'the record is in the batch')
    this.dropped ??= new Set()
    this.dropped.add(index)
  }

  /** Takes over the records of a batch that was rebuilt from this one; returns the old buffer. */
  replaceContent(rebuilt: Batch): Buffer {
    const old = this.buffer
    this.buffer = rebuilt.buffer
    this.size = rebuilt.size
    this.recordCount = rebuilt.recordCount
    this.#settles = rebuilt.#settles
    this.#tags = rebuilt.#tags
    this.#settleCount = rebuilt.#settleCount
    this.#heldBytes = rebuilt.#heldBytes
    this.#baseTimestamp = rebuilt.#baseTimestamp
    this.#maxTimestamp = rebuilt.#maxTimestamp
    this.dropped = null
    this.compressed = null
    this.#headerIsRight = false
    return old
  }
}

/** An array for records that came before there was one. */
const entries = <Entry>(count: number, entry: Entry): Entry[] =>
  count === 0 ? [] : new Array(count).fill(entry)

/** A record's settle entry in bytes. */
const entryCost = 8

/** Buffer memory that a record takes: a promise weighs more than a small record itself. */
export const costOf = (bytes: number, settle: Settle | null): number =>
  bytes + entryCost + heldBytesOf(settle)

const writeInt64 = (target: Buffer, position: number, value: number): void => {
  const high = Math.floor(value / 2 ** 32)
  target.writeInt32BE(high, position)
  target.writeUInt32BE(value - high * 2 ** 32, position + 4)
}
