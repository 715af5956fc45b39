// Handles TxnOffsetCommit: stores offsets for a consumer group that take effect when the
// transaction commits. Up to version 4 AddOffsetsToTxn must have added the group; from version 5 on
// this request adds it. Members send their generation from version 3 on (KIP-447), and topics are
// named by id from version 6 on. Caller: handlers.ts.

import {
  type TxnOffsetCommitRequest,
  type TxnOffsetCommitResponse,
  txnOffsetCommitApi,
} from '../../protocol/api/28-txn-offset-commit.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<TxnOffsetCommitRequest, TxnOffsetCommitResponse>
type CommitTopic = TxnOffsetCommitRequest['topics'][number]
type CommitPartition = CommitTopic['partitions'][number]

const addsSince = 5
const topicIdsSince = 6
/** From this version on, clients know TRANSACTION_ABORTABLE. */
const abortableSince = 4
/** From this version on, clients handle COORDINATOR_LOAD_IN_PROGRESS (KAFKA-7296). */
const loadingSince = 2

const nameOf = (call: Call, { name, topicId }: CommitTopic): string | undefined =>
  call.version >= topicIdsSince ? call.node.state.topicById(topicId)?.name : name

/** Why one offset is rejected; 0 = it is accepted. */
const problemOf = (call: Call, name: string | undefined, partition: number): number => {
  if (name === undefined) return errorNumber.UNKNOWN_TOPIC_ID
  const fault = call.effects.errorAt('before', name, partition)
  if (fault !== 0) return fault
  return call.node.state.topic(name)?.partitions[partition] === undefined
    ? errorNumber.UNKNOWN_TOPIC_OR_PARTITION
    : 0
}

/** 0 = the group is part of the producer's transaction, or was added; otherwise the error. */
const admit = (call: Call): number => {
  const { node, request, version } = call
  const { transactionalId, groupId, producerId, producerEpoch: epoch } = request
  const pending = node.groups.pending(groupId)
  if (pending.isStale(producerId, epoch)) return errorNumber.INVALID_PRODUCER_EPOCH
  const adds = version >= addsSince
  const isVerified = adds || node.transactionSettings.verifies
  if (!isVerified || pending.isOpen(producerId, epoch)) return 0
  const { transactions } = node
  const by = { producerId, epoch }
  const places = { partitions: [], groups: [groupId] }
  const code =
    transactions.problemInside(transactionalId) ||
    (adds
      ? transactions.add(transactionalId, by, places, 2)
      : transactions.verify(transactionalId, by, places))
  if (code === errorNumber.PRODUCER_FENCED) return errorNumber.INVALID_PRODUCER_EPOCH
  const isUnknownError = code === errorNumber.TRANSACTION_ABORTABLE && version < abortableSince
  return isUnknownError ? errorNumber.INVALID_TXN_STATE : code
}

const problemOfAll = (call: Call): number => {
  const { node, request, version } = call
  const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch: generation } = request
  const committer = { memberId, generation, groupInstanceId }
  const code =
    node.groups.problem(node.id, groupId) ||
    admit(call) ||
    node.groups.transactionalProblem(groupId, committer)
  return code === errorNumber.COORDINATOR_LOAD_IN_PROGRESS && version < loadingSince
    ? errorNumber.COORDINATOR_NOT_AVAILABLE
    : code
}

const store = (call: Call, topic: string, requested: CommitPartition): number => {
  const { groupId, producerId, producerEpoch: epoch } = call.request
  const { partitionIndex: partition } = requested
  call.node.groups.commitPending(
    groupId,
    { producerId, epoch },
    {
      topic,
      partition,
      offset: requested.committedOffset,
      leaderEpoch: requested.committedLeaderEpoch,
      metadata: requested.committedMetadata,
    },
  )
  return call.effects.errorAt('after', topic, partition)
}

export const txnOffsetCommitHandler = defineHandler({
  api: txnOffsetCommitApi,
  handle: (call) => {
    const { topics } = call.request
    const isAnyGood = topics.some((topic) =>
      topic.partitions.some(
        ({ partitionIndex }) => problemOf(call, nameOf(call, topic), partitionIndex) === 0,
      ),
    )
    const ofAll = isAnyGood ? problemOfAll(call) : 0
    call.respond({
      topics: topics.map((topic) => {
        const name = nameOf(call, topic)
        const partitions = topic.partitions.map((requested) => {
          const { partitionIndex } = requested
          const rejected = problemOf(call, name, partitionIndex) || ofAll
          const isStored = rejected === 0 && name !== undefined
          return { partitionIndex, errorCode: isStored ? store(call, name, requested) : rejected }
        })
        return { name: topic.name, topicId: topic.topicId, partitions }
      }),
    })
  },
  targets: (request, state) =>
    request.topics.flatMap(({ name, topicId, partitions }) => {
      const topic = name === '' ? (state.topicById(topicId)?.name ?? '') : name
      return partitions.map(({ partitionIndex }) => ({ topic, partition: partitionIndex }))
    }),
  transactionalIds: ({ transactionalId }) => [transactionalId],
})
