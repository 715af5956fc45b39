// Owns the encoding of a complete batch from records, for tests and the in-process cluster.
// Callers: these only; the producer's own encoder is engine/batch/batch.ts. Invariant: simple code;
// its speed does not matter.

import { Writer } from '../bytes/writer.ts'
import type { CompressionType } from '../compression/codec.ts'
import { codecOf } from '../compression/codecs.ts'
import { KafkaError } from '../kafka-error.ts'
import type { ProducerId } from '../producer-id.ts'
import { crc32c } from './crc.ts'
import { batchAttributes, batchHeaderBytes, batchMagic, batchOffsets } from './layout.ts'

export interface RecordToEncode {
  /** A string is sent as UTF-8; null and undefined = no key. */
  readonly key?: Uint8Array | string | null | undefined
  readonly value?: Uint8Array | string | null | undefined
  readonly headers?:
    | readonly (readonly [key: string, value: Uint8Array | string | null])[]
    | undefined
  /** Milliseconds since the epoch; 0 by default. */
  readonly timestamp?: number | undefined
  /** Its position in the batch by default. */
  readonly offsetDelta?: number | undefined
}

export interface BatchToEncode {
  readonly baseOffset?: number | undefined
  /** -1, as producers send it, by default. */
  readonly partitionLeaderEpoch?: number | undefined
  readonly producerId?: ProducerId | undefined
  readonly producerEpoch?: number | undefined
  readonly baseSequence?: number | undefined
  readonly transactional?: boolean | undefined
  readonly control?: boolean | undefined
  readonly logAppendTime?: boolean | undefined
  /** The largest timestamp of the records by default. */
  readonly maxTimestamp?: number | undefined
  readonly compression?: CompressionType | undefined
  readonly level?: number | undefined
}

/** One batch of at least one record. The bytes belong to the caller. */
export const encodeBatch = (
  records: readonly RecordToEncode[],
  batch: BatchToEncode = {},
): Uint8Array => {
  const first = records[0]
  if (first === undefined)
    throw new KafkaError('INVALID_ARGUMENT', 'records must contain at least one record, got []')
  const baseTimestamp = first.timestamp ?? 0
  const area = encodeRecordArea(records, baseTimestamp)
  const codec = codecOf(batch.compression ?? 'none')
  const compressed = codec.compressSync(area, batch.level)
  const lastOffsetDelta = records.at(-1)?.offsetDelta ?? records.length - 1
  const maxTimestamp =
    batch.maxTimestamp ?? records.reduce((max, record) => Math.max(max, record.timestamp ?? 0), 0)
  const attributes =
    codec.id |
    (batch.logAppendTime ? batchAttributes.logAppendTime : 0) |
    (batch.transactional ? batchAttributes.transactional : 0) |
    (batch.control ? batchAttributes.control : 0)

  const writer = new Writer(batchHeaderBytes + compressed.length)
  writer.writeInt64(batch.baseOffset ?? 0)
  writer.writeInt32(batchHeaderBytes + compressed.length - batchOffsets.partitionLeaderEpoch)
  writer.writeInt32(batch.partitionLeaderEpoch ?? -1)
  writer.writeInt8(batchMagic)
  writer.reserve(4)
  writer.writeInt16(attributes)
  writer.writeInt32(lastOffsetDelta)
  writer.writeInt64(baseTimestamp)
  writer.writeInt64(maxTimestamp)
  writer.writeProducerId(batch.producerId ?? -1)
  writer.writeInt16(batch.producerEpoch ?? -1)
  writer.writeInt32(batch.baseSequence ?? -1)
  writer.writeInt32(records.length)
  writer.writeRaw(compressed)
  const bytes = writer.finish()
  patchCrc(bytes)
  return bytes
}

/** Computes the checksum of this batch and writes it into the header. */
export const patchCrc = (batch: Uint8Array): void => {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength)
  view.setUint32(batchOffsets.crc, crc32c(batch.subarray(batchOffsets.attributes)))
}

/** The records one after the other, uncompressed. */
export const encodeRecordArea = (
  records: readonly RecordToEncode[],
  baseTimestamp: number,
): Uint8Array => {
  const area = new Writer(1024)
  for (const [index, record] of records.entries()) {
    const writer = new Writer()
    writer.writeInt8(0)
    writer.writeVarlong((record.timestamp ?? 0) - baseTimestamp)
    writer.writeVarint(record.offsetDelta ?? index)
    writeNullable(writer, record.key)
    writeNullable(writer, record.value)
    const headers = record.headers ?? []
    writer.writeVarint(headers.length)
    for (const [key, value] of headers) {
      writeNullable(writer, key)
      writeNullable(writer, value)
    }
    const bytes = writer.finish()
    area.writeVarint(bytes.length)
    area.writeRaw(bytes)
  }
  return area.finish()
}

const writeNullable = (writer: Writer, value: Uint8Array | string | null | undefined): void => {
  if (value === null || value === undefined) {
    writer.writeVarint(-1)
    return
  }
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  writer.writeVarint(bytes.length)
  writer.writeRaw(bytes)
}
