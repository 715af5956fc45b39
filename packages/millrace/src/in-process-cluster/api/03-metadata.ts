// Handles Metadata: nodes, topics, and leaders. It creates an unknown topic if the request and the
// cluster allow it. LEADER_NOT_AVAILABLE is the error of a partition without a leader, and of a
// topic without any leader. Caller: handlers.ts.

import {
  type MetadataRequest,
  type MetadataResponse,
  metadataApi,
} from '../../protocol/api/03-metadata.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { Input } from '../../protocol/schema/api.ts'
import { ApiError } from '../api-error.ts'
import type { ClusterState } from '../cluster-state.ts'
import type { FaultEffects } from '../faults.ts'
import { noLeader, type Partition, type Topic } from '../topic.ts'
import { defineHandler } from './handler.ts'

type TopicResponse = Input<MetadataResponse['topics'][number]>
type PartitionResponse = Input<MetadataResponse['topics'][number]['partitions'][number]>
type TopicQuery = NonNullable<MetadataRequest['topics']>[number]

/** From this version on, a null name means that the request names the topic by its id. */
const queriesByIdSince = 12
/** From this version on, the response has an error code of its own. */
const topErrorSince = 13

const describePartition = (state: ClusterState, partition: Partition): PartitionResponse => {
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

const describeTopic = (state: ClusterState, topic: Topic): TopicResponse => {
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

const findOrCreate = (state: ClusterState, name: string, mayCreate: boolean): TopicResponse => {
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

const queryResponse = (
  state: ClusterState,
  query: TopicQuery,
  mayCreate: boolean,
  effects: FaultEffects,
): TopicResponse => {
  const byId = query.name === null ? state.topicById(query.topicId) : undefined
  const name = query.name ?? byId?.name ?? null
  if (name === null) {
    const errorCode = errorNumber.UNKNOWN_TOPIC_ID
    return { errorCode, name: null, topicId: query.topicId, partitions: [] }
  }
  const before = effects.errorAt('before', name)
  const topicId = state.topic(name)?.id
  if (before !== 0) return { errorCode: before, name, topicId, partitions: [] }
  const response = findOrCreate(state, name, mayCreate && query.name !== null)
  const after = effects.errorAt('after', name)
  return after === 0 ? response : { ...response, errorCode: after, partitions: [] }
}

/** All topics: null, or an empty list before version 1. */
const requestsAll = (request: MetadataRequest, version: number): boolean =>
  request.topics === null || (version === 0 && request.topics.length === 0)

export const metadataHandler = defineHandler({
  api: metadataApi,
  handle: (call) => {
    const { state } = call.node
    const { request, effects } = call
    if (call.version < queriesByIdSince && request.topics?.some((query) => query.name === null)) {
      call.close()
      return
    }
    const queries: readonly TopicQuery[] =
      requestsAll(request, call.version) || request.topics === null
        ? state.topics.map(({ name, id }) => ({ name, topicId: id }))
        : request.topics
    const { REBOOTSTRAP_REQUIRED } = errorNumber
    if (call.version >= topErrorSince && effects.errorAt('before') === REBOOTSTRAP_REQUIRED) {
      call.respond({ errorCode: REBOOTSTRAP_REQUIRED })
      return
    }
    const mayCreate = request.allowAutoTopicCreation && state.settings.autoCreateTopics
    call.respond({
      brokers: state.livingNodes.map(({ id, host, port, rack }) => ({
        nodeId: id,
        host,
        port,
        rack,
      })),
      clusterId: state.clusterId,
      controllerId: state.controllerId,
      topics: queries.map((query) => queryResponse(state, query, mayCreate, effects)),
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
