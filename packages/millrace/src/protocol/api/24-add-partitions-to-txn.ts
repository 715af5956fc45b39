// Owns the schema of AddPartitionsToTxn, which adds partitions to a transaction at its coordinator.
// Versions from 4 are for brokers and need the permission CLUSTER_ACTION, so clients use 3 at most.
// Callers: cluster-client/, the in-process cluster. The fields and versions must be Kafka's.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const addPartitionsToTxnTopicFields = [
  { name: 'Name', type: 'string', versions: '0+' },
  { name: 'Partitions', type: '[]int32', versions: '0+' },
] as const

const request = {
  name: 'AddPartitionsToTxnRequest',
  validVersions: '0-5',
  flexibleVersions: '3+',
  fields: [
    {
      name: 'Transactions',
      type: '[]AddPartitionsToTxnTransaction',
      versions: '4+',
      fields: [
        { name: 'TransactionalId', type: 'string', versions: '4+' },
        { name: 'ProducerId', type: 'int64', versions: '4+', entityType: 'producerId' },
        { name: 'ProducerEpoch', type: 'int16', versions: '4+' },
        { name: 'VerifyOnly', type: 'bool', versions: '4+', default: false },
        {
          name: 'Topics',
          type: '[]AddPartitionsToTxnTopic',
          versions: '4+',
          fields: addPartitionsToTxnTopicFields,
        },
      ],
    },
    { name: 'V3AndBelowTransactionalId', type: 'string', versions: '0-3' },
    { name: 'V3AndBelowProducerId', type: 'int64', versions: '0-3', entityType: 'producerId' },
    { name: 'V3AndBelowProducerEpoch', type: 'int16', versions: '0-3' },
    {
      name: 'V3AndBelowTopics',
      type: '[]AddPartitionsToTxnTopic',
      versions: '0-3',
      fields: addPartitionsToTxnTopicFields,
    },
  ],
} as const satisfies MessageSchema

const addPartitionsToTxnPartitionResultFields = [
  { name: 'PartitionIndex', type: 'int32', versions: '0+' },
  { name: 'PartitionErrorCode', type: 'int16', versions: '0+' },
] as const

const addPartitionsToTxnTopicResultFields = [
  { name: 'Name', type: 'string', versions: '0+' },
  {
    name: 'ResultsByPartition',
    type: '[]AddPartitionsToTxnPartitionResult',
    versions: '0+',
    fields: addPartitionsToTxnPartitionResultFields,
  },
] as const

const response = {
  name: 'AddPartitionsToTxnResponse',
  validVersions: '0-5',
  flexibleVersions: '3+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '0+' },
    { name: 'ErrorCode', type: 'int16', versions: '4+', ignorable: true },
    {
      name: 'ResultsByTransaction',
      type: '[]AddPartitionsToTxnResult',
      versions: '4+',
      fields: [
        { name: 'TransactionalId', type: 'string', versions: '4+' },
        {
          name: 'TopicResults',
          type: '[]AddPartitionsToTxnTopicResult',
          versions: '4+',
          fields: addPartitionsToTxnTopicResultFields,
        },
      ],
    },
    {
      name: 'ResultsByTopicV3AndBelow',
      type: '[]AddPartitionsToTxnTopicResult',
      versions: '0-3',
      fields: addPartitionsToTxnTopicResultFields,
    },
  ],
} as const satisfies MessageSchema

export type AddPartitionsToTxnRequest = MessageOf<typeof request>
export type AddPartitionsToTxnResponse = MessageOf<typeof response>

export const addPartitionsToTxnApi: Api<AddPartitionsToTxnRequest, AddPartitionsToTxnResponse> =
  defineApi({
    key: 24,
    name: 'AddPartitionsToTxn',
    clientVersions: { min: 0, max: 3 },
    request,
    response,
  })
