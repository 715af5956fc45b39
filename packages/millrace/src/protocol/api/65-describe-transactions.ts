// Owns the schema of DescribeTransactions, which returns the state of transactions from their
// coordinator (KIP-664). Callers: admin/, the in-process cluster. The fields and versions must be
// those of Kafka's message definition.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'DescribeTransactionsRequest',
  validVersions: '0',
  flexibleVersions: '0+',
  fields: [{ name: 'TransactionalIds', type: '[]string', versions: '0+' }],
} as const satisfies MessageSchema

const response = {
  name: 'DescribeTransactionsResponse',
  validVersions: '0',
  flexibleVersions: '0+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '0+' },
    {
      name: 'TransactionStates',
      type: '[]TransactionState',
      versions: '0+',
      fields: [
        { name: 'ErrorCode', type: 'int16', versions: '0+' },
        { name: 'TransactionalId', type: 'string', versions: '0+' },
        { name: 'TransactionState', type: 'string', versions: '0+' },
        { name: 'TransactionTimeoutMs', type: 'int32', versions: '0+' },
        { name: 'TransactionStartTimeMs', type: 'int64', versions: '0+' },
        { name: 'ProducerId', type: 'int64', versions: '0+', entityType: 'producerId' },
        { name: 'ProducerEpoch', type: 'int16', versions: '0+' },
        {
          name: 'Topics',
          type: '[]TopicData',
          versions: '0+',
          fields: [
            { name: 'Topic', type: 'string', versions: '0+' },
            { name: 'Partitions', type: '[]int32', versions: '0+' },
          ],
        },
      ],
    },
  ],
} as const satisfies MessageSchema

export type DescribeTransactionsRequest = MessageOf<typeof request>
export type DescribeTransactionsResponse = MessageOf<typeof response>

export const describeTransactionsApi: Api<
  DescribeTransactionsRequest,
  DescribeTransactionsResponse
> = defineApi({
  key: 65,
  name: 'DescribeTransactions',
  clientVersions: { min: 0, max: 0 },
  request,
  response,
})
