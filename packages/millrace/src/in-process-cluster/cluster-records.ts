// The decoded records of a topic for tests: records of open and aborted transactions are included,
// transaction markers are not. The bytes must be copies, so that they stay valid when the log
// removes batches. Caller: in-process-cluster.ts.

import type { ProducerId } from '../protocol/producer-id.ts'
import { decodeBatchHeader } from '../protocol/records/record-batch.ts'
import { sequenceAfter } from './producer-state.ts'
import { recordsOf } from './record-area.ts'
import type { Partition, Topic } from './topic.ts'

/** One record in a log of the in-process cluster. */
export interface ClusterRecord {
  /** The partition of the record. */
  readonly partition: number
  /** The offset in the partition. */
  readonly offset: number
  /** Milliseconds since the epoch: the record's own, or the log's with LogAppendTime. */
  readonly timestamp: number
  /** `null` = no key. */
  readonly key: Buffer | null
  /** `null` = a tombstone. */
  readonly value: Buffer | null
  /** In order; a name may repeat. */
  readonly headers: readonly (readonly [key: string, value: Buffer | null])[]
  /** The producer id; -1 = the producer is not idempotent. */
  readonly producerId: ProducerId
  /** The producer epoch; -1 = the producer is not idempotent. */
  readonly producerEpoch: number
  /** The sequence number in the partition; -1 = the producer is not idempotent. */
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
