// Handles WriteTxnMarkers: writes a marker to the log of a partition that the node leads.
// Administrators send it (KIP-664); the cluster's own coordinator writes its markers without
// requests. Caller: handlers.ts.

import {
  type WriteTxnMarkersRequest,
  type WriteTxnMarkersResponse,
  writeTxnMarkersApi,
} from '../../protocol/api/27-write-txn-markers.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<WriteTxnMarkersRequest, WriteTxnMarkersResponse>
type Marker = WriteTxnMarkersRequest['markers'][number]

const write = (call: Call, marker: Marker, topic: string, index: number): number => {
  const { state, id } = call.node
  const fault = call.effects.errorAt('before', topic, index)
  if (fault !== 0) return fault
  const partition = state.topic(topic)?.partitions[index]
  if (partition === undefined) return errorNumber.UNKNOWN_TOPIC_OR_PARTITION
  if (partition.leaderId !== id) return errorNumber.NOT_LEADER_OR_FOLLOWER
  const { producerId, producerEpoch: epoch, transactionResult, coordinatorEpoch } = marker
  if (partition.producers.isStale(producerId, epoch)) return errorNumber.INVALID_PRODUCER_EPOCH
  const entry = { producerId, epoch, isCommit: transactionResult, coordinatorEpoch }
  partition.writeMarker(entry, state.clock.wallTime())
  return call.effects.errorAt('after', topic, index)
}

export const writeTxnMarkersHandler = defineHandler({
  api: writeTxnMarkersApi,
  handle: (call) => {
    call.respond({
      markers: call.request.markers.map((marker) => ({
        producerId: marker.producerId,
        topics: marker.topics.map(({ name, partitionIndexes }) => ({
          name,
          partitions: partitionIndexes.map((partitionIndex) => ({
            partitionIndex,
            errorCode: write(call, marker, name, partitionIndex),
          })),
        })),
      })),
    })
  },
  targets: (request) =>
    request.markers.flatMap(({ topics }) =>
      topics.flatMap(({ name, partitionIndexes }) =>
        partitionIndexes.map((partition) => ({ topic: name, partition })),
      ),
    ),
})
