// The records of a topic as a test reads them: those of open and aborted transactions too, the
// markers of their ends not. The bytes are copies: they stay good when the log moves on.

import type { ProducerId } from '../protocol/producer-id.ts'
import { decodeBatchHeader } from '../protocol/records/record-batch.ts'
import { sequenceAfter } from './producer-state.ts'
import { recordsOf } from './record-area.ts'
import type { Partition, Topic } from './topic.ts'

/** One record in a log of the in-process cluster. */
export interface ClusterRecord {
  /** The partition that it is in. */
  readonly partition: number
  /** Its offset in the partition. */
  readonly offset: number
  /** Milliseconds since the epoch: the record's, or the log's with LogAppendTime. */
  readonly timestamp: number
  /** `null` = no key. */
  readonly key: Buffer | null
  /** `null` = a tombstone. */
  readonly value: Buffer | null
  /** In order; a key may repeat. */
  readonly headers: readonly (readonly [key: string, value: Buffer | null])[]
  /** Which producer wrote it; -1 = one that is not idempotent. */
  readonly producerId: ProducerId
  /** The epoch it was written under; -1 as above. */
  readonly producerEpoch: number
  /** Its sequence number for this partition; -1 as above. */
  readonly sequence: number
}

const copyOf = (bytes: Uint8Array | null): Buffer | null =>
  bytes === null ? null : Buffer.from(bytes)

const recordsOfPartition = (partition: Partition): ClusterRecord[] => {
  const records: ClusterRecord[] = []
  for (const { bytes } of partition.log.batches()) {
    const { producerId, producerEpoch, baseSequence, control } = decodeBatchHeader(bytes)
    if (control) continue
    for (const record of recordsOf(bytes)) {
      records.push({
        partition: partition.index,
        offset: record.offset,
        timestamp: record.timestamp,
        key: copyOf(record.key),
        value: copyOf(record.value),
        headers: record.headers.map(({ key, value }) => [key, copyOf(value)] as const),
        producerId,
        producerEpoch,
        sequence: producerId < 0 ? -1 : sequenceAfter(baseSequence, record.offsetDelta),
      })
    }
  }
  return records
}

export const clusterRecords = (topic: Topic): ClusterRecord[] =>
  topic.partitions.flatMap(recordsOfPartition)
