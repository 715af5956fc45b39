// Owns the schema of Heartbeat, with which a consumer stays a member of its group. Caller: the
// in-process cluster. The fields and versions must be those of Kafka's message definition.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'HeartbeatRequest',
  validVersions: '0-4',
  flexibleVersions: '4+',
  fields: [
    { name: 'GroupId', type: 'string', versions: '0+' },
    { name: 'GenerationId', type: 'int32', versions: '0+' },
    { name: 'MemberId', type: 'string', versions: '0+' },
    {
      name: 'GroupInstanceId',
      type: 'string',
      versions: '3+',
      nullableVersions: '3+',
      default: null,
    },
  ],
} as const satisfies MessageSchema

const response = {
  name: 'HeartbeatResponse',
  validVersions: '0-4',
  flexibleVersions: '4+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '1+', ignorable: true },
    { name: 'ErrorCode', type: 'int16', versions: '0+' },
  ],
} as const satisfies MessageSchema

export type HeartbeatRequest = MessageOf<typeof request>
export type HeartbeatResponse = MessageOf<typeof response>

export const heartbeatApi: Api<HeartbeatRequest, HeartbeatResponse> = defineApi({
  key: 12,
  name: 'Heartbeat',
  clientVersions: { min: 2, max: 4 },
  request,
  response,
})
