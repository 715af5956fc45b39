// Owns the schema of GetTelemetrySubscriptions, which returns the metrics that a broker requests
// from this client (KIP-714). Callers: cluster-client/telemetry.ts, the in-process cluster. The
// fields and versions must be those of Kafka's message definition.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'GetTelemetrySubscriptionsRequest',
  validVersions: '0',
  flexibleVersions: '0+',
  fields: [{ name: 'ClientInstanceId', type: 'uuid', versions: '0+' }],
} as const satisfies MessageSchema

const response = {
  name: 'GetTelemetrySubscriptionsResponse',
  validVersions: '0',
  flexibleVersions: '0+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '0+' },
    { name: 'ErrorCode', type: 'int16', versions: '0+' },
    { name: 'ClientInstanceId', type: 'uuid', versions: '0+' },
    { name: 'SubscriptionId', type: 'int32', versions: '0+' },
    { name: 'AcceptedCompressionTypes', type: '[]int8', versions: '0+' },
    { name: 'PushIntervalMs', type: 'int32', versions: '0+' },
    { name: 'TelemetryMaxBytes', type: 'int32', versions: '0+' },
    { name: 'DeltaTemporality', type: 'bool', versions: '0+' },
    { name: 'RequestedMetrics', type: '[]string', versions: '0+' },
  ],
} as const satisfies MessageSchema

export type GetTelemetrySubscriptionsRequest = MessageOf<typeof request>
export type GetTelemetrySubscriptionsResponse = MessageOf<typeof response>

export const getTelemetrySubscriptionsApi: Api<
  GetTelemetrySubscriptionsRequest,
  GetTelemetrySubscriptionsResponse
> = defineApi({
  key: 71,
  name: 'GetTelemetrySubscriptions',
  clientVersions: { min: 0, max: 0 },
  request,
  response,
})
