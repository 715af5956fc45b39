// Owns the schema of DescribeProducers, which returns the producers of a partition and their open
// transactions in it (KIP-664). Callers: admin/, the in-process cluster. The fields and versions
// must be those of Kafka's message definition.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'DescribeProducersRequest',
  validVersions: '0',
  flexibleVersions: '0+',
  fields: [
    {
      name: 'Topics',
      type: '[]TopicRequest',
      versions: '0+',
      fields: [
        { name: 'Name', type: 'string', versions: '0+' },
        { name: 'PartitionIndexes', type: '[]int32', versions: '0+' },
      ],
    },
  ],
} as const satisfies MessageSchema

const response = {
  name: 'DescribeProducersResponse',
  validVersions: '0',
  flexibleVersions: '0+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '0+' },
    {
      name: 'Topics',
      type: '[]TopicResponse',
      versions: '0+',
      fields: [
        { name: 'Name', type: 'string', versions: '0+' },
        {
          name: 'Partitions',
          type: '[]PartitionResponse',
          versions: '0+',
          fields: [
            { name: 'PartitionIndex', type: 'int32', versions: '0+' },
            { name: 'ErrorCode', type: 'int16', versions: '0+' },
            {
              name: 'ErrorMessage',
              type: 'string',
              versions: '0+',
              nullableVersions: '0+',
              default: null,
            },
            {
              name: 'ActiveProducers',
              type: '[]ProducerState',
              versions: '0+',
              fields: [
                { name: 'ProducerId', type: 'int64', versions: '0+', entityType: 'producerId' },
                { name: 'ProducerEpoch', type: 'int32', versions: '0+' },
                { name: 'LastSequence', type: 'int32', versions: '0+', default: -1 },
                { name: 'LastTimestamp', type: 'int64', versions: '0+', default: -1 },
                { name: 'CoordinatorEpoch', type: 'int32', versions: '0+' },
                { name: 'CurrentTxnStartOffset', type: 'int64', versions: '0+', default: -1 },
              ],
            },
          ],
        },
      ],
    },
  ],
} as const satisfies MessageSchema

export type DescribeProducersRequest = MessageOf<typeof request>
export type DescribeProducersResponse = MessageOf<typeof response>

export const describeProducersApi: Api<DescribeProducersRequest, DescribeProducersResponse> =
  defineApi({
    key: 61,
    name: 'DescribeProducers',
    clientVersions: { min: 0, max: 0 },
    request,
    response,
  })
