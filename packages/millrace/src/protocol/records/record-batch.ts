// Owns the decoding of record batches: the header, the check whether a batch is complete and
// undamaged, and the records of uncompressed content. Callers: the in-process cluster, tests, and
// readers of a Fetch response. Invariants: invalid content (lengths, counts, deltas, trailing
// bytes) is a KafkaError MALFORMED_RESPONSE. Keys, values and header values are views of the given
// bytes, valid while those do not change.

import { Reader } from '../bytes/reader.ts'
import type { ProducerId } from '../producer-id.ts'
import { crc32c } from './crc.ts'
import {
  batchAttributes,
  batchHeaderBytes,
  batchMagic,
  batchOffsets,
  recordBytesMin,
} from './layout.ts'

export interface BatchHeader {
  readonly baseOffset: number
  /** Size of the whole batch with its header. */
  readonly batchBytes: number
  readonly partitionLeaderEpoch: number
  readonly crc: number
  readonly attributes: number
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; other numbers are invalid. */
  readonly codecId: number
  /** The timestamps are set by the broker. */
  readonly logAppendTime: boolean
  readonly transactional: boolean
  readonly control: boolean
  readonly deleteHorizon: boolean
  readonly lastOffsetDelta: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: ProducerId
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

export interface BatchRecordHeader {
  readonly key: string
  readonly value: Uint8Array | null
}

export interface BatchRecord {
  readonly offset: number
  readonly offsetDelta: number
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly BatchRecordHeader[]
}

const readerOf = (what: string, bytes: Uint8Array, start?: number, end?: number): Reader => {
  const reader = new Reader(bytes, start, end)
  reader.setSubject('record batch', what)
  return reader
}

/**
 * The header of the batch at `offset`. The bytes must contain the whole header, in format v2; the
 * caller checks whether the rest of the batch is there too (`batchBytes`).
 */
export const decodeBatchHeader = (bytes: Uint8Array, offset = 0): BatchHeader => {
  const reader = readerOf('header', bytes, Math.min(offset, bytes.length))
  const baseOffset = reader.readInt64()
  const batchBytes = reader.readInt32() + batchOffsets.partitionLeaderEpoch
  if (batchBytes < batchHeaderBytes) reader.fail(`a batch of ${batchBytes} bytes`)
  const partitionLeaderEpoch = reader.readInt32()
  const magic = reader.readInt8()
  if (magic !== batchMagic) reader.fail(`format version ${magic}, only ${batchMagic} is known`)
  const crc = reader.readUint32()
  const attributes = reader.readInt16()
  const lastOffsetDelta = reader.readInt32()
  const baseTimestamp = reader.readInt64()
  const maxTimestamp = reader.readInt64()
  const producerId = reader.readProducerId()
  const producerEpoch = reader.readInt16()
  const baseSequence = reader.readInt32()
  const recordCount = reader.readInt32()
  if (recordCount < 0) reader.fail(`${recordCount} records`)
  if (lastOffsetDelta < 0) reader.fail(`last offset delta ${lastOffsetDelta}`)
  return {
    baseOffset,
    batchBytes,
    partitionLeaderEpoch,
    crc,
    attributes,
    codecId: attributes & batchAttributes.codecMask,
    logAppendTime: (attributes & batchAttributes.logAppendTime) !== 0,
    transactional: (attributes & batchAttributes.transactional) !== 0,
    control: (attributes & batchAttributes.control) !== 0,
    deleteHorizon: (attributes & batchAttributes.deleteHorizon) !== 0,
    lastOffsetDelta,
    baseTimestamp,
    maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    recordCount,
  }
}

export interface SplitBatches {
  /** The whole batches in order, as views of the given bytes. */
  readonly batches: readonly Uint8Array[]
  /** Bytes of an incomplete last batch: brokers fill a response up to its limit. */
  readonly truncatedBytes: number
}

/** Splits the record sets of a Fetch response. Reads the lengths only. */
export const splitBatches = (bytes: Uint8Array): SplitBatches => {
  const batches: Uint8Array[] = []
  let offset = 0
  while (bytes.length - offset >= batchHeaderBytes) {
    const reader = readerOf('length', bytes, offset + batchOffsets.batchLength)
    const batchBytes = reader.readInt32() + batchOffsets.partitionLeaderEpoch
    if (batchBytes < batchHeaderBytes) reader.fail(`a batch of ${batchBytes} bytes`)
    if (batchBytes > bytes.length - offset) break
    batches.push(bytes.subarray(offset, offset + batchBytes))
    offset += batchBytes
  }
  return { batches, truncatedBytes: bytes.length - offset }
}

/** True if the bytes, exactly one batch, match the checksum in their header. */
export const verifyCrc = (batch: Uint8Array): boolean => {
  if (batch.length < batchHeaderBytes) return false
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength)
  return crc32c(batch.subarray(batchOffsets.attributes)) === view.getUint32(batchOffsets.crc)
}

/**
 * The records of uncompressed content, in order. They are checked during the iteration: the first
 * error ends it, and only a complete iteration means that all content is valid.
 */
export function* iterateRecords(
  header: BatchHeader,
  recordArea: Uint8Array,
): Generator<BatchRecord, void, undefined> {
  const reader = readerOf('records', recordArea)
  if (header.recordCount * recordBytesMin > recordArea.length) {
    reader.fail(`${header.recordCount} records in ${recordArea.length} bytes`)
  }
  let previousDelta = -1
  for (let index = 0; index < header.recordCount; index += 1) {
    const record = readRecord(reader, header)
    // Compaction leaves gaps, so only the order of the offsets can be checked.
    if (record.offsetDelta <= previousDelta || record.offsetDelta > header.lastOffsetDelta) {
      reader.fail(
        `offset delta ${record.offsetDelta} after ${previousDelta}, the last ` +
          `being ${header.lastOffsetDelta}`,
      )
    }
    previousDelta = record.offsetDelta
    yield record
  }
  reader.expectEnd()
}

/** All records of uncompressed content. */
export const decodeRecords = (header: BatchHeader, recordArea: Uint8Array): BatchRecord[] => [
  ...iterateRecords(header, recordArea),
]

const readRecord = (reader: Reader, header: BatchHeader): BatchRecord => {
  const outerLimit = reader.enter(reader.readVarint())
  // No bit of a record's attributes is used yet.
  reader.readInt8()
  const timestampDelta = reader.readVarlong()
  const offsetDelta = reader.readVarint()
  const key = readNullable(reader)
  const value = readNullable(reader)
  const headers = readHeaders(reader)
  reader.leave(outerLimit)
  return {
    offset: header.baseOffset + offsetDelta,
    offsetDelta,
    timestamp: header.logAppendTime ? header.maxTimestamp : header.baseTimestamp + timestampDelta,
    key,
    value,
    headers,
  }
}

const readNullable = (reader: Reader): Uint8Array | null => {
  const size = reader.readVarint()
  if (size < -1) reader.fail(`a length of ${size}`)
  return size === -1 ? null : reader.readView(size)
}

const noHeaders: readonly BatchRecordHeader[] = []

const readHeaders = (reader: Reader): readonly BatchRecordHeader[] => {
  const count = reader.readVarint()
  if (count === 0) return noHeaders
  // A header takes at least two bytes.
  if (count < 0 || count * 2 > reader.remaining) reader.fail(`${count} headers`)
  const headers: BatchRecordHeader[] = []
  for (let index = 0; index < count; index += 1) {
    const key = reader.readUtf8(reader.readVarint())
    headers.push({ key, value: readNullable(reader) })
  }
  return headers
}
