// Owns the encoding of a record batch's header (format v2, magic 2) and of its checksum. Caller:
// Batch, before each send if the header has changed. Invariant: the layout is Kafka's
// (records/layout.ts).

import { highOf, lowOf, type ProducerId } from '../../protocol/producer-id.ts'
import { crc32c } from '../../protocol/records/crc.ts'
import { batchAttributes, batchOffsets } from '../../protocol/records/layout.ts'

/** Magic 2: the only record format since Kafka 0.11. */
const magic = 2

export interface BatchHeaderFields {
  readonly isTransactional: boolean
  /** 0 = not compressed. */
  readonly codecId: number
  readonly recordCount: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: ProducerId
  readonly epoch: number
  readonly baseSequence: number
}

/**
 * `compressed` = the records in a separate buffer; null = they follow the header, up to
 * `wireBytes`.
 */
export const writeBatchHeader = (
  header: Buffer,
  compressed: Uint8Array | null,
  wireBytes: number,
  fields: BatchHeaderFields,
): void => {
  header.writeInt32BE(0, batchOffsets.baseOffset)
  header.writeInt32BE(0, batchOffsets.baseOffset + 4)
  header.writeInt32BE(wireBytes - batchOffsets.partitionLeaderEpoch, batchOffsets.batchLength)
  header.writeInt32BE(-1, batchOffsets.partitionLeaderEpoch)
  header[batchOffsets.magic] = magic
  const attributes = fields.codecId | (fields.isTransactional ? batchAttributes.transactional : 0)
  header.writeInt16BE(attributes, batchOffsets.attributes)
  header.writeInt32BE(fields.recordCount - 1, batchOffsets.lastOffsetDelta)
  writeInt64(header, batchOffsets.baseTimestamp, fields.baseTimestamp)
  writeInt64(header, batchOffsets.maxTimestamp, fields.maxTimestamp)
  header.writeInt32BE(highOf(fields.producerId), batchOffsets.producerId)
  header.writeInt32BE(lowOf(fields.producerId), batchOffsets.producerId + 4)
  header.writeInt16BE(fields.epoch, batchOffsets.producerEpoch)
  header.writeInt32BE(fields.baseSequence, batchOffsets.baseSequence)
  header.writeInt32BE(fields.recordCount, batchOffsets.recordCount)
  header.writeUInt32BE(checksum(header, compressed, wireBytes), batchOffsets.crc)
}

/** CRC-32C of the bytes from the attributes to the end of the records. */
const checksum = (header: Buffer, compressed: Uint8Array | null, wireBytes: number): number =>
  compressed === null
    ? crc32c(header.subarray(batchOffsets.attributes, wireBytes))
    : crc32c(compressed, crc32c(header.subarray(batchOffsets.attributes)))

const writeInt64 = (target: Buffer, position: number, value: number): void => {
  const high = Math.floor(value / 2 ** 32)
  target.writeInt32BE(high, position)
  target.writeUInt32BE(value - high * 2 ** 32, position + 4)
}
