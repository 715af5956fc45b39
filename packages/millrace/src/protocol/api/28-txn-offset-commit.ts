// Owns the schema of TxnOffsetCommit, which commits the offsets of a consumer group in a
// transaction. From version 3 it contains the member and the generation (KIP-447). Versions from 5
// are for transaction.version 2 only; from 6 topics are identified by id. Callers: cluster-client/,
// the in-process cluster. The fields and versions must be those of Kafka's message definition.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'TxnOffsetCommitRequest',
  validVersions: '0-6',
  flexibleVersions: '3+',
  fields: [
    { name: 'TransactionalId', type: 'string', versions: '0+' },
    { name: 'GroupId', type: 'string', versions: '0+' },
    { name: 'ProducerId', type: 'int64', versions: '0+', entityType: 'producerId' },
    { name: 'ProducerEpoch', type: 'int16', versions: '0+' },
    { name: 'GenerationIdOrMemberEpoch', type: 'int32', versions: '3+', default: -1 },
    { name: 'MemberId', type: 'string', versions: '3+', default: '' },
    {
      name: 'GroupInstanceId',
      type: 'string',
      versions: '3+',
      nullableVersions: '3+',
      default: null,
    },
    {
      name: 'Topics',
      type: '[]TxnOffsetCommitRequestTopic',
      versions: '0+',
      fields: [
        { name: 'Name', type: 'string', versions: '0-5', ignorable: true },
        { name: 'TopicId', type: 'uuid', versions: '6+', ignorable: true },
        {
          name: 'Partitions',
          type: '[]TxnOffsetCommitRequestPartition',
          versions: '0+',
          fields: [
            { name: 'PartitionIndex', type: 'int32', versions: '0+' },
            { name: 'CommittedOffset', type: 'int64', versions: '0+' },
            {
              name: 'CommittedLeaderEpoch',
              type: 'int32',
              versions: '2+',
              default: -1,
              ignorable: true,
            },
            { name: 'CommittedMetadata', type: 'string', versions: '0+', nullableVersions: '0+' },
          ],
        },
      ],
    },
  ],
} as const satisfies MessageSchema

const response = {
  name: 'TxnOffsetCommitResponse',
  validVersions: '0-6',
  flexibleVersions: '3+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '0+' },
    {
      name: 'Topics',
      type: '[]TxnOffsetCommitResponseTopic',
      versions: '0+',
      fields: [
        { name: 'Name', type: 'string', versions: '0-5', ignorable: true },
        { name: 'TopicId', type: 'uuid', versions: '6+', ignorable: true },
        {
          name: 'Partitions',
          type: '[]TxnOffsetCommitResponsePartition',
          versions: '0+',
          fields: [
            { name: 'PartitionIndex', type: 'int32', versions: '0+' },
            { name: 'ErrorCode', type: 'int16', versions: '0+' },
          ],
        },
      ],
    },
  ],
} as const satisfies MessageSchema

export type TxnOffsetCommitRequest = MessageOf<typeof request>
export type TxnOffsetCommitResponse = MessageOf<typeof response>

export const txnOffsetCommitApi: Api<TxnOffsetCommitRequest, TxnOffsetCommitResponse> = defineApi({
  key: 28,
  name: 'TxnOffsetCommit',
  clientVersions: { min: 0, max: 6 },
  request,
  response,
})
