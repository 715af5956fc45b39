// Handles DescribeProducers: returns the producers that a partition led by this node knows
// (KIP-664). It keeps no state. Caller: handlers.ts.

import {
  type DescribeProducersRequest,
  type DescribeProducersResponse,
  describeProducersApi,
} from '../../protocol/api/61-describe-producers.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<DescribeProducersRequest, DescribeProducersResponse>

const describe = (call: Call, topic: string, partitionIndex: number) => {
  const partition = call.node.state.topic(topic)?.partitions[partitionIndex]
  const rejected = (errorCode: number) => ({ partitionIndex, errorCode, activeProducers: [] })
  if (partition === undefined) return rejected(errorNumber.UNKNOWN_TOPIC_OR_PARTITION)
  if (partition.leaderId !== call.node.id) return rejected(errorNumber.NOT_LEADER_OR_FOLLOWER)
  const { transactions } = partition.log
  const activeProducers = partition.producers.list().map((producer) => ({
    producerId: producer.producerId,
    producerEpoch: producer.epoch,
    lastSequence: producer.lastSequence,
    lastTimestamp: producer.lastTimestamp,
    coordinatorEpoch: -1,
    currentTxnStartOffset: transactions.startOf(producer.producerId),
  }))
  return { partitionIndex, errorCode: 0, activeProducers }
}

export const describeProducersHandler = defineHandler({
  api: describeProducersApi,
  handle: (call) => {
    call.respond({
      topics: call.request.topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((index) => describe(call, name, index)),
      })),
    })
  },
  targets: (request) =>
    request.topics.flatMap(({ name, partitionIndexes }) =>
      partitionIndexes.map((partition) => ({ topic: name, partition })),
    ),
})
