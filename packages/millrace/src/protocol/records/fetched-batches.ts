// Owns the decoding of a Fetch response's record bytes into batches, whose checksums it verifies,
// and their records. With `read_committed` the broker lists the aborted transactions; their batches
// are returned without records. Callers: the record reader of admin/ and the topic reader of
// testing/. Invariant: the bytes of a record are views that do not change.

import { decompress } from '../compression/codecs.ts'
import { KafkaError } from '../kafka-error.ts'
import type { ProducerId } from '../producer-id.ts'
import { batchHeaderBytes } from './layout.ts'
import {
  type BatchHeader,
  type BatchRecord,
  decodeBatchHeader,
  iterateRecords,
  splitBatches,
  verifyCrc,
} from './record-batch.ts'

/** An aborted transaction: the producer's batches from this offset on, up to its abort marker. */
export interface AbortedFrom {
  readonly producerId: ProducerId
  readonly firstOffset: number
}

/** A record as it is stored in the log. The bytes are views that do not change. */
export interface TopicRecord {
  /** The partition of the record. */
  readonly partition: number
  /** The offset of the record in the partition. */
  readonly offset: number
  /**
   * Milliseconds since the epoch: the timestamp of the record, or the broker's with LogAppendTime.
   */
  readonly timestamp: number
  /** The key; `null` = no key. */
  readonly key: Buffer | null
  /** The value; `null` = a tombstone. */
  readonly value: Buffer | null
  /** The headers, in order; a key may repeat. */
  readonly headers: readonly (readonly [key: string, value: Buffer | null])[]
}

/** A batch of the log: its header and its records. */
export interface TopicBatch extends BatchHeader {
  /** The partition of the batch. */
  readonly partition: number
  /** The offset after the batch. */
  readonly nextOffset: number
  /** The records of the batch, in the order of their offsets. */
  readonly records: readonly TopicRecord[]
}

/**
 * The batches with offsets from `position` to `end` - 1, with those of their records in this range:
 * a broker returns whole batches, also if the requested offset is inside one.
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
      aborted.skips(header, batch)
      continue
    }
    if (!verifyCrc(batch)) {
      const where = `partition ${partition}, offset ${header.baseOffset}`
      throw new KafkaError('MALFORMED_RESPONSE', `The checksum of the batch at ${where} is wrong`, {
        api: 'Fetch',
        partition,
      })
    }
    const isSkipped = aborted.skips(header, batch) || header.control
    const records = isSkipped ? [] : recordsOf(partition, header, batch, position, end)
    yield { ...header, partition, nextOffset, records }
  }
}

/** Determines which batches of a partition belong to aborted transactions. */
class AbortedProducers {
  /** Aborted transactions that begin later, ordered by their first offset. */
  readonly #waiting: AbortedFrom[]
  readonly #producerIds = new Set<ProducerId>()

  constructor(abortedTransactions: readonly AbortedFrom[]) {
    this.#waiting = [...abortedTransactions].sort(
      (left, right) => left.firstOffset - right.firstOffset,
    )
  }

  /**
   * Whether the batch belongs to an aborted transaction. Called for every batch, in order of the
   * offsets.
   */
  skips(header: BatchHeader, batch: Uint8Array): boolean {
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

/** The key of a marker is an int16 version and an int16 type. */
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
