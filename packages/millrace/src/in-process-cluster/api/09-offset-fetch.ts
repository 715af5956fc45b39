// Handles OffsetFetch: returns the committed offsets of groups; -1 if there is none. From version 8
// on a request has several groups, and from version 10 on topics are named by id. A request for
// stable offsets gets an error if an open transaction may change one (KIP-447). Caller:
// handlers.ts.

import {
  type OffsetFetchRequest,
  type OffsetFetchResponse,
  offsetFetchApi,
} from '../../protocol/api/09-offset-fetch.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { Input } from '../../protocol/schema/api.ts'
import { zeroUuid } from '../../protocol/schema/message.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<OffsetFetchRequest, OffsetFetchResponse>
type RequestedGroup = OffsetFetchRequest['groups'][number]
type RequestedTopic = NonNullable<RequestedGroup['topics']>[number]
type GroupResult = Input<OffsetFetchResponse['groups'][number]>

const groupsSince = 8
const topErrorSince = 2
const topicIdsSince = 10

const nameOf = (call: Call, requested: RequestedTopic): string | undefined =>
  call.version >= topicIdsSince
    ? call.node.state.topicById(requested.topicId)?.name
    : requested.name

const respondPartition = (call: Call, groupId: string, name: string | undefined, index: number) => {
  const { groups } = call.node
  if (call.request.requireStable && name !== undefined && groups.isUnstable(groupId, name, index)) {
    return {
      partitionIndex: index,
      committedOffset: -1,
      committedLeaderEpoch: -1,
      metadata: '',
      errorCode: errorNumber.UNSTABLE_OFFSET_COMMIT,
    }
  }
  const found = name === undefined ? undefined : groups.committed(groupId, name, index)
  return {
    partitionIndex: index,
    committedOffset: found?.offset ?? -1,
    committedLeaderEpoch: found?.leaderEpoch ?? -1,
    metadata: found?.metadata ?? '',
    errorCode: name === undefined ? errorNumber.UNKNOWN_TOPIC_ID : 0,
  }
}

/** All committed offsets, as a query for each partition. */
const everything = (call: Call, groupId: string): readonly RequestedTopic[] => {
  const byTopic = new Map<string, number[]>()
  for (const { topic, partition } of call.node.groups.allCommitted(groupId)) {
    byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition])
  }
  return [...byTopic].map(([name, partitionIndexes]) => ({
    name,
    topicId: call.node.state.topic(name)?.id ?? zeroUuid,
    partitionIndexes,
  }))
}

const groupResponse = (
  call: Call,
  groupId: string,
  requested: readonly RequestedTopic[] | null,
): GroupResult => {
  const errorCode = call.node.groups.problem(call.node.id, groupId)
  if (errorCode !== 0) return { groupId, errorCode, topics: [] }
  const topics = (requested ?? everything(call, groupId)).map((topic) => ({
    name: topic.name,
    topicId: topic.topicId,
    partitions: topic.partitionIndexes.map((index) =>
      respondPartition(call, groupId, nameOf(call, topic), index),
    ),
  }))
  return { groupId, topics }
}

/** Versions before 8 request a single group. */
const respondOne = (call: Call): void => {
  const { groupId, topics } = call.request
  const requested = topics?.map((topic) => ({ ...topic, topicId: zeroUuid })) ?? null
  const response = groupResponse(call, groupId, requested)
  const named = (response.topics ?? []).map(({ topicId: _id, ...topic }) => topic)
  if (call.version >= topErrorSince || !response.errorCode) {
    call.respond({ errorCode: response.errorCode, topics: named })
    return
  }
  // Version 1 has error codes for partitions only.
  const { errorCode } = response
  call.respond({
    topics: (topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({
        partitionIndex,
        committedOffset: -1,
        errorCode,
      })),
    })),
  })
}

export const offsetFetchHandler = defineHandler({
  api: offsetFetchApi,
  handle: (call) => {
    if (call.version < groupsSince) {
      respondOne(call)
      return
    }
    const { groups } = call.request
    call.respond({
      groups: groups.map(({ groupId, topics }) => groupResponse(call, groupId, topics)),
    })
  },
  reject: (request, errorCode, version) =>
    version >= groupsSince
      ? { groups: request.groups.map(({ groupId }) => ({ groupId, errorCode, topics: [] })) }
      : { errorCode },
})
