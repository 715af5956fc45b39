// Owns the schema of FindCoordinator, which returns the coordinator of a group (key type 0) or of a
// transactional id (1). From version 4 a request has a list of keys and the response a list of
// coordinators; before that there is one key, and one response in separate fields. Callers:
// cluster-client/, admin/, the in-process cluster. The fields and versions must be Kafka's.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'FindCoordinatorRequest',
  validVersions: '0-6',
  flexibleVersions: '3+',
  fields: [
    { name: 'Key', type: 'string', versions: '0-3' },
    { name: 'KeyType', type: 'int8', versions: '1+', default: 0 },
    { name: 'CoordinatorKeys', type: '[]string', versions: '4+' },
  ],
} as const satisfies MessageSchema

const response = {
  name: 'FindCoordinatorResponse',
  validVersions: '0-6',
  flexibleVersions: '3+',
  fields: [
    { name: 'ThrottleTimeMs', type: 'int32', versions: '1+', ignorable: true },
    { name: 'ErrorCode', type: 'int16', versions: '0-3' },
    {
      name: 'ErrorMessage',
      type: 'string',
      versions: '1-3',
      nullableVersions: '1-3',
      ignorable: true,
    },
    { name: 'NodeId', type: 'int32', versions: '0-3' },
    { name: 'Host', type: 'string', versions: '0-3' },
    { name: 'Port', type: 'int32', versions: '0-3' },
    {
      name: 'Coordinators',
      type: '[]Coordinator',
      versions: '4+',
      fields: [
        { name: 'Key', type: 'string', versions: '4+' },
        { name: 'NodeId', type: 'int32', versions: '4+' },
        { name: 'Host', type: 'string', versions: '4+' },
        { name: 'Port', type: 'int32', versions: '4+' },
        { name: 'ErrorCode', type: 'int16', versions: '4+' },
        {
          name: 'ErrorMessage',
          type: 'string',
          versions: '4+',
          nullableVersions: '4+',
          ignorable: true,
        },
      ],
    },
  ],
} as const satisfies MessageSchema

export type FindCoordinatorRequest = MessageOf<typeof request>
export type FindCoordinatorResponse = MessageOf<typeof response>

export const findCoordinatorApi: Api<FindCoordinatorRequest, FindCoordinatorResponse> = defineApi({
  key: 10,
  name: 'FindCoordinator',
  clientVersions: { min: 1, max: 6 },
  request,
  response,
})
