// Metadata: nodes, topics, leaders. A topic that does not exist is made where the request and the
// cluster allow it. While a partition has no leader it says LEADER_NOT_AVAILABLE, and so does a
// topic none of whose partitions has one yet.

import {
  type MetadataRequest,
  type MetadataResponse,
  metadataApi,
} from '../../protocol/api/03-metadata.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { Input } from '../../protocol/schema/api.ts'
import { ApiError } from '../api-error.ts'
import type { ClusterState } from '../cluster-state.ts'
import type { Strike } from '../faults.ts'
import { noLeader, type Partition, type Topic } from '../topic.ts'
import { defineHandler } from './handler.ts'

type TopicAnswer = Input<MetadataResponse['topics'][number]>
type PartitionAnswer = Input<MetadataResponse['topics'][number]['partitions'][number]>
type TopicQuery = NonNullable<MetadataRequest['topics']>[number]

/** From here on a null name means that the topic is asked for by its id. */
const queriesByIdSince = 12
/** From here on the answer as a whole can fail. */
const topErrorSince = 13

const describePartition = (state: ClusterState, partition: Partition): PartitionAnswer => {
  const living = state.inSyncReplicas(partition)
  return {
    errorCode: partition.leaderId === noLeader ? errorNumber.LEADER_NOT_AVAILABLE : 0,
    partitionIndex: partition.index,
    leaderId: partition.leaderId,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: partition.replicas,
    isrNodes: living,
    offlineReplicas: partition.replicas.filter((id) => !living.includes(id)),
  }
}

const describeTopic = (state: ClusterState, topic: Topic): TopicAnswer => {
  const isNew = topic.partitions.every(
    (partition) => partition.leaderId === noLeader && partition.leaderEpoch === -1,
  )
  if (isNew) {
    return {
      errorCode: errorNumber.LEADER_NOT_AVAILABLE,
      name: topic.name,
      topicId: topic.id,
      partitions: [],
    }
  }
  return {
    name: topic.name,
    topicId: topic.id,
    partitions: topic.partitions.map((partition) => describePartition(state, partition)),
  }
}

const findOrCreate = (state: ClusterState, name: string, mayCreate: boolean): TopicAnswer => {
  const known = state.topic(name)
  if (known !== undefined) return describeTopic(state, known)
  try {
    if (mayCreate) {
      return describeTopic(state, state.createTopic(name, { partitions: -1 }))
    }
    state.checkTopicName(name)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return { errorCode: error.code, name, partitions: [] }
  }
  return { errorCode: errorNumber.UNKNOWN_TOPIC_OR_PARTITION, name, partitions: [] }
}

const answerQuery = (
  state: ClusterState,
  query: TopicQuery,
  mayCreate: boolean,
  strike: Strike,
): TopicAnswer => {
  const byId = query.name === null ? state.topicById(query.topicId) : undefined
  const name = query.name ?? byId?.name ?? null
  if (name === null) {
    const errorCode = errorNumber.UNKNOWN_TOPIC_ID
    return { errorCode, name: null, topicId: query.topicId, partitions: [] }
  }
  const before = strike.errorAt('before', name)
  const topicId = state.topic(name)?.id
  if (before !== 0) return { errorCode: before, name, topicId, partitions: [] }
  const answer = findOrCreate(state, name, mayCreate && query.name !== null)
  const after = strike.errorAt('after', name)
  return after === 0 ? answer : { ...answer, errorCode: after, partitions: [] }
}

/** All topics: null, or before version 1 an empty list. */
const asksForAll = (request: MetadataRequest, version: number): boolean =>
  request.topics === null || (version === 0 && request.topics.length === 0)

export const metadataHandler = defineHandler({
  api: metadataApi,
  handle: (call) => {
    const { state } = call.node
    const { request, strike } = call
    if (call.version < queriesByIdSince && request.topics?.some((query) => query.name === null)) {
      call.close()
      return
    }
    const queries: readonly TopicQuery[] =
      asksForAll(request, call.version) || request.topics === null
        ? state.topics.map(({ name, id }) => ({ name, topicId: id }))
        : request.topics
    const { REBOOTSTRAP_REQUIRED } = errorNumber
    if (call.version >= topErrorSince && strike.errorAt('before') === REBOOTSTRAP_REQUIRED) {
      call.respond({ errorCode: REBOOTSTRAP_REQUIRED })
      return
    }
    const mayCreate = request.allowAutoTopicCreation && state.settings.autoCreateTopics
    call.respond({
      brokers: state.livingNodes.map(({ id, host, port }) => ({ nodeId: id, host, port })),
      clusterId: state.clusterId,
      controllerId: state.controllerId,
      topics: queries.map((query) => answerQuery(state, query, mayCreate, strike)),
    })
  },
  targets: (request, state) => {
    const names =
      request.topics === null
        ? state.topics.map((topic) => topic.name)
        : request.topics.flatMap(
            ({ name, topicId }) => name ?? state.topicById(topicId)?.name ?? [],
          )
    return names.map((topic) => ({ topic, partition: -1 }))
  },
})
