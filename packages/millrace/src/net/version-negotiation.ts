// Owns the first step of a handshake, ApiVersions, and the versions that the broker supports. It
// fails the handshake if the broker lacks a required API or is another node than expected
// (KIP-1242). Callers: Connection, Authentication. A broker that does not know the requested
// version responds in version 0 with its versions, and the request is sent again. Very old brokers
// close the connection instead; then the owner connects again with a lower `versionMax`. Invariant:
// each request has a lower version than the one before, so the step ends.

import {
  type ApiKeyRange,
  type ApiVersionsResponse,
  apiVersionsApi,
  decodeApiVersionsResponse,
} from '../protocol/api/18-api-versions.ts'
import { Writer } from '../protocol/bytes/writer.ts'
import { brokerErrorEntry, errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { ApiDescription } from '../protocol/schema/api.ts'
import { messageOf } from '../runtime/value-kinds.ts'
import type { HandshakeChannel, HandshakeStep } from './handshake.ts'
import { softwareName, softwareVersion } from './software.ts'
import {
  type NegotiationOptions,
  noCommonVersion,
  unmetRequirement,
  type VersionRequirement,
} from './version-requirements.ts'

export class VersionNegotiation implements HandshakeStep {
  readonly name = 'api-versions'
  readonly title = 'requesting its API versions'
  readonly #options: NegotiationOptions
  readonly #ranges = new Map<number, ApiKeyRange>()
  readonly #featureLevels = new Map<string, number>()

  #featuresEpoch = -1

  constructor(options: NegotiationOptions = {}) {
    this.#options = options
  }

  /** The APIs and versions that the broker supports, by API key; empty before the response. */
  get ranges(): ReadonlyMap<number, ApiKeyRange> {
    return this.#ranges
  }

  /** Epoch of the finalized features, where the higher epoch is newer; -1 = not in the response. */
  get featuresEpoch(): number {
    return this.#featuresEpoch
  }

  /** Level of a finalized feature; -1 if the response does not name it. */
  featureLevel(name: string): number {
    return this.#featureLevels.get(name) ?? -1
  }

  /** Highest version that `clientVersions` of the API and the broker share; -1 = none. */
  versionFor(api: Pick<ApiDescription, 'key' | 'clientVersions'>): number {
    const broker = this.#ranges.get(api.key)
    if (broker === undefined) return -1
    const version = Math.min(api.clientVersions.max, broker.max)
    return version >= Math.max(api.clientVersions.min, broker.min) ? version : -1
  }

  start(channel: HandshakeChannel, done: () => void): void {
    const { max } = apiVersionsApi.clientVersions
    this.#request(Math.min(this.#options.versionMax ?? max, max), channel, done)
  }

  #request(version: number, channel: HandshakeChannel, done: () => void): void {
    const writer = new Writer()
    const software = { clientSoftwareName: softwareName, clientSoftwareVersion: softwareVersion }
    apiVersionsApi.encodeRequest(writer, { ...software, ...this.#options.expectedNode }, version)
    channel.send({
      apiKey: apiVersionsApi.key,
      apiName: apiVersionsApi.name,
      version,
      flexible: apiVersionsApi.isFlexible(version),
      chunks: [writer.finish()],
      expectsResponse: true,
      onResponse: (body) => this.#onResponse(body ?? new Uint8Array(0), version, channel, done),
      // The owner of the connection gets the reason in onClosed.
      onFailure: () => {},
    })
  }

  #onResponse(
    body: Uint8Array,
    version: number,
    channel: HandshakeChannel,
    done: () => void,
  ): void {
    let response: ApiVersionsResponse
    try {
      response = decodeApiVersionsResponse(body, version)
    } catch (cause) {
      channel.fail(malformed(channel.name, cause))
      return
    }
    const { errorCode } = response
    if (errorCode === errorNumber.UNSUPPORTED_VERSION && version > 0) {
      this.#request(lowerVersion(response, version), channel, done)
    } else if (errorCode !== errorNumber.NONE) {
      channel.fail(refused(channel.name, errorCode))
    } else {
      this.#keep(response)
      const unmet = unmetRequirement(this.#options.requirements ?? [], this.#ranges)
      if (unmet !== undefined) channel.fail(this.#unserved(channel.name, unmet))
      else {
        channel.throttle(response.throttleTimeMs)
        done()
      }
    }
  }

  #unserved(name: string, unmet: VersionRequirement): KafkaError {
    const error = noCommonVersion(name, unmet, this.#ranges.get(unmet.api.key))
    const { code, message, broker, api } = error
    return new KafkaError(code, message, { broker, api, step: 'api-versions' })
  }

  #keep(response: ApiVersionsResponse): void {
    for (const { apiKey, minVersion, maxVersion } of response.apiKeys) {
      this.#ranges.set(apiKey, { min: minVersion, max: maxVersion })
    }
    // Epoch -1: the broker does not know the finalized features.
    this.#featuresEpoch = Math.max(-1, response.finalizedFeaturesEpoch)
    if (this.#featuresEpoch < 0) return
    for (const feature of response.finalizedFeatures) {
      this.#featureLevels.set(feature.name, feature.maxVersionLevel)
    }
  }
}

/** The highest version that the broker named, or 0; always lower than the version that failed. */
const lowerVersion = (response: ApiVersionsResponse, version: number): number => {
  const named = response.apiKeys.find((range) => range.apiKey === apiVersionsApi.key)
  if (named === undefined || named.maxVersion < 0 || named.maxVersion >= version) return 0
  return named.maxVersion
}

const malformed = (name: string, cause: unknown): KafkaError => {
  const reason = messageOf(cause)
  return new KafkaError('MALFORMED_RESPONSE', `${name}: ${reason}`, {
    broker: name,
    api: apiVersionsApi.name,
    step: 'api-versions',
    cause,
  })
}

const refused = (name: string, brokerCode: number): KafkaError => {
  const { name: brokerError, text } = brokerErrorEntry(brokerCode)
  const isFatal = brokerCode === errorNumber.UNSUPPORTED_VERSION
  const code = isFatal ? 'UNSUPPORTED_VERSION' : 'BROKER_UNAVAILABLE'
  return new KafkaError(
    code,
    `${name} refused ApiVersions: ${text} (${brokerError}, ${brokerCode})`,
    {
      broker: name,
      api: apiVersionsApi.name,
      step: 'api-versions',
      brokerCode,
      brokerError,
    },
  )
}
