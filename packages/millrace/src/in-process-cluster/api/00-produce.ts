// Handles Produce: the leader checks that the transaction may write (produce-admission.ts), then
// each partition's batch, then its producer's sequence numbers, and then appends. It responds at
// once for acks 1 and all, because all replicas share one log. With acks 0 it sends no response,
// and an error closes the connection. From version 10 on, a response names the new leader if this
// node is not the leader. Caller: handlers.ts.

import {
  type ProduceRequest,
  type ProduceResponse,
  produceApi,
} from '../../protocol/api/00-produce.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { Input } from '../../protocol/schema/api.ts'
import { checkBatch, type Rejection } from '../batch-check.ts'
import { type Candidate, type Denials, ProduceAdmission } from '../produce-admission.ts'
import type { Partition, Topic } from '../topic.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<ProduceRequest, ProduceResponse>
type TopicData = ProduceRequest['topicData'][number]
type PartitionResponse = Input<ProduceResponse['responses'][number]['partitionResponses'][number]>

const topicIdsSince = 13
const acksAll = -1

const failed = (
  index: number,
  errorCode: number,
  message: string | null = null,
): PartitionResponse => ({
  index,
  errorCode,
  baseOffset: -1,
  errorMessage: message,
})

const rejected = (index: number, rejection: Rejection): PartitionResponse => ({
  ...failed(index, rejection.code, rejection.message),
  recordErrors: rejection.recordErrors,
})

const notLeader = (partition: Partition): PartitionResponse => ({
  ...failed(partition.index, errorNumber.NOT_LEADER_OR_FOLLOWER),
  currentLeader: { leaderId: partition.leaderId, leaderEpoch: partition.leaderEpoch },
})

const writePartition = (
  call: Call,
  partition: Partition,
  records: Uint8Array | null,
  denials: Denials,
): PartitionResponse => {
  const { state, id } = call.node
  const { index, topic } = partition
  if (partition.leaderId !== id) return notLeader(partition)
  const denial = denials.get(partition)
  if (denial !== undefined) return failed(index, denial.code, denial.message)
  const inSyncCount = state.inSyncReplicas(partition).length
  if (call.request.acks === acksAll && inSyncCount < topic.config.minInsyncReplicas) {
    return failed(index, errorNumber.NOT_ENOUGH_REPLICAS)
  }
  const result = checkBatch(records ?? new Uint8Array(0), {
    config: topic.config,
    partitionName: partition.name,
    produceVersion: call.version,
    wallTime: state.clock.wallTime(),
    codecIds: state.settings.codecIds,
    codecErrorCode: state.settings.codecErrorCode,
  })
  if (result.rejection !== null) return rejected(index, result.rejection)
  // ProduceAdmission has already verified the transaction.
  const written = partition.write(result.batch, true)
  if (written.kind === 'error') return failed(index, written.code, written.message)
  return {
    index,
    baseOffset: written.baseOffset,
    logAppendTimeMs: written.appendTime,
    logStartOffset: partition.log.startOffset,
  }
}

const respondPartition = (
  call: Call,
  topic: Topic,
  { index, records }: TopicData['partitionData'][number],
  denials: Denials,
): PartitionResponse => {
  const before = call.effects.errorAt('before', topic.name, index)
  const partition = topic.partitions[index]
  if (before !== 0) return injected(call, index, partition, before)
  if (partition === undefined) return failed(index, errorNumber.UNKNOWN_TOPIC_OR_PARTITION)
  const response = writePartition(call, partition, records, denials)
  const after = call.effects.errorAt('after', topic.name, index)
  return after === 0 ? response : injected(call, index, partition, after)
}

/** The error of a fault. NOT_LEADER_OR_FOLLOWER names the leader only if it is another node. */
const injected = (
  call: Call,
  index: number,
  partition: Partition | undefined,
  code: number,
): PartitionResponse =>
  code === errorNumber.NOT_LEADER_OR_FOLLOWER &&
  partition !== undefined &&
  partition.leaderId !== call.node.id
    ? notLeader(partition)
    : failed(index, code)

const topicOf = (call: Call, data: TopicData): Topic | undefined =>
  call.version >= topicIdsSince
    ? call.node.state.topicById(data.topicId)
    : call.node.state.topic(data.name)

