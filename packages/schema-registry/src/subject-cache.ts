// Caches the schema id and the compiled schema of each subject of a serializer. A latest schema is
// requested again after latestMaxAgeMs; the old one is used until the response arrives, and while
// the registry is unavailable. Its size is bounded. Caller: schema-serializer.ts.

import { BoundedMap } from './client/bounded-map.ts'
import { RegistryError } from './client/registry-error.ts'
import { messageOf, typeError } from './client/registry-text.ts'
import type { RegisteredSchema, SchemaInput } from './client/schema-registry.ts'
import type { OwnSchema, SchemaFormat, SchemaText, SchemaWriter } from './formats/schema-format.ts'
import type { SchemaSerializerOptions } from './serializer-options.ts'
import { guidBytes, idPrefix } from './wire-format.ts'

/** A subject's schema in compiled form. */
export interface KnownSchema<Value> {
  /** The bytes that identify the schema: in front of the value, or as the value of a header. */
  readonly head: Buffer
  readonly isInHeader: boolean
  readonly writer: SchemaWriter<Value>
  /** Compared with Date.now(); Infinity for a schema that never changes. */
  readonly until: number
}

const subjectsMax = 1000
const latestMaxAgeMsDefault = 300_000

export class SubjectCache<Value> {
  readonly #options: SchemaSerializerOptions
  readonly #format: SchemaFormat<Value>
  readonly #known = new BoundedMap<string, KnownSchema<Value>>(subjectsMax)
  readonly #requested = new Map<string, Promise<KnownSchema<Value>>>()
  #option: Promise<SchemaWriter<Value>> | null = null

  constructor(options: SchemaSerializerOptions, format: SchemaFormat<Value>) {
    this.#options = options
    this.#format = format
  }

  /** The subject's schema; not a promise if it is cached. */
  find(subject: string, own?: OwnSchema<Value>): KnownSchema<Value> | Promise<KnownSchema<Value>> {
    const key = own === undefined ? subject : `${subject}\n${own.recordName}`
    const known = this.#known.get(key)
    if (known !== undefined && Date.now() < known.until) return known
    const requested = this.#requested.get(key) ?? this.#request(key, subject, own)
    // The old latest schema is used until a new one arrives, and while the registry is unavailable.
    return known === undefined ? requested : known
  }

  /** The compiled option `schema`. */
  compiledOption(): Promise<SchemaWriter<Value>> {
    this.#option ??= this.#compileOption().catch((error) => {
      this.#option = null
      throw error
    })
    return this.#option
  }

  async #compileOption(): Promise<SchemaWriter<Value>> {
    const { registry, references = [] } = this.#options
    const imports = await registry.resolve(references)
    return this.#compile({ schema: this.#text(), imports })
  }

  #request(key: string, subject: string, own?: OwnSchema<Value>): Promise<KnownSchema<Value>> {
    const requested = this.#load(subject, own).finally(() => this.#requested.delete(key))
    this.#requested.set(key, requested)
    requested.then(
      (known) => this.#known.set(key, known),
      () => this.#keepOld(key),
    )
    return requested
  }

  /**
   * After a failed request the old schema is used for another period, so that not every record
   * sends one.
   */
  #keepOld(key: string): void {
    const known = this.#known.get(key)
    if (known !== undefined) this.#known.set(key, { ...known, until: this.#latestUntil() })
  }

  #latestUntil(): number {
    return Date.now() + (this.#options.latestMaxAgeMs ?? latestMaxAgeMsDefault)
  }

  #text(): string {
    const { schema } = this.#options
    return typeof schema === 'string' ? schema : JSON.stringify(schema)
  }

  #load(subject: string, own: OwnSchema<Value> | undefined): Promise<KnownSchema<Value>> {
    const { schema, useLatest } = this.#options
    const isLatest = useLatest === true || (schema === undefined && own === undefined)
    return isLatest ? this.#loadLatest(subject, own) : this.#loadGiven(subject, own)
  }

  async #loadLatest(subject: string, own: OwnSchema<Value> | undefined) {
    const { registry } = this.#options
    const latest = await registry.version(subject, 'latest')
    this.#checkLatest(subject, latest)
    const imports = await registry.resolve(latest.references)
    const text = { schema: latest.schema, imports }
    const writer =
      own === undefined
        ? await this.#compile(text)
        : { ...(await own.writer()), prefix: await own.prefixIn(text) }
    return this.#ready(latest.id, writer, latest.guid, this.#latestUntil())
  }

  #checkLatest(subject: string, { schemaType, writeRules }: RegisteredSchema): void {
    const expected = this.#format.schemaType
    if (schemaType !== expected) {
      throw typeError(
        `subject ${subject} must have a schema of type ${expected}, got ${schemaType}`,
      )
    }
    if (writeRules.length === 0 || this.#options.ignoreRules === true) return
    const names = writeRules.slice(0, 5).join(', ')
    throw typeError(
      `subject ${subject} must have no rules for writers (or set ignoreRules): ${names}`,
    )
  }

  async #loadGiven(subject: string, own: OwnSchema<Value> | undefined) {
    const { registry, references = [], autoRegister, normalize } = this.#options
    const { schemaType } = this.#format
    // Compiled first, so that text which is not a schema is never registered.
    const writer = await (own === undefined ? this.compiledOption() : own.writer())
    const input: SchemaInput =
      own === undefined
        ? { schema: this.#text(), schemaType, references, normalize }
        : await own.input(registry, { autoRegister, normalize })
    const id = await (autoRegister
      ? registry.register(subject, input)
      : registry.lookUp(subject, input))
    return this.#ready(id, writer, undefined, Number.POSITIVE_INFINITY)
  }

  async #ready(
    id: number,
    writer: SchemaWriter<Value>,
    guid: string | undefined,
    until: number,
  ): Promise<KnownSchema<Value>> {
    const isInHeader = this.#options.schemaIdIn === 'header'
    const identity = isInHeader ? guidBytes(guid ?? (await this.#guidOf(id))) : idPrefix(id)
    return { head: Buffer.concat([identity, writer.prefix]), isInHeader, writer, until }
  }

  async #guidOf(id: number): Promise<string> {
    const guid = await this.#options.registry.guidOf(id)
    if (guid !== undefined) return guid
    throw typeError("schemaIdIn 'header' must have a registry that gives schemas a GUID (8.0)")
  }

  /** The libraries' messages about an invalid schema are escaped and limited here. */
  async #compile(text: SchemaText): Promise<SchemaWriter<Value>> {
    try {
      return await this.#format.compile(text)
    } catch (error) {
      if (error instanceof RegistryError) throw error
      const what = `the schema must be ${this.#format.schemaType} that can be compiled`
      throw typeError(`${what}: ${messageOf(error)}`)
    }
  }
}
