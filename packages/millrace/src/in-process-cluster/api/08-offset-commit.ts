// Handles OffsetCommit: stores the offsets of a group. Only a member of the current generation may
// commit, or a client outside the group while it has no members. From version 10 on, topics are
// named by id. Caller: handlers.ts.

import {
  type OffsetCommitRequest,
  type OffsetCommitResponse,
  offsetCommitApi,
} from '../../protocol/api/08-offset-commit.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<OffsetCommitRequest, OffsetCommitResponse>
type CommitTopic = OffsetCommitRequest['topics'][number]

const topicIdsSince = 10

const commitTopic = (call: Call, problem: number, requested: CommitTopic) => {
  const { request, node, effects } = call
  const byId = call.version >= topicIdsSince
  const name = byId ? node.state.topicById(requested.topicId)?.name : requested.name
  const committer = {
    memberId: request.memberId,
    generation: request.generationIdOrMemberEpoch,
  }
  const partitions = requested.partitions.map((each) => {
    const { partitionIndex: partition } = each
    const rejected =
      problem ||
      (name === undefined
        ? errorNumber.UNKNOWN_TOPIC_ID
        : effects.errorAt('before', name, partition))
    if (rejected !== 0 || name === undefined) {
      return { partitionIndex: partition, errorCode: rejected }
    }
    const errorCode = node.groups.commit(request.groupId, committer, {
      topic: name,
      partition,
      offset: each.committedOffset,
      leaderEpoch: each.committedLeaderEpoch,
      metadata: each.committedMetadata,
    })
    const after = effects.errorAt('after', name, partition)
    return { partitionIndex: partition, errorCode: after || errorCode }
  })
  return { name: requested.name, topicId: requested.topicId, partitions }
}

export const offsetCommitHandler = defineHandler({
  api: offsetCommitApi,
  handle: (call) => {
    const { node, request } = call
    const problem = node.groups.problem(node.id, request.groupId)
    call.respond({ topics: request.topics.map((topic) => commitTopic(call, problem, topic)) })
  },
  targets: (request, state) =>
    request.topics.flatMap(({ name, topicId, partitions }) => {
      const topic = name === '' ? (state.topicById(topicId)?.name ?? '') : name
      return partitions.map(({ partitionIndex }) => ({ topic, partition: partitionIndex }))
    }),
})