const topicResponse = (call: Call, data: TopicData, denials: Denials) => {
  const topic = topicOf(call, data)
  const { name, topicId } = data
  if (topic !== undefined) {
    const partitionResponses = data.partitionData.map((each) =>
      respondPartition(call, topic, each, denials),
    )
    return { name, topicId, partitionResponses }
  }
  const unknown =
    call.version >= topicIdsSince
      ? errorNumber.UNKNOWN_TOPIC_ID
      : errorNumber.UNKNOWN_TOPIC_OR_PARTITION
  return {
    name,
    topicId,
    partitionResponses: data.partitionData.map(({ index }) => {
      const before = call.version >= topicIdsSince ? 0 : call.effects.errorAt('before', name, index)
      return failed(index, before || unknown)
    }),
  }
}

/** The addresses of the leaders that the responses name. */
const endpointsOf = (call: Call, responses: readonly ReturnType<typeof topicResponse>[]) => {
  const ids = new Set<number>()
  for (const { partitionResponses } of responses) {
    for (const { currentLeader } of partitionResponses) {
      if (currentLeader?.leaderId !== undefined) ids.add(currentLeader.leaderId)
    }
  }
  return call.node.state.livingNodes
    .filter((node) => ids.has(node.id))
    .map(({ id, host, port, rack }) => ({ nodeId: id, host, port, rack }))
}

const hasError = (responses: readonly ReturnType<typeof topicResponse>[]): boolean =>
  responses.some((topic) => topic.partitionResponses.some(({ errorCode = 0 }) => errorCode !== 0))

const rejectAll = (request: ProduceRequest, code: number): Input<ProduceResponse> => ({
  responses: request.topicData.map(({ name, topicId, partitionData }) => ({
    name,
    topicId,
    partitionResponses: partitionData.map(({ index }) => failed(index, code)),
  })),
})

/** Version 10 added leaders and their addresses; earlier responses have no fields for them. */
const leadersSince = 10

const withoutLeaders = (responses: readonly ReturnType<typeof topicResponse>[]) =>
  responses.map((topic) => ({
    ...topic,
    partitionResponses: topic.partitionResponses.map(({ currentLeader: _leader, ...rest }) => rest),
  }))

/** The partitions that this node leads and no fault rejects. */
const candidatesOf = (call: Call): Candidate[] =>
  call.request.topicData.flatMap((data) => {
    const topic = topicOf(call, data)
    return data.partitionData.flatMap(({ index, records }) => {
      const partition = topic?.partitions[index]
      if (partition?.leaderId !== call.node.id) return []
      const fault = call.effects.errorAt('before', partition.topic.name, index)
      return fault === 0 ? [{ partition, records }] : []
    })
  })

const write = (call: Call, denials: Denials): void => {
  const { acks, topicData } = call.request
  const responses = topicData.map((data) => topicResponse(call, data, denials))
  if (acks === 0) {
    if (hasError(responses)) call.close()
    else call.respond(null)
    return
  }
  if (call.version < leadersSince) {
    call.respond({ responses: withoutLeaders(responses) })
    return
  }
  call.respond({ responses, nodeEndpoints: endpointsOf(call, responses) })
}

const reject = (call: Call, code: number): void => {
  if (call.request.acks === 0) call.close()
  else call.respond(rejectAll(call.request, code))
}

export const produceHandler = defineHandler({
  api: produceApi,
  handle: (call) => {
    const { acks, transactionalId } = call.request
    if (acks !== 0 && acks !== 1 && acks !== acksAll) {
      call.respond(rejectAll(call.request, errorNumber.INVALID_REQUIRED_ACKS))
      return
    }
    const admission = new ProduceAdmission(call.node, transactionalId, call.version)
    const rejection = admission.load(candidatesOf(call))
    if (rejection !== 0) {
      reject(call, rejection)
      return
    }
    call.onGone(() => admission.cancel())
    admission.verify((denials) => write(call, denials))
  },
  transactionalIds: ({ transactionalId }) => (transactionalId === null ? [] : [transactionalId]),
  targets: (request, state) =>
    request.topicData.flatMap(({ name, topicId, partitionData }) => {
      const topic = name === '' ? (state.topicById(topicId)?.name ?? '') : name
      return partitionData.map(({ index }) => ({ topic, partition: index }))
    }),
})
