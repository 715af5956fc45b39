// Handles ListOffsets: returns the start, the end, the first record at or after a timestamp, or the
// record with the highest timestamp. Timestamps are found by reading the batches that may contain
// them. For `read_committed` readers the log ends at its last stable offset. Caller: handlers.ts.

import {
  type ListOffsetsRequest,
  type ListOffsetsResponse,
  listOffsetsApi,
} from '../../protocol/api/02-list-offsets.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { Input } from '../../protocol/schema/api.ts'
import { leaderEpochError } from '../leader-epoch.ts'
import type { PartitionLog, StoredBatch } from '../partition-log.ts'
import { recordsOf } from '../record-area.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<ListOffsetsRequest, ListOffsetsResponse>
type RequestedPartition = ListOffsetsRequest['topics'][number]['partitions'][number]
type PartitionResponse = Input<ListOffsetsResponse['topics'][number]['partitions'][number]>

/** The special meanings of negative timestamps. */
const latest = -1
const earliest = -2
const maxTimestamp = -3
const earliestLocal = -4

interface Found {
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number
}

const nothing: Found = { offset: -1, timestamp: -1, leaderEpoch: -1 }

const firstFrom = (batch: StoredBatch, timestamp: number): Found => {
  for (const record of recordsOf(batch.bytes)) {
    if (record.timestamp >= timestamp) {
      const { leaderEpoch } = batch
      return { offset: record.offset, timestamp: record.timestamp, leaderEpoch }
    }
  }
  return nothing
}

const byTime = (log: PartitionLog, timestamp: number): Found => {
  for (const batch of log.batches()) {
    if (batch.maxTimestamp >= timestamp) return firstFrom(batch, timestamp)
  }
  return nothing
}

const withLatestTime = (log: PartitionLog): Found => {
  let best: StoredBatch | undefined
  for (const batch of log.batches()) {
    if (best === undefined || batch.maxTimestamp > best.maxTimestamp) best = batch
  }
  return best === undefined ? nothing : firstFrom(best, best.maxTimestamp)
}

const lookUp = (log: PartitionLog, time: number, end: number): Found => {
  const { lastLeaderEpoch: leaderEpoch } = log
  if (time === latest) return { offset: end, timestamp: -1, leaderEpoch }
  if (time === earliest || time === earliestLocal) {
    return { offset: log.startOffset, timestamp: -1, leaderEpoch }
  }
  const found =
    time === maxTimestamp ? withLatestTime(log) : time >= 0 ? byTime(log, time) : nothing
  return found.offset < end ? found : nothing
}

const leaderEpochSince = 4
const readCommitted = 1
/** Any other replica id is treated as a broker, which reads the whole log. */
const consumerReplicaId = -1

const respondPartition = (
  call: Call,
  name: string,
  requested: RequestedPartition,
): PartitionResponse => {
  const { partitionIndex } = requested
  const partition = call.node.state.topic(name)?.partitions[partitionIndex]
  const errorCode =
    call.effects.errorAt('before', name, partitionIndex) ||
    (partition === undefined
      ? errorNumber.UNKNOWN_TOPIC_OR_PARTITION
      : leaderEpochError(partition, call.node.id, requested.currentLeaderEpoch)) ||
    call.effects.errorAt('after', name, partitionIndex)
  if (errorCode !== 0 || partition === undefined) return { partitionIndex, errorCode }
  const { log } = partition
  const { replicaId, isolationLevel } = call.request
  const isCommitted = replicaId === consumerReplicaId && isolationLevel === readCommitted
  const end = isCommitted ? log.lastStableOffset : log.endOffset
  const { offset, timestamp, leaderEpoch } = lookUp(log, requested.timestamp, end)
  const found = { partitionIndex, offset, timestamp }
  return call.version >= leaderEpochSince ? { ...found, leaderEpoch } : found
}

export const listOffsetsHandler = defineHandler({
  api: listOffsetsApi,
  handle: (call) => {
    call.respond({
      topics: call.request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map((requested) => respondPartition(call, name, requested)),
      })),
    })
  },
  targets: (request) =>
    request.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })),
    ),
})
