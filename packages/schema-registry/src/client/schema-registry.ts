// The client for the HTTP API of Confluent's schema registry and compatible ones. It registers
// schemas, and returns schemas by subject, id, and GUID, with the schemas that they reference. It
// owns the cache of schemas: the schema of an id or a GUID never changes, so it is cached; a
// subject's versions are not. Applications create it; serializers and deserializers call it.

import { printableText } from 'millrace'
import { BoundedMap } from './bounded-map.ts'
import { RegistryError } from './registry-error.ts'
import type { SchemaRegistryOptions } from './registry-options.ts'
import { RegistryRequests } from './registry-requests.ts'
import { readOptions } from './registry-text.ts'

/** The formats of schemas, by the registry's names. */
export type SchemaType = 'AVRO' | 'JSON' | 'PROTOBUF'

/** A reference from one schema to another. */
export interface SchemaReference {
  /** The name that the referring schema uses. */
  readonly name: string
  /** The subject that the other schema is registered under. */
  readonly subject: string
  /** The version of that subject; the first one is 1. */
  readonly version: number
}

/** A schema that the registry returned. */
export interface RegisteredSchema {
  /** The schema's id, which records contain before their content; -1 if only the GUID is known. */
  readonly id: number
  /** The schema's GUID, which records can contain in a header; registries before 8.0 have none. */
  readonly guid?: string | undefined
  /** The subject, if the schema was requested by subject. */
  readonly subject?: string | undefined
  /** The version within the subject, if the schema was requested by subject. */
  readonly version?: number | undefined
  /** The text of the schema. */
  readonly schema: string
  /** The format of the schema. */
  readonly schemaType: SchemaType
  /** The registered schemas that the schema imports or names. */
  readonly references: readonly SchemaReference[]
  /** Rules of its data contract that a producer must apply, as `name (type)`; usually none. */
  readonly writeRules: readonly string[]
}

/** A schema to look up or to register. */
export interface SchemaInput {
  /** The text of the schema. */
  readonly schema: string
  /** The format of the schema. */
  readonly schemaType: SchemaType
  /** The registered schemas that the schema imports or names; none by default. */
  readonly references?: readonly SchemaReference[] | undefined
  /** Whether the registry ignores order, white space and comments when it compares schemas. */
  readonly normalize?: boolean | undefined
}

const schemasMax = 1000
const referencesMax = 1000

/**
 * A client of one registry; all serializers and deserializers of this registry share it.
 *
 * @example
 * const registry = new SchemaRegistry({ url: 'http://localhost:8081' })
 */
export class SchemaRegistry {
  readonly #requests: RegistryRequests
  /** By id, and by GUID. */
  readonly #schemas = new BoundedMap<number | string, Promise<RegisteredSchema>>(schemasMax)
  /** GUIDs by schema id, from every response that contains both. */
  readonly #guids = new BoundedMap<number, string>(schemasMax)

  /** Throws INVALID_OPTION. Sends no request. */
  constructor(options: SchemaRegistryOptions) {
    this.#requests = readOptions('SchemaRegistry', () => new RegistryRequests(options))
  }

  /** Registers a schema under a subject, unless it is registered already, and returns its id. */
  async register(subject: string, input: SchemaInput): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions${queryOf(input)}`
    return this.#idOf(path, await this.#requests.request('POST', path, bodyOf(input)))
  }

  /** Returns the id of a schema that is registered under a subject. Registers nothing. */
  async lookUp(subject: string, input: SchemaInput): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}${queryOf(input)}`
    return this.#idOf(path, await this.#requests.request('POST', path, bodyOf(input)))
  }

  #idOf(path: string, response: object): number {
    const id = idOf(path, response)
    const guid = textOf((response as { guid?: unknown }).guid)
    if (guid !== undefined) this.#guids.set(id, guid)
    return id
  }

  /** The GUID of the schema with this id; undefined if the registry has none (before 8.0). */
  async guidOf(id: number): Promise<string | undefined> {
    return this.#guids.get(id) ?? (await this.schemaById(id)).guid
  }

  /** The version that a schema has under a subject. */
  async versionOf(subject: string, input: SchemaInput): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}${queryOf(input)}`
    const response = await this.#requests.request('POST', path, bodyOf(input))
    const { version } = response as { version?: unknown }
    if (typeof version !== 'number') throw malformed(path, 'version', 'a number', version)
    return version
  }

  /** A version of a subject's schema. */
  async version(subject: string, version: number | 'latest'): Promise<RegisteredSchema> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}`
    const response = await this.#requests.request('GET', path)
    return schemaOf(path, response, this.#idOf(path, response))
  }

  /** The schema with this id. */
  schemaById(id: number): Promise<RegisteredSchema> {
    return this.#cachedOrRequested(id, `/schemas/ids/${id}`, id)
  }

  /**
   * The schema with this GUID, which records can contain in a header. Requires a registry from 8.0
   * on.
   */
  schemaByGuid(guid: string): Promise<RegisteredSchema> {
    const path = `/schemas/guids/${encodeURIComponent(guid)}`
    return this.#cachedOrRequested(guid, path, -1)
  }

  /** The cached schema, or a request for it. */
  #cachedOrRequested(key: number | string, path: string, id: number): Promise<RegisteredSchema> {
    const cached = this.#schemas.get(key)
    if (cached !== undefined) return cached
    const requested = this.#requests
      .request('GET', path)
      .then((response) => schemaOf(path, response, id))
    this.#schemas.set(key, requested)
    // A failure is not cached: the next call sends a new request.
    requested.catch(() => this.#schemas.delete(key))
    return requested
  }

  /**
   * The names and texts of all schemas that these references lead to, directly or indirectly. A
   * schema follows the schemas that it references; each name occurs once. Rejects if the references
   * form a cycle.
   */
  async resolve(references: readonly SchemaReference[]): Promise<[name: string, text: string][]> {
    const found = new Map<string, string>()
    const visit = async (list: readonly SchemaReference[], path: readonly string[]) => {
      for (const { name, subject, version } of list) {
        const schemaName = `${subject} version ${version}`
        if (path.includes(schemaName)) throw cycle([...path, schemaName])
        if (found.has(name)) continue
        if (found.size + path.length >= referencesMax) throw tooMany()
        const referenced = await this.version(subject, version)
        await visit(referenced.references, [...path, schemaName])
        found.set(name, referenced.schema)
      }
    }
    await visit(references, [])
    return [...found]
  }
}

