// Owns the schema of OffsetCommit, which stores the offsets of a consumer group. Caller: the
// in-process cluster. The fields and versions must be those of Kafka's message definition.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'OffsetCommitRequest',
  validVersions: '2-10',
  flexibleVersions: '8+',
  fields: [
    { name: 'GroupId', type: 'string', versions: '0+' },
    {
      name: 'GenerationIdOrMemberEpoch',
      type: 'int32',
      versions: '1+',
      default: -1,
      ignorable: true,
    },
    { name: 'MemberId', type: 'string', versions: '1+', ignorable: true },
    {
      name: 'GroupInstanceId',
      type: 'string',
      versions: '7+',
      nullableVersions: '7+',
      default: null,
    },
    { name: 'RetentionTimeMs', type: 'int64', versions: '2-4', default: -1, ignorable: true },
    {
      name: 'Topics',
      type: '[]OffsetCommitRequestTopic',
      versions: '0+',
      fields: [
        { name: 'Name', type: 'string', versions: '0-9', ignorable: true },
        { name: 'TopicId', type: 'uuid', versions: '10+', ignorable: true },
        {
          name: 'Partitions',
          type: '[]OffsetCommitRequestPartition',
          versions: '0+',
          fields: [
            { name: 'PartitionIndex', type: 'int32', versions: '0+' },
            { name: 'CommittedOffset', type: 'int64', versions: '0+' },
            {
              name: 'CommittedLeaderEpoch',
              type: 'int32',
              versions: '6+',
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
  name: 'OffsetCommitResponse',
  validVersions: '2-10',
  flexibleVersions: '8+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '3+', ignorable: true },
    {
      name: 'Topics',
      type: '[]OffsetCommitResponseTopic',
      versions: '0+',
      fields: [
        { name: 'Name', type: 'string', versions: '0-9', ignorable: true },
        { name: 'TopicId', type: 'uuid', versions: '10+', ignorable: true },
        {
          name: 'Partitions',
          type: '[]OffsetCommitResponsePartition',
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

export type OffsetCommitRequest = MessageOf<typeof request>
export type OffsetCommitResponse = MessageOf<typeof response>

export const offsetCommitApi: Api<OffsetCommitRequest, OffsetCommitResponse> = defineApi({
  key: 8,
  name: 'OffsetCommit',
  clientVersions: { min: 6, max: 10 },
  request,
  response,
})
