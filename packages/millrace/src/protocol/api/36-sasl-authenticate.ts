// Owns the schema of SaslAuthenticate, which transports the messages of a SASL mechanism. From
// version 1 the response contains the lifetime of the session. Callers: net/, the in-process
// cluster. The fields and versions must be those of Kafka's message definition.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'SaslAuthenticateRequest',
  validVersions: '0-2',
  flexibleVersions: '2+',
  fields: [{ name: 'AuthBytes', type: 'bytes', versions: '0+' }],
} as const satisfies MessageSchema

const response = {
  name: 'SaslAuthenticateResponse',
  validVersions: '0-2',
  flexibleVersions: '2+',
  fields: [
    { name: 'ErrorCode', type: 'int16', versions: '0+' },
    { name: 'ErrorMessage', type: 'string', versions: '0+', nullableVersions: '0+' },
    { name: 'AuthBytes', type: 'bytes', versions: '0+' },
    { name: 'SessionLifetimeMs', type: 'int64', versions: '1+', default: 0, ignorable: true },
  ],
} as const satisfies MessageSchema

export type SaslAuthenticateRequest = MessageOf<typeof request>
export type SaslAuthenticateResponse = MessageOf<typeof response>

export const saslAuthenticateApi: Api<SaslAuthenticateRequest, SaslAuthenticateResponse> =
  defineApi({
    key: 36,
    name: 'SaslAuthenticate',
    clientVersions: { min: 0, max: 2 },
    request,
    response,
  })
