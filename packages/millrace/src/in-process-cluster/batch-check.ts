// The checks of a leader before it appends a batch, in Kafka's order: format, size, checksum,
// counts, and then the records. It does not know offsets or producer state. The produced bytes must
// stay unchanged, except where Kafka also writes into the header (timestamps). Callers:
// 00-produce.ts and topic.ts.

import { errorNumber } from '../protocol/errors.ts'
import { crc32c } from '../protocol/records/crc.ts'
import {
  batchAttributes,
  batchHeaderBytes,
  batchMagic,
  batchOffsets,
} from '../protocol/records/layout.ts'
import { type BatchHeader, decodeBatchHeader, verifyCrc } from '../protocol/records/record-batch.ts'
import { isError } from '../runtime/value-kinds.ts'
import type { CheckedBatch } from './partition-log.ts'
import { uncompressedArea } from './record-area.ts'
import { type RecordFault, type RecordRules, walkRecords } from './record-walk.ts'
import type { TopicConfig } from './topic-config.ts'

export interface RecordErrorResponse {
  readonly batchIndex: number
  readonly batchIndexErrorMessage: string
}

/** Why a batch is rejected. */
export interface Rejection {
  readonly code: number
  readonly message: string
  readonly recordErrors: readonly RecordErrorResponse[]
}

/** A valid batch, with the fields that its producer's state is checked with. */
export interface GoodBatch extends CheckedBatch {
  readonly header: BatchHeader
  /** The broker's time if the topic uses LogAppendTime, otherwise -1. */
  readonly appendTime: number
}

export type BatchCheckResult =
  | { readonly batch: GoodBatch; readonly rejection: null }
  | { readonly batch: null; readonly rejection: Rejection }

export interface BatchContext {
  readonly config: TopicConfig
  /** For messages: `orders-3`. */
  readonly partitionName: string
  readonly produceVersion: number
  readonly wallTime: number
  /** The ids of the accepted codecs. */
  readonly codecIds: ReadonlySet<number>
  /** Kafka's error number for other codecs. */
  readonly codecErrorCode: number
}

/** Before this version a Produce request must not contain zstd. */
const zstdSince = 7
const zstdId = 4
const codecIdMax = 4

/** The bytes of a batch before the part that its length field counts. */
const lengthEnd = 12

const reject = (
  code: number,
  message: string,
  recordErrors: readonly RecordErrorResponse[] = [],
): BatchCheckResult => ({ batch: null, rejection: { code, message, recordErrors } })

/** null if there is exactly one batch of a supported format. */
const frameProblem = (bytes: Uint8Array, produceVersion: number): BatchCheckResult | null => {
  const inRequest = `Produce requests with version ${produceVersion}`
  if (bytes.byteLength < lengthEnd) {
    return reject(
      errorNumber.INVALID_RECORD,
      `${inRequest} must have at least one record batch per partition`,
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const size = lengthEnd + view.getInt32(batchOffsets.batchLength)
  if (size <= batchOffsets.magic || size > bytes.byteLength) {
    return reject(
      errorNumber.CORRUPT_MESSAGE,
      `A batch of ${size} bytes in ${bytes.byteLength} bytes of records`,
    )
  }
  const magic = view.getInt8(batchOffsets.magic)
  if (magic !== batchMagic) {
    return reject(
      errorNumber.INVALID_RECORD,
      `${inRequest} are only allowed to contain record batches with magic version 2, not ${magic}`,
    )
  }
  if (size < batchHeaderBytes) {
    return reject(errorNumber.CORRUPT_MESSAGE, `A batch of ${size} bytes has no whole header`)
  }
  if (size < bytes.byteLength) {
    return reject(
      errorNumber.INVALID_RECORD,
      `${inRequest} are only allowed to contain exactly one record batch per partition`,
    )
  }
  return null
}

const headerProblem = (header: BatchHeader, context: BatchContext): BatchCheckResult | null => {
  const { codecId, recordCount, lastOffsetDelta } = header
  if (codecId > codecIdMax || (codecId === zstdId && context.produceVersion < zstdSince)) {
    return reject(
      errorNumber.UNSUPPORTED_COMPRESSION_TYPE,
      `Codec ${codecId} is not known in Produce version ${context.produceVersion}`,
    )
  }
  if (!context.codecIds.has(codecId)) {
    return reject(context.codecErrorCode, `Codec ${codecId} is not supported by this cluster`)
  }
  if (header.baseOffset !== 0) {
    return reject(
      errorNumber.INVALID_RECORD,
      `The baseOffset of the record batch in the append to ${context.partitionName} should be 0, ` +
        `but it is ${header.baseOffset}`,
    )
  }
  if (header.batchBytes > context.config.maxMessageBytes) {
    return reject(
      errorNumber.MESSAGE_TOO_LARGE,
      `The record batch size in the append to ${context.partitionName} is ${header.batchBytes} ` +
        `bytes which exceeds the maximum configured value of ${context.config.maxMessageBytes}.`,
    )
  }
  if (recordCount < 1 || recordCount !== lastOffsetDelta + 1) {
    return reject(
      errorNumber.INVALID_RECORD,
      `${recordCount} records, but the last offset delta is ${lastOffsetDelta}`,
    )
  }
  if (header.control) {
    return reject(errorNumber.INVALID_RECORD, 'Clients are not allowed to write control records')
  }
  if (header.producerId >= 0 && header.baseSequence < 0) {
    return reject(
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

const rejectRecords = (faults: readonly RecordFault[], context: BatchContext): BatchCheckResult => {
  const timestamps = faults.some((fault) => fault.problem === 'timestamp')
  return reject(
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

/** Writes the timestamp type and the highest timestamp into the header, and a new checksum. */
const stamp = (bytes: Uint8Array, attributes: number, maxTimestamp: number): void => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  view.setInt16(batchOffsets.attributes, attributes)
  view.setBigInt64(batchOffsets.maxTimestamp, BigInt(maxTimestamp))
  view.setUint32(batchOffsets.crc, crc32c(bytes.subarray(batchOffsets.attributes)))
}

/** Checks the records of one partition in a Produce request. It may write into `bytes`. */
export const checkBatch = (bytes: Uint8Array, context: BatchContext): BatchCheckResult => {
  const framed = frameProblem(bytes, context.produceVersion)
  if (framed !== null) return framed
  let header: BatchHeader
  try {
    header = decodeBatchHeader(bytes)
  } catch (error) {
    return reject(errorNumber.INVALID_RECORD, isError(error) ? error.message : '')
  }
  const wrong = headerProblem(header, context)
  if (wrong !== null) return wrong
  if (!verifyCrc(bytes)) {
    return reject(
      errorNumber.CORRUPT_MESSAGE,
      `Record is corrupt (stored crc = ${header.crc}) in topic partition ${context.partitionName}.`,
    )
  }
  const area = uncompressedArea(header, bytes)
  if (area === null) {
    return reject(errorNumber.INVALID_RECORD, 'The records can not be decompressed')
  }
  const walk = walkRecords(header, area, rulesOf(context))
  if (walk.malformed !== null) {
    return reject(errorNumber.INVALID_RECORD, `Malformed records: ${walk.malformed}`)
  }
  if (walk.faults.length > 0) return rejectRecords(walk.faults, context)
  return { batch: stamped(header, bytes, walk.maxTimestamp, context), rejection: null }
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
