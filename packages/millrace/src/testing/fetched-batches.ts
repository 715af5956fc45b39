// Takes the bytes of a fetch answer apart: batches with good checksums, and their records.

import { decompress } from '../protocol/compression/codecs.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { batchHeaderBytes } from '../protocol/records/layout.ts'
import {
  type BatchHeader,
  type BatchRecord,
  decodeBatchHeader,
  iterateRecords,
  splitBatches,
  verifyCrc,
} from '../protocol/records/record-batch.ts'

/** A record as it lies in the log. The bytes are views that nobody else changes. */
export interface TopicRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  /** `null` = no key. */
  readonly key: Buffer | null
  /** `null` = a tombstone. */
  readonly value: Buffer | null
  /** In order; a key may repeat. */
  readonly headers: readonly (readonly [key: string, value: Buffer | null])[]
}

/** Records that lie in the log as one batch, with what the batch's header says. */
export interface TopicBatch extends BatchHeader {
  readonly partition: number
  /** The offset after the batch. */
  readonly nextOffset: number
  readonly records: readonly TopicRecord[]
}

/**
 * The batches with an offset from `position` to `end` - 1, each with those of its records that have
 * one: a broker answers whole batches, also where the offset asked for lies inside one.
 */
export function* decodeFetched(
  partition: number,
  bytes: Uint8Array,
  position: number,
  end: number,
): Generator<TopicBatch, void, undefined> {
  for (const batch of splitBatches(bytes).batches) {
    const header = decodeBatchHeader(batch)
    const nextOffset = header.baseOffset + header.lastOffsetDelta + 1
    if (header.baseOffset >= end) return
    if (nextOffset <= position) continue
    if (!verifyCrc(batch)) {
      const where = `partition ${partition}, offset ${header.baseOffset}`
      throw new KafkaError('MALFORMED_RESPONSE', `wrong checksum of the batch at ${where}`, {
        api: 'Fetch',
        partition,
      })
    }
    const records = header.control ? [] : recordsOf(partition, header, batch, position, end)
    yield { ...header, partition, nextOffset, records }
  }
}

const recordsOf = (
  partition: number,
  header: BatchHeader,
  batch: Uint8Array,
  position: number,
  end: number,
): readonly TopicRecord[] => {
  const area = decompress(header.codecId, batch.subarray(batchHeaderBytes))
  const records: TopicRecord[] = []
  for (const record of iterateRecords(header, area)) {
    if (record.offset >= position && record.offset < end) {
      records.push(topicRecord(partition, record))
    }
  }
  return records
}

const noHeaders: TopicRecord['headers'] = []

const topicRecord = (partition: number, record: BatchRecord): TopicRecord => ({
  partition,
  offset: record.offset,
  timestamp: record.timestamp,
  key: bufferOf(record.key),
  value: bufferOf(record.value),
  headers:
    record.headers.length === 0
      ? noHeaders
      : record.headers.map(({ key, value }) => [key, bufferOf(value)] as const),
})

const bufferOf = (bytes: Uint8Array | null): Buffer | null =>
  bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
