// Handles IncrementalAlterConfigs: changes settings of topics. Nodes have no settings that can be
// changed. cluster-state.ts owns the settings. Caller: handlers.ts.

import {
  type IncrementalAlterConfigsRequest,
  type IncrementalAlterConfigsResponse,
  incrementalAlterConfigsApi,
} from '../../protocol/api/44-incremental-alter-configs.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { ApiError } from '../api-error.ts'
import type { TopicConfig } from '../topic-config.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>
type Resource = IncrementalAlterConfigsRequest['resources'][number]
type Change = Resource['configs'][number]

const topicResource = 2
const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const

const entriesOf = (list: string): string[] => (list === '' ? [] : list.split(','))

/** The new value; null = the default. */
const changedValue = (
  config: TopicConfig,
  { name, configOperation, value }: Change,
): string | null => {
  if (configOperation === operations.delete) return null
  if (value === null) {
    throw new ApiError(errorNumber.INVALID_CONFIG, `Null value not supported for ${name}`)
  }
  if (configOperation === operations.set) return value
  const before = entriesOf(config.value(name))
  const named = entriesOf(value)
  const kept = before.filter((entry) => !named.includes(entry))
  if (configOperation === operations.subtract) return kept.join(',')
  if (configOperation === operations.append) return [...kept, ...named].join(',')
  throw new ApiError(errorNumber.INVALID_REQUEST, `Unknown operation ${configOperation}`)
}

const alter = (call: Call, resource: Resource): number => {
  const { resourceType, resourceName, configs } = resource
  const { state } = call.node
  if (resourceType !== topicResource) {
    throw new ApiError(errorNumber.INVALID_REQUEST, 'Only topics have settings here')
  }
  const fault = call.effects.errorAt('before', resourceName)
  if (fault !== 0) return fault
  const topic = state.topic(resourceName)
  if (topic === undefined) return errorNumber.UNKNOWN_TOPIC_OR_PARTITION
  const changes = configs.map(
    (change) => [change.name, changedValue(topic.config, change)] as const,
  )
  state.changeConfig(topic, new Map(changes), call.request.validateOnly)
  return call.effects.errorAt('after', resourceName)
}

const outcome = (call: Call, resource: Resource) => {
  const { resourceType, resourceName } = resource
  try {
    const errorCode = alter(call, resource)
    return { errorCode, errorMessage: null, resourceType, resourceName }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return { errorCode: error.code, errorMessage: error.message, resourceType, resourceName }
  }
}

export const incrementalAlterConfigsHandler = defineHandler({
  api: incrementalAlterConfigsApi,
  handle: (call) => {
    const { resources } = call.request
    call.respond({ responses: resources.map((resource) => outcome(call, resource)) })
  },
  targets: (request) =>
    request.resources
      .filter(({ resourceType }) => resourceType === topicResource)
      .map(({ resourceName }) => ({ topic: resourceName, partition: -1 })),
})
