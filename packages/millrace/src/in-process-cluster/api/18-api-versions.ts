// Handles ApiVersions: returns the APIs that this node serves. An unknown version gets a response
// of version 0 with UNSUPPORTED_VERSION and the range of ApiVersions only (KIP-511). A client that
// expects another cluster or node at this address must bootstrap again (KIP-1242). Callers:
// handlers.ts and node-connection.ts.

import {
  type ApiVersionsRequest,
  type ApiVersionsResponse,
  apiVersionsApi,
} from '../../protocol/api/18-api-versions.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { Input } from '../../protocol/schema/api.ts'
import type { VersionRange } from '../versions.ts'
import { type ApiCall, defineHandler } from './handler.ts'

/**
 * From this version on, a rejection contains the range of ApiVersions, and other responses contain
 * features.
 */
const rangeInRejectionsince = 3

/** From this version on, a feature with minimum level 0 can be advertised (KAFKA-17492). */
const levelZeroSince = 4

const transactionFeature = { name: 'transaction.version', minVersion: 0, maxVersion: 2 }

/** The features of the cluster; earlier releases advertise none. */
const featuresOf = ({
  node,
  version,
}: ApiCall<ApiVersionsRequest, ApiVersionsResponse>): Partial<Input<ApiVersionsResponse>> => {
  const { state, transactionSettings } = node
  if (!transactionSettings.hasFeature || version < rangeInRejectionsince) return {}
  const { transactionLevel: level } = state
  const { name } = transactionFeature
  return {
    supportedFeatures: version >= levelZeroSince ? [transactionFeature] : [],
    finalizedFeaturesEpoch: state.featuresEpoch,
    finalizedFeatures:
      level === 0 ? [] : [{ name, minVersionLevel: level, maxVersionLevel: level }],
  }
}

/** From version 5 on, a client names both the cluster and the node that it expects, or neither. */
const namesOneOnly = ({ request }: ApiCall<ApiVersionsRequest, ApiVersionsResponse>): boolean =>
  (request.clusterId === null) !== (request.nodeId === -1)

const isForOtherNode = ({
  request,
  node,
}: ApiCall<ApiVersionsRequest, ApiVersionsResponse>): boolean =>
  (request.clusterId !== null && request.clusterId !== node.state.clusterId) ||
  (request.nodeId !== -1 && request.nodeId !== node.id)

export const apiVersionsHandler = defineHandler({
  api: apiVersionsApi,
  handle: (call) => {
    const apiKeys = [...call.node.versions].map(([apiKey, { min, max }]) => ({
      apiKey,
      minVersion: min,
      maxVersion: max,
    }))
    if (namesOneOnly(call)) {
      call.respond({ errorCode: errorNumber.INVALID_REQUEST, apiKeys })
      return
    }
    if (isForOtherNode(call)) {
      call.respond({ errorCode: errorNumber.REBOOTSTRAP_REQUIRED, apiKeys })
      return
    }
    call.authentication.onVersionsSent()
    call.respond({ errorCode: 0, apiKeys, ...featuresOf(call) })
  },
  reject: (_request, code) => ({ errorCode: code }),
})

/** The response body in version 0, for a version that the node does not serve. */
export const unsupportedApiVersions = (
  versions: ReadonlyMap<number, VersionRange>,
): Input<ApiVersionsResponse> => {
  const range = versions.get(apiVersionsApi.key)
  const named = range !== undefined && range.max >= rangeInRejectionsince
  return {
    errorCode: errorNumber.UNSUPPORTED_VERSION,
    apiKeys: named
      ? [{ apiKey: apiVersionsApi.key, minVersion: range.min, maxVersion: range.max }]
      : [],
  }
}
