// Handles DescribeConfigs: returns the settings of topics. Nodes have no settings, so the result
// for a node is empty. It keeps no state. Callers: handlers.ts and 19-create-topics.ts.

import {
  type DescribeConfigsRequest,
  type DescribeConfigsResponse,
  describeConfigsApi,
} from '../../protocol/api/32-describe-configs.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { Input } from '../../protocol/schema/api.ts'
import type { ClusterState } from '../cluster-state.ts'
import { defineHandler } from './handler.ts'

type Resource = DescribeConfigsRequest['resources'][number]
type Result = Input<DescribeConfigsResponse['results'][number]>

/** Kafka's numbers for the source of a value. */
export const configSource = { topic: 1, default: 5 } as const

const resourceTypes = { topic: 2, node: 4 } as const

const failed = (resource: Resource, errorCode: number): Result => ({
  errorCode,
  errorMessage: null,
  resourceType: resource.resourceType,
  resourceName: resource.resourceName,
  configs: [],
})

const describe = (state: ClusterState, resource: Resource): Result => {
  const { resourceType, resourceName, configurationKeys } = resource
  if (resourceType === resourceTypes.node) return failed(resource, 0)
  if (resourceType !== resourceTypes.topic) return failed(resource, errorNumber.INVALID_REQUEST)
  const topic = state.topic(resourceName)
  if (topic === undefined) return failed(resource, errorNumber.UNKNOWN_TOPIC_OR_PARTITION)
  const configs = topic.config
    .describe()
    .filter(({ name }) => configurationKeys === null || configurationKeys.includes(name))
    .map(({ name, value, isDefault }) => ({
      name,
      value,
      configSource: isDefault ? configSource.default : configSource.topic,
    }))
  return { ...failed(resource, 0), configs }
}

export const describeConfigsHandler = defineHandler({
  api: describeConfigsApi,
  handle: (call) => {
    const { state } = call.node
    call.respond({ results: call.request.resources.map((resource) => describe(state, resource)) })
  },
  targets: (request) =>
    request.resources
      .filter(({ resourceType }) => resourceType === resourceTypes.topic)
      .map(({ resourceName }) => ({ topic: resourceName, partition: -1 })),
  reject: (request, code) => ({ results: request.resources.map((each) => failed(each, code)) }),
})
