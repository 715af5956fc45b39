// Owns the schema of ListTransactions, which returns the transactions that one broker coordinates
// (KIP-664). Callers: admin/, the in-process cluster. The fields and versions must be Kafka's.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'ListTransactionsRequest',
  validVersions: '0-2',
  flexibleVersions: '0+',
  fields: [
    { name: 'StateFilters', type: '[]string', versions: '0+' },
    { name: 'ProducerIdFilters', type: '[]int64', versions: '0+', entityType: 'producerId' },
    { name: 'DurationFilter', type: 'int64', versions: '1+', default: -1 },
    {
      name: 'TransactionalIdPattern',
      type: 'string',
      versions: '2+',
      nullableVersions: '2+',
      default: null,
    },
  ],
} as const satisfies MessageSchema

const response = {
  name: 'ListTransactionsResponse',
  validVersions: '0-2',
  flexibleVersions: '0+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '0+' },
    { name: 'ErrorCode', type: 'int16', versions: '0+' },
    { name: 'UnknownStateFilters', type: '[]string', versions: '0+' },
    {
      name: 'TransactionStates',
      type: '[]TransactionState',
      versions: '0+',
      fields: [
        { name: 'TransactionalId', type: 'string', versions: '0+' },
        { name: 'ProducerId', type: 'int64', versions: '0+', entityType: 'producerId' },
        { name: 'TransactionState', type: 'string', versions: '0+' },
      ],
    },
  ],
} as const satisfies MessageSchema

export type ListTransactionsRequest = MessageOf<typeof request>
export type ListTransactionsResponse = MessageOf<typeof response>

export const listTransactionsApi: Api<ListTransactionsRequest, ListTransactionsResponse> =
  defineApi({
    key: 66,
    name: 'ListTransactions',
    clientVersions: { min: 0, max: 2 },
    request,
    response,
  })
