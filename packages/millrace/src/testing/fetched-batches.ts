// Takes the bytes of a fetch answer apart: batches with good checksums, and their records. Batches
// of aborted transactions are left empty where the broker says which they are (`read_committed`).

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

import type { AbortedFrom } from './reader-cluster.ts'

/** A record as it lies in the log. The bytes are views that nobody else changes. */
export interface TopicRecord {
  /** The partition that it is in. */
  readonly partition: number
  /** Its place in the partition. */
  readonly offset: number
  /** Milliseconds since the epoch: the record's, or the log's with LogAppendTime. */
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
  /** The partition that it is in. */
  readonly partition: number
  /** The offset after the batch. */
  readonly nextOffset: number
  /** Its records, in the order of their offsets. */
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
  abortedTransactions: readonly AbortedFrom[] = [],
): Generator<TopicBatch, void, undefined> {
  const aborted = new AbortedProducers(abortedTransactions)
  for (const batch of splitBatches(bytes).batches) {
    const header = decodeBatchHeader(batch)
    const nextOffset = header.baseOffset + header.lastOffsetDelta + 1
    if (header.baseOffset >= end) return
    if (nextOffset <= position) {
      aborted.leavesOut(header, batch)
      continue
    }
    if (!verifyCrc(batch)) {
      const where = `partition ${partition}, offset ${header.baseOffset}`
      throw new KafkaError('MALFORMED_RESPONSE', `wrong checksum of the batch at ${where}`, {
        api: 'Fetch',
        partition,
      })
    }
    const isLeftOut = aborted.leavesOut(header, batch) || header.control
    const records = isLeftOut ? [] : recordsOf(partition, header, batch, position, end)
    yield { ...header, partition, nextOffset, records }
  }
}

/** Follows the batches of a partition and tells which belong to aborted transactions. */
class AbortedProducers {
  /** Not begun yet, by their first offset. */
  readonly #waiting: AbortedFrom[]
  readonly #producerIds = new Set<number>()

  constructor(abortedTransactions: readonly AbortedFrom[]) {
    this.#waiting = [...abortedTransactions].sort(
      (left, right) => left.firstOffset - right.firstOffset,
    )
  }

  /** Called for every batch, in order. */
  leavesOut(header: BatchHeader, batch: Uint8Array): boolean {
    const lastOffset = header.baseOffset + header.lastOffsetDelta
    while (this.#waiting[0] !== undefined && this.#waiting[0].firstOffset <= lastOffset) {
      this.#producerIds.add(this.#waiting.shift()!.producerId)
    }
    if (!header.transactional || !this.#producerIds.has(header.producerId)) return false
    if (header.control && isAbort(header, batch)) this.#producerIds.delete(header.producerId)
    return true
  }
}

const abortType = 0

/** The key of a marker: its version, then what it says. */
const isAbort = (header: BatchHeader, batch: Uint8Array): boolean => {
  const area = decompress(header.codecId, batch.subarray(batchHeaderBytes))
  for (const { key } of iterateRecords(header, area)) {
    return key !== null && key.byteLength >= 4 && bufferOf(key)?.readInt16BE(2) === abortType
  }
  return false
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
