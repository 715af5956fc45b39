// What a leader checks before a batch goes into its log, in Kafka's order: format, size, checksum,
// counts, then the records themselves. It knows nothing of offsets and sequences. The produced
// bytes are kept as they came; only where Kafka would write into the header (timestamps) is it
// written again.

import { errorNumber } from '../protocol/errors.ts'
import { crc32c } from '../protocol/records/crc.ts'
import {
  batchAttributes,
  batchHeaderBytes,
  batchMagic,
  batchOffsets,
} from '../protocol/records/layout.ts'
import { type BatchHeader, decodeBatchHeader, verifyCrc } from '../protocol/records/record-batch.ts'
import type { CheckedBatch } from './partition-log.ts'
import { uncompressedArea } from './record-area.ts'
import { type RecordFault, type RecordRules, walkRecords } from './record-walk.ts'
import type { TopicConfig } from './topic-config.ts'

export interface RecordErrorAnswer {
  readonly batchIndex: number
  readonly batchIndexErrorMessage: string
}

/** Why a batch is refused. */
export interface Refusal {
  readonly code: number
  readonly message: string
  readonly recordErrors: readonly RecordErrorAnswer[]
}

/** A batch that was found good, with what its producer is judged by. */
export interface GoodBatch extends CheckedBatch {
  readonly header: BatchHeader
  /** The broker's time where the topic uses it, else -1. */
  readonly appendTime: number
}

export type BatchVerdict =
  | { readonly batch: GoodBatch; readonly refusal: null }
  | { readonly batch: null; readonly refusal: Refusal }

export interface BatchContext {
  readonly config: TopicConfig
  /** For people: `orders-3`. */
  readonly partitionName: string
  readonly produceVersion: number
  readonly wallTime: number
}

/** Before this version a Produce request may not carry zstd. */
const zstdSince = 7
const zstdId = 4
const codecIdMax = 4

/** Bytes of a batch that come before what its length counts. */
const lengthEnd = 12

const refuse = (
  code: number,
  message: string,
  recordErrors: readonly RecordErrorAnswer[] = [],
): BatchVerdict => ({ batch: null, refusal: { code, message, recordErrors } })

