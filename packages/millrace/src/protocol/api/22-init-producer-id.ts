// Owns the schema of InitProducerId, which returns a producer id and epoch. From version 3 the
// request contains the current ones, and the broker increases the epoch (KIP-360); -1 and -1
// request a new id. Version 6 (two-phase commit) is not released, so clients use 5 at most. Without
// a transactional id pass `transactionalId: null`: a missing field becomes '', as in Kafka, and
// brokers reject it. Callers: cluster-client/, admin/, the in-process cluster. The fields and
// versions must be Kafka's.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'InitProducerIdRequest',
  validVersions: '0-6',
  flexibleVersions: '2+',
  fields: [
    { name: 'TransactionalId', type: 'string', versions: '0+', nullableVersions: '0+' },
    { name: 'TransactionTimeoutMs', type: 'int32', versions: '0+' },
    { name: 'ProducerId', type: 'int64', versions: '3+', entityType: 'producerId', default: -1 },
    { name: 'ProducerEpoch', type: 'int16', versions: '3+', default: -1 },
    { name: 'Enable2Pc', type: 'bool', versions: '6+', default: false },
    { name: 'KeepPreparedTxn', type: 'bool', versions: '6+', default: false },
  ],
} as const satisfies MessageSchema

const response = {
  name: 'InitProducerIdResponse',
  validVersions: '0-6',
  flexibleVersions: '2+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '0+', ignorable: true },
    { name: 'ErrorCode', type: 'int16', versions: '0+' },
    { name: 'ProducerId', type: 'int64', versions: '0+', entityType: 'producerId', default: -1 },
    { name: 'ProducerEpoch', type: 'int16', versions: '0+' },
    {
      name: 'OngoingTxnProducerId',
      type: 'int64',
      versions: '6+',
      entityType: 'producerId',
      default: -1,
    },
    { name: 'OngoingTxnProducerEpoch', type: 'int16', versions: '6+', default: -1 },
  ],
} as const satisfies MessageSchema

export type InitProducerIdRequest = MessageOf<typeof request>
export type InitProducerIdResponse = MessageOf<typeof response>

export const initProducerIdApi: Api<InitProducerIdRequest, InitProducerIdResponse> = defineApi({
  key: 22,
  name: 'InitProducerId',
  clientVersions: { min: 0, max: 5 },
  request,
  response,
})
