// Owns the schema of EndTxn, which commits or aborts a transaction. Version 5 is for
// transaction.version 2 only (KIP-890): its response contains the id and epoch of the next
// transaction. Callers: cluster-client/, the in-process cluster. The fields and versions must be
// Kafka's.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'EndTxnRequest',
  validVersions: '0-5',
  flexibleVersions: '3+',
  fields: [
    { name: 'TransactionalId', type: 'string', versions: '0+' },
    { name: 'ProducerId', type: 'int64', versions: '0+', entityType: 'producerId' },
    { name: 'ProducerEpoch', type: 'int16', versions: '0+' },
    { name: 'Committed', type: 'bool', versions: '0+' },
  ],
} as const satisfies MessageSchema

const response = {
  name: 'EndTxnResponse',
  validVersions: '0-5',
  flexibleVersions: '3+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '0+' },
    { name: 'ErrorCode', type: 'int16', versions: '0+' },
    {
      name: 'ProducerId',
      type: 'int64',
      versions: '5+',
      entityType: 'producerId',
      default: -1,
      ignorable: true,
    },
    { name: 'ProducerEpoch', type: 'int16', versions: '5+', default: -1, ignorable: true },
  ],
} as const satisfies MessageSchema

export type EndTxnRequest = MessageOf<typeof request>
export type EndTxnResponse = MessageOf<typeof response>

export const endTxnApi: Api<EndTxnRequest, EndTxnResponse> = defineApi({
  key: 26,
  name: 'EndTxn',
  clientVersions: { min: 0, max: 5 },
  request,
  response,
})
