// The records of a delivered batch, one after the other, each as the same object: a settler that
// needs no metadata object costs none. Caller: Settlement.

import { RecordCursor } from '../batch/record-cursor.ts'
import type { QueuedBatch } from '../dispatch/partition-queue.ts'
import type { DeliveredRecord, RecordMetadata, TopicPartition } from '../record.ts'

export class DeliveredRecords implements DeliveredRecord {
  readonly place: TopicPartition
  offset = -1
  timestamp = -1
  keyBytes = -1
  valueBytes = -1
  /** Walks the records of the batch. */
  readonly cursor: RecordCursor
  readonly #logAppendTime: number

  /** `logAppendTime` -1 = the records' own timestamps. */
  constructor(batch: QueuedBatch, logAppendTime: number) {
    // Not the queue itself: results outlive the producer.
    this.place = { topic: batch.queue.topic.name, partition: batch.queue.partition }
    this.cursor = new RecordCursor(batch)
    this.#logAppendTime = logAppendTime
  }

  /** Shows the record at which the cursor is. */
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
