// Owns the schema of ApiVersions, the first request of a connection, which returns the APIs that a
// broker supports. A broker that does not support the requested version responds in version 0 with
// error 35 (UNSUPPORTED_VERSION) and its own versions: see decodeApiVersionsResponse. From version
// 3 the response contains the cluster's features, from 5 the request names the expected node
// (KIP-1242). Callers: net/, the in-process cluster. The fields and versions must be Kafka's.

import { Reader } from '../bytes/reader.ts'
import type { Api } from '../schema/api.ts'
import { defineApi } from '../schema/api.ts'
import type { MessageOf, MessageSchema } from '../schema/message.ts'

const request = {
  name: 'ApiVersionsRequest',
  validVersions: '0-5',
  flexibleVersions: '3+',
  fields: [
    { name: 'ClientSoftwareName', type: 'string', versions: '3+', ignorable: true },
    { name: 'ClientSoftwareVersion', type: 'string', versions: '3+', ignorable: true },
    {
      name: 'ClusterId',
      type: 'string',
      versions: '5+',
      nullableVersions: '5+',
      default: null,
      ignorable: true,
    },
    { name: 'NodeId', type: 'int32', versions: '5+', default: -1, ignorable: true },
  ],
} as const satisfies MessageSchema

const response = {
  name: 'ApiVersionsResponse',
  validVersions: '0-5',
  flexibleVersions: '3+',
  fields: [
    { name: 'ErrorCode', type: 'int16', versions: '0+' },
    {
      name: 'ApiKeys',
      type: '[]ApiVersion',
      versions: '0+',
      fields: [
        { name: 'ApiKey', type: 'int16', versions: '0+' },
        { name: 'MinVersion', type: 'int16', versions: '0+' },
        { name: 'MaxVersion', type: 'int16', versions: '0+' },
      ],
    },
    { name: 'ThrottleTimeMs', type: 'int32', versions: '1+', ignorable: true },
    {
      name: 'SupportedFeatures',
      type: '[]SupportedFeatureKey',
      versions: '3+',
      taggedVersions: '3+',
      tag: 0,
      ignorable: true,
      fields: [
        { name: 'Name', type: 'string', versions: '3+' },
        { name: 'MinVersion', type: 'int16', versions: '3+' },
        { name: 'MaxVersion', type: 'int16', versions: '3+' },
      ],
    },
    {
      name: 'FinalizedFeaturesEpoch',
      type: 'int64',
      versions: '3+',
      taggedVersions: '3+',
      tag: 1,
      default: -1,
      ignorable: true,
    },
    {
      name: 'FinalizedFeatures',
      type: '[]FinalizedFeatureKey',
      versions: '3+',
      taggedVersions: '3+',
      tag: 2,
      ignorable: true,
      fields: [
        { name: 'Name', type: 'string', versions: '3+' },
        { name: 'MaxVersionLevel', type: 'int16', versions: '3+' },
        { name: 'MinVersionLevel', type: 'int16', versions: '3+' },
      ],
    },
    {
      name: 'ZkMigrationReady',
      type: 'bool',
      versions: '3+',
      taggedVersions: '3+',
      tag: 3,
      default: false,
      ignorable: true,
    },
  ],
} as const satisfies MessageSchema

export type ApiVersionsRequest = MessageOf<typeof request>
export type ApiVersionsResponse = MessageOf<typeof response>

export const apiVersionsApi: Api<ApiVersionsRequest, ApiVersionsResponse> = defineApi({
  key: 18,
  name: 'ApiVersions',
  clientVersions: { min: 0, max: 5 },
  request,
  response,
})

/** The versions of one API that a broker supports. */
export interface ApiKeyRange {
  readonly min: number
  readonly max: number
}

const unsupportedVersion = 35

/** Version 0 of a response with error 35 and without APIs. */
const rejectionAlone = Uint8Array.of(0, unsupportedVersion, 0, 0, 0, 0)

/**
 * Decodes the body of a response to a request of `version`. With error 35 the response has version
 * 0, for any version of the request. Some brokers, such as the mock cluster of librdkafka, write no
 * valid data after that error: then only the error is returned, without APIs.
 */
export const decodeApiVersionsResponse = (
  body: Uint8Array,
  version: number,
): ApiVersionsResponse => {
  // Every version begins with the error code.
  const fellBack = body.length >= 2 && body[0] === 0 && body[1] === unsupportedVersion
  if (!fellBack) return apiVersionsApi.decodeResponse(new Reader(body), version)
  try {
    return apiVersionsApi.decodeResponse(new Reader(body), 0)
  } catch {
    return apiVersionsApi.decodeResponse(new Reader(rejectionAlone), 0)
  }
}
