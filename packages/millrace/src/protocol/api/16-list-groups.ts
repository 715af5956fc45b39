// Owns the schema of ListGroups, which returns the groups that one broker coordinates. Callers:
// admin/, the in-process cluster. The fields and versions must be those of Kafka's message
// definition.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'ListGroupsRequest',
  validVersions: '0-5',
  flexibleVersions: '3+',
  fields: [
    { name: 'StatesFilter', type: '[]string', versions: '4+' },
    { name: 'TypesFilter', type: '[]string', versions: '5+' },
  ],
} as const satisfies MessageSchema

const response = {
  name: 'ListGroupsResponse',
  validVersions: '0-5',
  flexibleVersions: '3+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '1+', ignorable: true },
    { name: 'ErrorCode', type: 'int16', versions: '0+' },
    {
      name: 'Groups',
      type: '[]ListedGroup',
      versions: '0+',
      fields: [
        { name: 'GroupId', type: 'string', versions: '0+' },
        { name: 'ProtocolType', type: 'string', versions: '0+' },
        { name: 'GroupState', type: 'string', versions: '4+', ignorable: true },
        { name: 'GroupType', type: 'string', versions: '5+', ignorable: true },
      ],
    },
  ],
} as const satisfies MessageSchema

export type ListGroupsRequest = MessageOf<typeof request>
export type ListGroupsResponse = MessageOf<typeof response>

export const listGroupsApi: Api<ListGroupsRequest, ListGroupsResponse> = defineApi({
  key: 16,
  name: 'ListGroups',
  clientVersions: { min: 0, max: 5 },
  request,
  response,
})
