// Owns the description of an API of the wire protocol: key, name, versions, and the codecs of its
// requests and responses. `protocol/api/` defines one API per file. Callers: net/, cluster-client/,
// admin/ and the in-process cluster, through these interfaces only. Invariant: a version is
// compiled at its first use.

import type { Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import { KafkaError } from '../kafka-error.ts'
import type { Codec } from './codec.ts'
import { compileStruct } from './compile.ts'
import type { Input, MessageOf, MessageSchema } from './message.ts'
import type { VersionRange } from './version-range.ts'
import { holdsVersion, parseVersionRange } from './version-range.ts'

export type { Input } from './message.ts'
export type { VersionRange } from './version-range.ts'

/** An API without its messages. */
export interface ApiDescription {
  readonly key: number
  /** `Produce`. */
  readonly name: string
  /** All versions of the schema. */
  readonly versions: VersionRange
  /**
   * The versions that the client may use: from Kafka 1.0 for the APIs that a producer needs, from
   * 2.1 for the others.
   */
  readonly clientVersions: VersionRange
  readonly requestSchema: MessageSchema
  readonly responseSchema: MessageSchema
  /** True if headers and messages have tagged fields; it can be called with unknown versions. */
  isFlexible(version: number): boolean
}

/**
 * `Request` and `Response` are the decoded messages. To encode, any field may be missing and gets
 * its default. The decoders expect that the message ends at the reader's limit. Decoded bytes are
 * views of the reader's bytes.
 */
export interface Api<Request, Response> extends ApiDescription {
  encodeRequest(writer: Writer, value: Input<Request>, version: number): void
  decodeRequest(reader: Reader, version: number): Request
  encodeResponse(writer: Writer, value: Input<Response>, version: number): void
  decodeResponse(reader: Reader, version: number): Response
}

/** Any API, if the types of its messages do not matter. */
export type AnyApi = Api<unknown, unknown>

/** One kind of message of an API, compiled per version. */
class MessageCodecs {
  readonly #api: string
  readonly #kind: string
  readonly #schema: MessageSchema
  readonly #versions: VersionRange
  readonly #flexible: VersionRange
  readonly #codecs: (Codec | undefined)[] = []
  readonly #labels: string[] = []

  constructor(api: string, kind: string, schema: MessageSchema) {
    this.#api = api
    this.#kind = kind
    this.#schema = schema
    this.#versions = parseVersionRange(schema.validVersions)
    this.#flexible = parseVersionRange(schema.flexibleVersions)
  }

  #codec(version: number): Codec {
    return this.#codecs[version] ?? this.#compile(version)
  }

  #compile(version: number): Codec {
    const { min, max } = this.#versions
    if (!Number.isInteger(version) || version < min || version > max) {
      throw new KafkaError(
        'UNSUPPORTED_VERSION',
        `The version of a ${this.#api} ${this.#kind} must be from ${min} to ${max}, got ${version}`,
        { api: this.#api },
      )
    }
    const codec = compileStruct(this.#schema.fields, {
      path: this.#schema.name,
      version,
      flexible: holdsVersion(this.#flexible, version),
    })
    this.#codecs[version] = codec
    this.#labels[version] = `v${version} ${this.#kind}`
    return codec
  }

  encode(writer: Writer, value: unknown, version: number): void {
    this.#codec(version).write(writer, value)
  }

  decode(reader: Reader, version: number): unknown {
    const codec = this.#codec(version)
    reader.setSubject(this.#api, this.#labels[version]!)
    const value = codec.read(reader)
    // A client ignores bytes after a response, as Java and librdkafka do, because some brokers
    // write one tag buffer too many. A broker rejects such bytes in a request.
    if (this.#kind === 'request') reader.expectEnd()
    return value
  }
}

interface ApiDefinition<Request extends MessageSchema, Response extends MessageSchema> {
  readonly key: number
  readonly name: string
  readonly clientVersions: VersionRange
  readonly request: Request
  readonly response: Response
}

/** Creates an API from its two schemas. A version is compiled when it is first used. */
export const defineApi = <Request extends MessageSchema, Response extends MessageSchema>(
  definition: ApiDefinition<Request, Response>,
): Api<MessageOf<Request>, MessageOf<Response>> => {
  const { key, name, request, response, clientVersions } = definition
  const requests = new MessageCodecs(name, 'request', request)
  const responses = new MessageCodecs(name, 'response', response)
  const flexible = parseVersionRange(request.flexibleVersions)
  return {
    key,
    name,
    versions: parseVersionRange(request.validVersions),
    clientVersions,
    requestSchema: request,
    responseSchema: response,
    isFlexible: (version) => holdsVersion(flexible, version),
    encodeRequest: (writer, value, version) => requests.encode(writer, value, version),
    decodeRequest: (reader, version) => requests.decode(reader, version) as MessageOf<Request>,
    encodeResponse: (writer, value, version) => responses.encode(writer, value, version),
    decodeResponse: (reader, version) => responses.decode(reader, version) as MessageOf<Response>,
  }
}

/** The API for a client that must not use versions above `max`. */
export const upToVersion = <Request, Response>(
  api: Api<Request, Response>,
  max: number,
): Api<Request, Response> => ({ ...api, clientVersions: { min: api.clientVersions.min, max } })
