// Owns the schema of SyncGroup, which gives each member of a consumer group its assignment; the
// leader of the group sends the assignments of all members. Caller: the in-process cluster. The
// fields and versions must be those of Kafka's message definition.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'SyncGroupRequest',
  validVersions: '0-5',
  flexibleVersions: '4+',
  fields: [
    { name: 'GroupId', type: 'string', versions: '0+' },
    { name: 'GenerationId', type: 'int32', versions: '0+' },
    { name: 'MemberId', type: 'string', versions: '0+' },
    {
      name: 'GroupInstanceId',
      type: 'string',
      versions: '3+',
      nullableVersions: '3+',
      default: null,
    },
    {
      name: 'ProtocolType',
      type: 'string',
      versions: '5+',
      nullableVersions: '5+',
      default: null,
      ignorable: true,
    },
    {
      name: 'ProtocolName',
      type: 'string',
      versions: '5+',
      nullableVersions: '5+',
      default: null,
      ignorable: true,
    },
    {
      name: 'Assignments',
      type: '[]SyncGroupRequestAssignment',
      versions: '0+',
      fields: [
        { name: 'MemberId', type: 'string', versions: '0+' },
        { name: 'Assignment', type: 'bytes', versions: '0+' },
      ],
    },
  ],
} as const satisfies MessageSchema

const response = {
  name: 'SyncGroupResponse',
  validVersions: '0-5',
  flexibleVersions: '4+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '1+', ignorable: true },
    { name: 'ErrorCode', type: 'int16', versions: '0+' },
    {
      name: 'ProtocolType',
      type: 'string',
      versions: '5+',
      nullableVersions: '5+',
      default: null,
      ignorable: true,
    },
    {
      name: 'ProtocolName',
      type: 'string',
      versions: '5+',
      nullableVersions: '5+',
      default: null,
      ignorable: true,
    },
    { name: 'Assignment', type: 'bytes', versions: '0+' },
  ],
} as const satisfies MessageSchema

export type SyncGroupRequest = MessageOf<typeof request>
export type SyncGroupResponse = MessageOf<typeof response>

export const syncGroupApi: Api<SyncGroupRequest, SyncGroupResponse> = defineApi({
  key: 14,
  name: 'SyncGroup',
  clientVersions: { min: 2, max: 5 },
  request,
  response,
})
