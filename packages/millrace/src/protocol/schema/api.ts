// An API of the wire protocol: its key and name, which versions there are, and how its requests and
// responses are read and written. `protocol/api/` defines one per file; the network layer and the
// in-process cluster use them through these interfaces only.

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

/** What is known of an API without its messages. */
export interface ApiDescription {
  readonly key: number
  /** `Produce`. */
  readonly name: string
  /** All that the schema knows. */
  readonly versions: VersionRange
  /** What our client may use: from Kafka 1.0's for what a producer needs, 2.1's for the rest. */
  readonly clientVersions: VersionRange
  readonly requestSchema: MessageSchema
  readonly responseSchema: MessageSchema
  /**
   * True if headers and messages have tagged fields; it can be called with unknown versions.
   */
  isFlexible(version: number): boolean
}

/**
 * `Request` and `Response` are the messages as decoded. To encode, every field may be left out and
 * takes its default then. The decoders expect the message to fill the reader to its end.
 * Fields of bytes, decoded, are views of what the reader was given.
 */
export interface Api<Request, Response> extends ApiDescription {
  encodeRequest(writer: Writer, value: Input<Request>, version: number): void
  decodeRequest(reader: Reader, version: number): Request
  encodeResponse(writer: Writer, value: Input<Response>, version: number): void
  decodeResponse(reader: Reader, version: number): Response
}

/** Any API, where the messages don't matter. */
export type AnyApi = Api<unknown, unknown>

/** One kind of message of an API, compiled version by version. */
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
    // A client ignores bytes behind a response, as Java's and librdkafka's do: some brokers write
    // one tag buffer too many. A broker rejects them in a request.
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

/** Makes an API of its two schemas. Nothing is compiled before a version is used. */
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

/** The API as a client sees it that must not use versions above `max`. */
export const upToVersion = <Request, Response>(
  api: Api<Request, Response>,
  max: number,
): Api<Request, Response> => ({ ...api, clientVersions: { min: api.clientVersions.min, max } })
