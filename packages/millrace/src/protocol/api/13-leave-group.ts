// Owns the schema of LeaveGroup, which ends the membership of a consumer, from version 3 of
// several. Caller: the in-process cluster. The fields and versions must be those of Kafka's
// definition.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'LeaveGroupRequest',
  validVersions: '0-5',
  flexibleVersions: '4+',
  fields: [
    { name: 'GroupId', type: 'string', versions: '0+' },
    { name: 'MemberId', type: 'string', versions: '0-2' },
    {
      name: 'Members',
      type: '[]MemberIdentity',
      versions: '3+',
      fields: [
        { name: 'MemberId', type: 'string', versions: '3+' },
        {
          name: 'GroupInstanceId',
          type: 'string',
          versions: '3+',
          nullableVersions: '3+',
          default: null,
        },
        {
          name: 'Reason',
          type: 'string',
          versions: '5+',
          nullableVersions: '5+',
          default: null,
          ignorable: true,
        },
      ],
    },
  ],
} as const satisfies MessageSchema

const response = {
  name: 'LeaveGroupResponse',
  validVersions: '0-5',
  flexibleVersions: '4+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '1+', ignorable: true },
    { name: 'ErrorCode', type: 'int16', versions: '0+' },
    {
      name: 'Members',
      type: '[]MemberResponse',
      versions: '3+',
      fields: [
        { name: 'MemberId', type: 'string', versions: '3+' },
        { name: 'GroupInstanceId', type: 'string', versions: '3+', nullableVersions: '3+' },
        { name: 'ErrorCode', type: 'int16', versions: '3+' },
      ],
    },
  ],
} as const satisfies MessageSchema

export type LeaveGroupRequest = MessageOf<typeof request>
export type LeaveGroupResponse = MessageOf<typeof response>

export const leaveGroupApi: Api<LeaveGroupRequest, LeaveGroupResponse> = defineApi({
  key: 13,
  name: 'LeaveGroup',
  clientVersions: { min: 2, max: 5 },
  request,
  response,
})
