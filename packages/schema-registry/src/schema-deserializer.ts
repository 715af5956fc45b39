// Reads values that were written with a registry's schemas, of every format: the id or GUID selects
// the schema, and the registry returns its format. It owns a cache of compiled schemas. Callers:
// tests, tools such as `millrace tail`, and consumers of applications.

import { BoundedMap } from './client/bounded-map.ts'
import { messageOf, typeError } from './client/registry-text.ts'
import type { RegisteredSchema, SchemaRegistry } from './client/schema-registry.ts'
import { avroReader, compileAvro } from './formats/avro.ts'
import { protobufReader } from './formats/protobuf-reader.ts'
import { checkDeserializerOptions } from './option-check.ts'
import { bytesOf } from './values/field-path.ts'
import { toJsonForm } from './values/json-form.ts'
import { headerName, readIdentity, type SchemaIdentity } from './wire-format.ts'

/** Headers as pairs, an object, a Map, or in kafkajs's form. */
export type HeadersOfRecord =
  | Iterable<readonly [name: string, value: unknown]>
  | Readonly<Record<string, unknown>>

/** The input of a deserializer in addition to the bytes. */
export interface DeserializerContext {
  /** The part of the record; `'value'` by default. */
  readonly field?: 'key' | 'value' | undefined
  /** The record's headers: one of them may contain the schema's GUID. */
  readonly headers?: HeadersOfRecord | undefined
}

/** Options of `schemaDeserializer`. */
export interface SchemaDeserializerOptions {
  /** The registry that returns the schemas. */
  readonly registry: SchemaRegistry
  /**
   * `'values'` (the default): bigints beyond 2^53, Dates, and Buffers. `'json'`: JSON values only,
   * with text in place of these.
   */
  readonly output?: 'values' | 'json' | undefined
  /** Logical types for avsc, as for `avroSerializer`. */
  // biome-ignore lint/suspicious/noExplicitAny: classes of avsc, which is loaded when it is needed
  readonly logicalTypes?: Readonly<Record<string, any>> | undefined
}

/** Converts bytes to a value, and `null` to `null`. Rejects with a TypeError or a RegistryError. */
export type SchemaDeserializer = (
  bytes: Uint8Array | null,
  context?: DeserializerContext,
) => Promise<unknown>

type Read = (bytes: Buffer, prefix: Buffer) => unknown

const schemasMax = 1000

const readJson: Read = (bytes) => {
  try {
    return JSON.parse(bytes.toString())
  } catch (error) {
    throw typeError(`the value must be JSON: ${messageOf(error)}`)
  }
}

const entriesOf = (headers: HeadersOfRecord): (readonly [unknown, unknown])[] =>
  Symbol.iterator in headers
    ? [...(headers as Iterable<readonly [string, unknown]>)]
    : Object.entries(headers)

/** The last header with this name, as consumers read it. */
const headerOf = (headers: HeadersOfRecord | undefined, name: string): Buffer | undefined => {
  if (headers === undefined) return undefined
  const found = entriesOf(headers).findLast(([one]) => one === name)?.[1]
  return bytesOf(Array.isArray(found) ? found.at(-1) : found)
}

class Deserializer {
  readonly #options: SchemaDeserializerOptions
  readonly #readers = new BoundedMap<string | number, Promise<Read>>(schemasMax)

  constructor(options: SchemaDeserializerOptions) {
    this.#options = options
  }

  async read(bytes: Uint8Array | null, context: DeserializerContext): Promise<unknown> {
    if (bytes === null) return null
    const content = bytesOf(bytes)
    if (content === undefined) throw typeError('bytes must be a Uint8Array or null')
    const { field = 'value', headers } = context
    const header = headerOf(headers, headerName(field))
    const [identity, rest] = readIdentity(header ?? content)
    // From a header comes all that is in front of the bytes otherwise.
    const [prefix, body] = header === undefined ? [rest, rest] : [rest, content]
    const read = await this.#readerOf(identity)
    const value = read(body, prefix)
    return this.#options.output === 'json' ? toJsonForm(value) : value
  }

  #readerOf(identity: SchemaIdentity): Promise<Read> {
    const key = 'id' in identity ? identity.id : identity.guid
    const kept = this.#readers.get(key)
    if (kept !== undefined) return kept
    const { registry } = this.#options
    const schema =
      'id' in identity ? registry.schemaById(identity.id) : registry.schemaByGuid(identity.guid)
    const made = schema.then((found) => this.#compile(found))
    this.#readers.set(key, made)
    made.catch(() => this.#readers.delete(key))
    return made
  }

  async #compile({ schema, schemaType, references }: RegisteredSchema): Promise<Read> {
    if (schemaType === 'JSON') return readJson
    const imports = await this.#options.registry.resolve(references)
    try {
      if (schemaType === 'PROTOBUF') return await protobufReader({ schema, imports })
      return avroReader(await compileAvro({ schema, imports }, this.#options.logicalTypes))
    } catch (error) {
      const what = `the schema must be ${schemaType} that can be compiled`
      throw typeError(`${what}: ${messageOf(error)}`)
    }
  }
}

/**
 * Returns a function that reads values which this package's serializers or Confluent's wrote: Avro,
 * JSON Schema, and Protobuf, with the id in front of the bytes or the GUID in a header.
 *
 * @example
 * const deserialize = schemaDeserializer({ registry })
 * const order = await deserialize(record.value, { headers: record.headers })
 */
export const schemaDeserializer = (options: SchemaDeserializerOptions): SchemaDeserializer => {
  checkDeserializerOptions(options)
  const deserializer = new Deserializer(options)
  return (bytes, context = {}) => deserializer.read(bytes, context)
}