/** The registry responded with status 200, but the client can't use the response. */
const rejected = (message: string): RegistryError =>
  new RegistryError(printableText(message), { status: 200, code: undefined })

const cycle = (path: readonly string[]): RegistryError =>
  rejected(`the schema's references must not form a cycle, got ${path.join(' → ')}`)

const tooMany = (): RegistryError =>
  rejected(`the schema must have at most ${referencesMax} references`)

const queryOf = ({ normalize }: SchemaInput): string =>
  normalize === undefined ? '' : `?normalize=${normalize}`

const bodyOf = ({ schema, schemaType, references = [] }: SchemaInput): string =>
  JSON.stringify({ schema, schemaType, references })

/** Text is not shown: a registry may return the credentials of the request in it. */
const malformed = (path: string, field: string, expected: string, got: unknown): RegistryError => {
  const shown = typeof got === 'number' || got === null ? `${got}` : typeof got
  return rejected(`the response to ${path}: ${field} must be ${expected}, got ${shown}`)
}

const idOf = (path: string, response: object): number => {
  const { id } = response as { id?: unknown }
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < 2 ** 31) return id
  throw malformed(path, 'id', `a whole number from 0 to ${2 ** 31 - 1}`, id)
}

const isReference = (one: unknown): one is SchemaReference => {
  const { name, subject, version } = (one ?? {}) as Partial<SchemaReference>
  return typeof name === 'string' && typeof subject === 'string' && Number.isInteger(version)
}

const schemaTypes: readonly unknown[] = ['AVRO', 'JSON', 'PROTOBUF']

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined

const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' ? value : undefined

const schemaOf = (path: string, response: object, id: number): RegisteredSchema => {
  const found = response as Partial<RegisteredSchema> & { ruleSet?: unknown }
  const { schema } = found
  // Some registries return null for a field that others omit.
  const schemaType = found.schemaType ?? 'AVRO'
  const references = found.references ?? []
  if (typeof schema !== 'string') throw malformed(path, 'schema', 'text', schema)
  if (!schemaTypes.includes(schemaType)) {
    throw malformed(path, 'schemaType', schemaTypes.join(' or '), schemaType)
  }
  if (!Array.isArray(references) || !references.every(isReference)) {
    const expected = 'a list with name, subject and version of each schema'
    throw malformed(path, 'references', expected, references)
  }
  return {
    id,
    guid: textOf(found.guid),
    subject: textOf(found.subject),
    version: numberOf(found.version),
    schema,
    schemaType,
    references,
    writeRules: writeRulesOf(found.ruleSet),
  }
}

/**
 * The rules that the writing client must apply: the registry itself does not encrypt or validate.
 */
const writeRulesOf = (ruleSet: unknown): string[] => {
  const { domainRules, encodingRules } = (ruleSet ?? {}) as Record<string, unknown>
  const rules = [domainRules, encodingRules].flatMap((one) => (Array.isArray(one) ? one : []))
  return rules.flatMap((rule) => {
    const { name, type, mode, disabled } = (rule ?? {}) as Record<string, unknown>
    const isForWriters = mode === 'WRITE' || mode === 'WRITEREAD' || mode === undefined
    return isForWriters && disabled !== true ? [printableText(`${name} (${type})`)] : []
  })
}
