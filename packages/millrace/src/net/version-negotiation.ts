// The first step of each handshake: ApiVersions. It holds what the broker said, for as long as the
// connection lives. A broker that does not know the version asked for says so in version 0, with
// the versions that it has: we ask again with one of those. Each try is lower than the one before,
// so the step ends. Very old brokers close the connection instead; then the owner tries again with
// `versionMax` lowered.

import {
  type ApiKeyRange,
  type ApiVersionsResponse,
  apiVersionsApi,
  decodeApiVersionsAnswer,
} from '../protocol/api/18-api-versions.ts'
import { Writer } from '../protocol/bytes/writer.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { ApiDescription } from '../protocol/schema/api.ts'
import type { HandshakeChannel, HandshakeStep } from './handshake.ts'
import { softwareName, softwareVersion } from './software.ts'

const unsupportedVersionCode = 35

export class VersionNegotiation implements HandshakeStep {
  readonly name = 'api-versions'
  readonly title = 'asking for the versions of its APIs'
  readonly #versionMax: number
  readonly #ranges = new Map<number, ApiKeyRange>()
  readonly #featureLevels = new Map<string, number>()

  constructor(versionMax: number = apiVersionsApi.clientVersions.max) {
    this.#versionMax = Math.min(versionMax, apiVersionsApi.clientVersions.max)
  }

  /** What the broker serves, by API key; empty before the answer. */
  get ranges(): ReadonlyMap<number, ApiKeyRange> {
    return this.#ranges
  }

  /** Level of a finalized feature; -1 where the broker does not say. */
  featureLevel(name: string): number {
    return this.#featureLevels.get(name) ?? -1
  }

  /** Highest version that the api's `clientVersions` and the broker share; -1 = none. */
  versionFor(api: Pick<ApiDescription, 'key' | 'clientVersions'>): number {
    const broker = this.#ranges.get(api.key)
    if (broker === undefined) return -1
    const version = Math.min(api.clientVersions.max, broker.max)
    return version >= Math.max(api.clientVersions.min, broker.min) ? version : -1
  }

  start(channel: HandshakeChannel, done: () => void): void {
    this.#ask(this.#versionMax, channel, done)
  }

  #ask(version: number, channel: HandshakeChannel, done: () => void): void {
    const writer = new Writer()
    apiVersionsApi.encodeRequest(
      writer,
      { clientSoftwareName: softwareName, clientSoftwareVersion: softwareVersion },
      version,
    )
    channel.send({
      apiKey: apiVersionsApi.key,
      apiName: apiVersionsApi.name,
      version,
      flexible: apiVersionsApi.isFlexible(version),
      chunks: [writer.finish()],
      expectsResponse: true,
      onResponse: (body) => this.#onAnswer(body ?? new Uint8Array(0), version, channel, done),
      // Why the connection closed is told to its owner by onClosed.
      onFailure: () => {},
    })
  }

  #onAnswer(body: Uint8Array, version: number, channel: HandshakeChannel, done: () => void): void {
    let answer: ApiVersionsResponse
    try {
      answer = decodeApiVersionsAnswer(body, version)
    } catch (cause) {
      channel.fail(malformed(channel.name, cause))
      return
    }
    if (answer.errorCode === unsupportedVersionCode && version > 0) {
      this.#ask(lowerVersion(answer, version), channel, done)
    } else if (answer.errorCode !== 0) {
      channel.fail(refused(channel.name, answer.errorCode))
    } else {
      this.#keep(answer)
      channel.throttle(answer.throttleTimeMs)
      done()
    }
  }

  #keep(answer: ApiVersionsResponse): void {
    for (const { apiKey, minVersion, maxVersion } of answer.apiKeys) {
      this.#ranges.set(apiKey, { min: minVersion, max: maxVersion })
    }
    // A broker that has no answer to "which features" says epoch -1.
    if (answer.finalizedFeaturesEpoch < 0) return
    for (const feature of answer.finalizedFeatures) {
      this.#featureLevels.set(feature.name, feature.maxVersionLevel)
    }
  }
}

/** The highest version that the broker named, or 0; always below the one that failed. */
const lowerVersion = (answer: ApiVersionsResponse, version: number): number => {
  const named = answer.apiKeys.find((range) => range.apiKey === apiVersionsApi.key)
  if (named === undefined || named.maxVersion < 0 || named.maxVersion >= version) return 0
  return named.maxVersion
}

const malformed = (name: string, cause: unknown): KafkaError => {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new KafkaError('MALFORMED_RESPONSE', `${name}: ${reason}`, {
    broker: name,
    api: apiVersionsApi.name,
    step: 'api-versions',
    cause,
  })
}

const refused = (name: string, brokerCode: number): KafkaError => {
  const code = brokerCode === unsupportedVersionCode ? 'UNSUPPORTED_VERSION' : 'BROKER_UNAVAILABLE'
  return new KafkaError(code, `${name} answered ApiVersions with error ${brokerCode}`, {
    broker: name,
    api: apiVersionsApi.name,
    step: 'api-versions',
    brokerCode,
  })
}
