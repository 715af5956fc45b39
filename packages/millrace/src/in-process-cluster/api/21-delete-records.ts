// Handles DeleteRecords: records before an offset can't be read afterwards. Whole batches are
// removed; the batch that contains the offset is kept. Caller: handlers.ts.

import {
  type DeleteRecordsRequest,
  type DeleteRecordsResponse,
  deleteRecordsApi,
} from '../../protocol/api/21-delete-records.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<DeleteRecordsRequest, DeleteRecordsResponse>

/** -1 = up to the high watermark. */
const upToEnd = -1

const deleteIn = (call: Call, topic: string, index: number, requested: number) => {
  const partition = call.node.state.topic(topic)?.partitions[index]
  const rejected = (errorCode: number) => ({ partitionIndex: index, lowWatermark: -1, errorCode })
  const fault = call.effects.errorAt('before', topic, index)
  if (fault !== 0) return rejected(fault)
  if (partition === undefined) return rejected(errorNumber.UNKNOWN_TOPIC_OR_PARTITION)
  if (partition.leaderId !== call.node.id) return rejected(errorNumber.NOT_LEADER_OR_FOLLOWER)
  const { log } = partition
  const offset = requested === upToEnd ? log.endOffset : requested
  if (offset < 0 || offset > log.endOffset) return rejected(errorNumber.OFFSET_OUT_OF_RANGE)
  log.deleteBefore(offset)
  const errorCode = call.effects.errorAt('after', topic, index)
  return { partitionIndex: index, lowWatermark: log.startOffset, errorCode }
}

export const deleteRecordsHandler = defineHandler({
  api: deleteRecordsApi,
  handle: (call) => {
    call.respond({
      topics: call.request.topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex, offset }) =>
          deleteIn(call, name, partitionIndex, offset),
        ),
      })),
    })
  },
  targets: (request) =>
    request.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })),
    ),
})
