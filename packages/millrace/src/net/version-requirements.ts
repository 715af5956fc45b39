// Owns what a broker must support, and the error if it does not: the API, the versions of both
// sides, and the feature that needs it. Callers: VersionNegotiation during the handshake;
// Connection for a request without a common version; the producer's options add requirements.
// Invariant: without the basic requirements the client can send nothing.

import { produceApi } from '../protocol/api/00-produce.ts'
import { metadataApi } from '../protocol/api/03-metadata.ts'
import type { ApiKeyRange } from '../protocol/api/18-api-versions.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { ApiDescription } from '../protocol/schema/api.ts'

/** The fields of an API that this file reads. */
export type VersionedApi = Pick<ApiDescription, 'key' | 'name' | 'clientVersions'>

export interface VersionRequirement {
  readonly api: VersionedApi
  /** The lowest version that suffices; if missing, the lowest that the client supports. */
  readonly min?: number | undefined
  /** What needs it, for the error: `compression zstd`. If missing, the client itself needs it. */
  readonly feature?: string | undefined
}

/** The node that the address should belong to; only brokers since Kafka 4.3 check it. */
export interface ExpectedNode {
  readonly nodeId: number
  readonly clusterId: string
}

export interface NegotiationOptions {
  /** The version of the first request; the highest known if missing. */
  readonly versionMax?: number | undefined
  readonly requirements?: readonly VersionRequirement[] | undefined
  readonly expectedNode?: ExpectedNode | undefined
}

/** Without these two APIs nothing can be sent. */
export const basicRequirements: readonly VersionRequirement[] = [
  { api: metadataApi },
  { api: produceApi },
]

/** Brokers accept zstd since Kafka 2.1 (KIP-110). */
export const zstdRequirement: VersionRequirement = {
  api: produceApi,
  min: 7,
  feature: 'compression zstd',
}

/** The feature that needs an API which most clients do not use. */
const featureOfApi: ReadonlyMap<string, string> = new Map([
  ['InitProducerId', 'idempotence'],
  ['FindCoordinator', 'transactions'],
  ['AddPartitionsToTxn', 'transactions'],
  ['AddOffsetsToTxn', 'transactions'],
  ['EndTxn', 'transactions'],
  ['TxnOffsetCommit', 'transactions'],
])

const rangeText = (min: number, max: number): string =>
  min === max ? `${min}` : `${min} to ${max}`

/** The error if the broker supports no suitable version of the API. */
export const noCommonVersion = (
  broker: string,
  { api, min = api.clientVersions.min, feature = featureOfApi.get(api.name) }: VersionRequirement,
  served: ApiKeyRange | undefined,
): KafkaError => {
  const has =
    served === undefined
      ? `does not serve ${api.name}`
      : `serves versions ${rangeText(served.min, served.max)} of ${api.name}`
  const needs = `version ${rangeText(min, api.clientVersions.max)} is needed`
  const what = feature === undefined ? '' : ` for ${feature}`
  return new KafkaError('UNSUPPORTED_VERSION', `${broker} ${has}; ${needs}${what}`, {
    broker,
    api: api.name,
  })
}

/** The first requirement that the broker does not meet; undefined = it meets all. */
export const unmetRequirement = (
  requirements: readonly VersionRequirement[],
  ranges: ReadonlyMap<number, ApiKeyRange>,
): VersionRequirement | undefined =>
  requirements.find(({ api, min = api.clientVersions.min }) => {
    const served = ranges.get(api.key)
    return served === undefined || served.max < min || served.min > api.clientVersions.max
  })
