// Owns the schema of SaslHandshake, which selects the SASL mechanism. From version 1 the messages
// of the mechanism are sent in SaslAuthenticate requests; after version 0 they would be sent
// without a request. Callers: net/, diagnose/, the in-process cluster. The fields and versions must
// be Kafka's.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'SaslHandshakeRequest',
  validVersions: '0-1',
  flexibleVersions: 'none',
  fields: [{ name: 'Mechanism', type: 'string', versions: '0+' }],
} as const satisfies MessageSchema

const response = {
  name: 'SaslHandshakeResponse',
  validVersions: '0-1',
  flexibleVersions: 'none',
  fields: [
    { name: 'ErrorCode', type: 'int16', versions: '0+' },
    { name: 'Mechanisms', type: '[]string', versions: '0+' },
  ],
} as const satisfies MessageSchema

export type SaslHandshakeRequest = MessageOf<typeof request>
export type SaslHandshakeResponse = MessageOf<typeof response>

export const saslHandshakeApi: Api<SaslHandshakeRequest, SaslHandshakeResponse> = defineApi({
  key: 17,
  name: 'SaslHandshake',
  clientVersions: { min: 1, max: 1 },
  request,
  response,
})
