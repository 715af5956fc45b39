// Owns the schema of WriteTxnMarkers, which ends a transaction in the log of a partition.
// Coordinators send it, and administrators to end a transaction that its coordinator no longer has
// (KIP-664). Callers: admin/, the in-process cluster. The fields and versions must be Kafka's.

import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'WriteTxnMarkersRequest',
  validVersions: '1-2',
  flexibleVersions: '1+',
  fields: [
    {
      name: 'Markers',
      type: '[]WritableTxnMarker',
      versions: '0+',
      fields: [
        { name: 'ProducerId', type: 'int64', versions: '0+', entityType: 'producerId' },
        { name: 'ProducerEpoch', type: 'int16', versions: '0+' },
        { name: 'TransactionResult', type: 'bool', versions: '0+' },
        {
          name: 'Topics',
          type: '[]WritableTxnMarkerTopic',
          versions: '0+',
          fields: [
            { name: 'Name', type: 'string', versions: '0+' },
            { name: 'PartitionIndexes', type: '[]int32', versions: '0+' },
          ],
        },
        { name: 'CoordinatorEpoch', type: 'int32', versions: '0+' },
        { name: 'TransactionVersion', type: 'int8', versions: '2+', default: 0, ignorable: true },
      ],
    },
  ],
} as const satisfies MessageSchema

const response = {
  name: 'WriteTxnMarkersResponse',
  validVersions: '1-2',
  flexibleVersions: '1+',
  fields: [
    {
      name: 'Markers',
      type: '[]WritableTxnMarkerResult',
      versions: '0+',
      fields: [
        { name: 'ProducerId', type: 'int64', versions: '0+', entityType: 'producerId' },
        {
          name: 'Topics',
          type: '[]WritableTxnMarkerTopicResult',
          versions: '0+',
          fields: [
            { name: 'Name', type: 'string', versions: '0+' },
            {
              name: 'Partitions',
              type: '[]WritableTxnMarkerPartitionResult',
              versions: '0+',
              fields: [
                { name: 'PartitionIndex', type: 'int32', versions: '0+' },
                { name: 'ErrorCode', type: 'int16', versions: '0+' },
              ],
            },
          ],
        },
      ],
    },
  ],
} as const satisfies MessageSchema

export type WriteTxnMarkersRequest = MessageOf<typeof request>
export type WriteTxnMarkersResponse = MessageOf<typeof response>

export const writeTxnMarkersApi: Api<WriteTxnMarkersRequest, WriteTxnMarkersResponse> = defineApi({
  key: 27,
  name: 'WriteTxnMarkers',
  clientVersions: { min: 1, max: 2 },
  request,
  response,
})
