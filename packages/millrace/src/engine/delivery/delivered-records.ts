// Owns the reading of a delivered batch's records, all through one object: a settler that needs no
// metadata object causes no allocation. Caller: Settlement. Invariant: a record is valid only
// during its settle call.

import { RecordCursor } from '../batch/record-cursor.ts'
import type { QueuedBatch } from '../dispatch/partition-queue.ts'
import type { DeliveredRecord, RecordMetadata, TopicPartition } from '../record.ts'

export class DeliveredRecords implements DeliveredRecord {
  readonly place: TopicPartition
  offset = -1
  timestamp = -1
  keyBytes = -1
  valueBytes = -1
  /** Reads the records of the batch. */
  readonly cursor: RecordCursor
  readonly #logAppendTime: number

  /** `logAppendTime` -1 = the records' own timestamps. */
  constructor(batch: QueuedBatch, logAppendTime: number) {
    // Not the queue itself, because results may be kept after the producer has closed.
    this.place = { topic: batch.queue.topic.name, partition: batch.queue.partition }
    this.cursor = new RecordCursor(batch)
    this.#logAppendTime = logAppendTime
  }

  /** Shows the record at the position of the cursor. */
  show(offset: number): void {
    const { cursor } = this
    this.offset = offset
    this.timestamp = this.#logAppendTime < 0 ? cursor.timestamp : this.#logAppendTime
    this.keyBytes = cursor.keyBytes
    this.valueBytes = cursor.valueBytes
  }

  toMetadata(): RecordMetadata {
    return {
      topic: this.place.topic,
      partition: this.place.partition,
      offset: this.offset,
      timestamp: this.timestamp,
      keyBytes: this.keyBytes,
      valueBytes: this.valueBytes,
    }
  }
}
