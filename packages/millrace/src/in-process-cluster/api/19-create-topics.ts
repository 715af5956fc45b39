// Handles CreateTopics: any node creates topics, as if it were the controller. Each topic succeeds
// or fails independently. cluster-state.ts owns the topics. Caller: handlers.ts.

import {
  type CreateTopicsRequest,
  type CreateTopicsResponse,
  createTopicsApi,
} from '../../protocol/api/19-create-topics.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { Input } from '../../protocol/schema/api.ts'
import { ApiError } from '../api-error.ts'
import type { TopicSpec } from '../cluster-state.ts'
import type { Topic } from '../topic.ts'
import { configSource } from './32-describe-configs.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<CreateTopicsRequest, CreateTopicsResponse>
type RequestedTopic = CreateTopicsRequest['topics'][number]
type TopicResponse = Input<CreateTopicsResponse['topics'][number]>

/** From this version on, partition and replica counts may be -1, which means the default. */
const defaultCountsSince = 4

const specOf = (requested: RequestedTopic, version: number): TopicSpec => {
  const { numPartitions, replicationFactor, assignments, configs } = requested
  const wantsDefaults = numPartitions === -1 || replicationFactor === -1
  if (wantsDefaults && assignments.length === 0 && version < defaultCountsSince) {
    throw new ApiError(errorNumber.INVALID_PARTITIONS, 'Partitions and replicas must be given')
  }
  const config = Object.fromEntries(configs.map(({ name, value }) => [name, value ?? '']))
  if (assignments.length === 0) return { partitions: numPartitions, replicationFactor, config }
  const byIndex = [...assignments].sort((a, b) => a.partitionIndex - b.partitionIndex)
  if (byIndex.some(({ partitionIndex }, index) => partitionIndex !== index)) {
    throw new ApiError(errorNumber.INVALID_REPLICA_ASSIGNMENT, 'Partitions must count up from 0')
  }
  return { partitions: -1, config, assignment: byIndex.map(({ brokerIds }) => brokerIds) }
}

const described = (topic: Topic): TopicResponse => ({
  name: topic.name,
  topicId: topic.id,
  numPartitions: topic.partitions.length,
  replicationFactor: topic.replicationFactor,
  configs: topic.config.describe().map(({ name, value, isDefault }) => ({
    name,
    value,
    configSource: isDefault ? configSource.default : configSource.topic,
  })),
})

const rejected = (name: string, errorCode: number, errorMessage: string | null): TopicResponse => ({
  name,
  errorCode,
  errorMessage,
  configs: [],
})

const create = (call: Call, requested: RequestedTopic, isRepeated: boolean): TopicResponse => {
  const { name } = requested
  const fault = call.effects.errorAt('before', name)
  if (fault !== 0) return rejected(name, fault, null)
  if (isRepeated) return rejected(name, errorNumber.INVALID_REQUEST, 'Duplicate topic name.')
  try {
    const spec = specOf(requested, call.version)
    const topic = call.node.state.createTopic(name, spec, call.request.validateOnly)
    const after = call.effects.errorAt('after', name)
    return after === 0 ? described(topic) : rejected(name, after, null)
  } catch (error) {
    if (error instanceof ApiError) return rejected(name, error.code, error.message)
    throw error
  }
}

export const createTopicsHandler = defineHandler({
  api: createTopicsApi,
  handle: (call) => {
    const { topics } = call.request
    const isRepeated = (requested: RequestedTopic) =>
      topics.some((other) => other !== requested && other.name === requested.name)
    call.respond({
      topics: topics.map((requested) => create(call, requested, isRepeated(requested))),
    })
  },
  targets: (request) => request.topics.map(({ name }) => ({ topic: name, partition: -1 })),
})
