// What a broker must serve for a client to be of use, and the error where it does not: the API, its
// versions on both sides, and the feature that needs it. VersionNegotiation checks what its owner
// requires during the handshake; Connection uses the same error for a request without a common
// version.

import { produceApi } from '../protocol/api/00-produce.ts'
import { metadataApi } from '../protocol/api/03-metadata.ts'
import type { ApiKeyRange } from '../protocol/api/18-api-versions.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { ApiDescription } from '../protocol/schema/api.ts'

/** What is read of an API here. */
export type VersionedApi = Pick<ApiDescription, 'key' | 'name' | 'clientVersions'>

export interface VersionRequirement {
  readonly api: VersionedApi
  /** The lowest version that will do; the lowest that the client knows without it. */
  readonly min?: number | undefined
  /** What needs it, for the error: `compression zstd`. Without it nothing works. */
  readonly feature?: string | undefined
}

/** The node that the address should lead to; only a broker of Kafka 4.3 or newer checks it. */
export interface ExpectedNode {
  readonly nodeId: number
  readonly clusterId: string
}

export interface NegotiationOptions {
  /** Requests begin with this version; the highest known without it. */
  readonly versionMax?: number | undefined
  readonly requirements?: readonly VersionRequirement[] | undefined
  readonly expectedNode?: ExpectedNode | undefined
}

/** Without these two nothing can be sent. */
export const basicRequirements: readonly VersionRequirement[] = [
  { api: metadataApi },
  { api: produceApi },
]

/** Brokers take zstd since Kafka 2.1 (KIP-110). */
export const zstdRequirement: VersionRequirement = {
  api: produceApi,
  min: 7,
  feature: 'compression zstd',
}

/** The feature that an API is for, where most clients do without it. */
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

/** The error of a broker that serves no version of the API that will do. */
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

/** The first requirement that the broker does not meet; undefined = it meets all of them. */
export const unmetRequirement = (
  requirements: readonly VersionRequirement[],
  ranges: ReadonlyMap<number, ApiKeyRange>,
): VersionRequirement | undefined =>
  requirements.find(({ api, min = api.clientVersions.min }) => {
    const served = ranges.get(api.key)
    return served === undefined || served.max < min || served.min > api.clientVersions.max
  })
