// Owns the schema of PushTelemetry, which sends the requested metrics to a broker as OTLP
// (KIP-714). Callers: cluster-client/telemetry.ts, the in-process cluster. The fields and versions
// must be those of Kafka's message definition.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'PushTelemetryRequest',
  validVersions: '0',
  flexibleVersions: '0+',
  fields: [
    { name: 'ClientInstanceId', type: 'uuid', versions: '0+' },
    { name: 'SubscriptionId', type: 'int32', versions: '0+' },
    { name: 'Terminating', type: 'bool', versions: '0+' },
    { name: 'CompressionType', type: 'int8', versions: '0+' },
    { name: 'Metrics', type: 'bytes', versions: '0+' },
  ],
} as const satisfies MessageSchema

const response = {
  name: 'PushTelemetryResponse',
  validVersions: '0',
  flexibleVersions: '0+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '0+' },
    { name: 'ErrorCode', type: 'int16', versions: '0+' },
  ],
} as const satisfies MessageSchema

export type PushTelemetryRequest = MessageOf<typeof request>
export type PushTelemetryResponse = MessageOf<typeof response>

export const pushTelemetryApi: Api<PushTelemetryRequest, PushTelemetryResponse> = defineApi({
  key: 72,
  name: 'PushTelemetry',
  clientVersions: { min: 0, max: 0 },
  request,
  response,
})