/** Is there exactly one batch of the right format? */
const frameProblem = (bytes: Uint8Array, produceVersion: number): BatchVerdict | null => {
  const inRequest = `Produce requests with version ${produceVersion}`
  if (bytes.byteLength < lengthEnd) {
    return refuse(
      errorNumber.INVALID_RECORD,
      `${inRequest} must have at least one record batch per partition`,
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const size = lengthEnd + view.getInt32(batchOffsets.batchLength)
  if (size <= batchOffsets.magic || size > bytes.byteLength) {
    return refuse(
      errorNumber.CORRUPT_MESSAGE,
      `A batch of ${size} bytes in ${bytes.byteLength} bytes of records`,
    )
  }
  const magic = view.getInt8(batchOffsets.magic)
  if (magic !== batchMagic) {
    return refuse(
      errorNumber.INVALID_RECORD,
      `${inRequest} are only allowed to contain record batches with magic version 2, not ${magic}`,
    )
  }
  if (size < batchHeaderBytes) {
    return refuse(errorNumber.CORRUPT_MESSAGE, `A batch of ${size} bytes has no whole header`)
  }
  if (size < bytes.byteLength) {
    return refuse(
      errorNumber.INVALID_RECORD,
      `${inRequest} are only allowed to contain exactly one record batch per partition`,
    )
  }
  return null
}

const headerProblem = (header: BatchHeader, context: BatchContext): BatchVerdict | null => {
  const { codecId, recordCount, lastOffsetDelta } = header
  if (codecId > codecIdMax || (codecId === zstdId && context.produceVersion < zstdSince)) {
    return refuse(
      errorNumber.UNSUPPORTED_COMPRESSION_TYPE,
      `Codec ${codecId} is not known in Produce version ${context.produceVersion}`,
    )
  }
  if (header.baseOffset !== 0) {
    return refuse(
      errorNumber.INVALID_RECORD,
      `The baseOffset of the record batch in the append to ${context.partitionName} should be 0, ` +
        `but it is ${header.baseOffset}`,
    )
  }
  if (header.batchBytes > context.config.maxMessageBytes) {
    return refuse(
      errorNumber.MESSAGE_TOO_LARGE,
      `The record batch size in the append to ${context.partitionName} is ${header.batchBytes} ` +
        `bytes which exceeds the maximum configured value of ${context.config.maxMessageBytes}.`,
    )
  }
  if (recordCount < 1 || recordCount !== lastOffsetDelta + 1) {
    return refuse(
      errorNumber.INVALID_RECORD,
      `${recordCount} records, but the last offset delta is ${lastOffsetDelta}`,
    )
  }
  if (header.control) {
    return refuse(errorNumber.INVALID_RECORD, 'Clients are not allowed to write control records')
  }
  if (header.producerId >= 0 && header.baseSequence < 0) {
    return refuse(
      errorNumber.INVALID_RECORD,
      `Invalid sequence number ${header.baseSequence} in record batch with producerId ` +
        `${header.producerId}`,
    )
  }
  return null
}

const rulesOf = ({ config, wallTime }: BatchContext): RecordRules => ({
  keyRequired: config.compacted,
  timestampMin: config.logAppendTime
    ? Number.NEGATIVE_INFINITY
    : wallTime - config.timestampBeforeMaxMs,
  timestampMax: config.logAppendTime
    ? Number.POSITIVE_INFINITY
    : wallTime + config.timestampAfterMaxMs,
})

const refuseRecords = (faults: readonly RecordFault[], context: BatchContext): BatchVerdict => {
  const timestamps = faults.some((fault) => fault.problem === 'timestamp')
  return refuse(
    timestamps ? errorNumber.INVALID_TIMESTAMP : errorNumber.INVALID_RECORD,
    'One or more records have been rejected',
    faults.map(({ index, problem }) => ({
      batchIndex: index,
      batchIndexErrorMessage:
        problem === 'key'
          ? 'Compacted topic cannot accept message without key in topic partition ' +
            `${context.partitionName}.`
          : `The timestamp is further from the broker's time than ${context.partitionName} allows.`,
    })),
  )
}

/** Writes timestamp type and greatest timestamp into the header, and the checksum that follows. */
const stamp = (bytes: Uint8Array, attributes: number, maxTimestamp: number): void => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  view.setInt16(batchOffsets.attributes, attributes)
  view.setBigInt64(batchOffsets.maxTimestamp, BigInt(maxTimestamp))
  view.setUint32(batchOffsets.crc, crc32c(bytes.subarray(batchOffsets.attributes)))
}

/** Judges the records of one partition in a Produce request. May write into `bytes`. */
export const checkBatch = (bytes: Uint8Array, context: BatchContext): BatchVerdict => {
  const framed = frameProblem(bytes, context.produceVersion)
  if (framed !== null) return framed
  let header: BatchHeader
  try {
    header = decodeBatchHeader(bytes)
  } catch (error) {
    return refuse(errorNumber.INVALID_RECORD, error instanceof Error ? error.message : '')
  }
  const wrong = headerProblem(header, context)
  if (wrong !== null) return wrong
  if (!verifyCrc(bytes)) {
    return refuse(
      errorNumber.CORRUPT_MESSAGE,
      `Record is corrupt (stored crc = ${header.crc}) in topic partition ${context.partitionName}.`,
    )
  }
  const area = uncompressedArea(header, bytes)
  if (area === null) {
    return refuse(errorNumber.INVALID_RECORD, 'The records can not be decompressed')
  }
  const walk = walkRecords(header, area, rulesOf(context))
  if (walk.malformed !== null) {
    return refuse(errorNumber.INVALID_RECORD, `Malformed records: ${walk.malformed}`)
  }
  if (walk.faults.length > 0) return refuseRecords(walk.faults, context)
  return { batch: stamped(header, bytes, walk.maxTimestamp, context), refusal: null }
}

const stamped = (
  header: BatchHeader,
  bytes: Uint8Array,
  maxTimestamp: number,
  { config, wallTime }: BatchContext,
): GoodBatch => {
  const { recordCount } = header
  if (config.logAppendTime) {
    stamp(bytes, header.attributes | batchAttributes.logAppendTime, wallTime)
    return { bytes, header, recordCount, maxTimestamp: wallTime, appendTime: wallTime }
  }
  const isRight = header.maxTimestamp === maxTimestamp && !header.logAppendTime
  if (!isRight) stamp(bytes, header.attributes & ~batchAttributes.logAppendTime, maxTimestamp)
  return { bytes, header, recordCount, maxTimestamp, appendTime: -1 }
}
