// What the serializers of all formats share: which subject a record belongs to, the schema's id and
// its compiled form kept per subject, and the header before the bytes (0, then the id in four
// bytes). Once a subject is known, a serializer answers at once; until then, with a promise that
// all records of the subject share.

import type { Serializer, SerializerContext } from 'millrace'
import type { SchemaReference, SchemaRegistry, SchemaType } from './schema-registry.ts'

/** Makes the bytes behind the header; throws where the value does not fit the schema. */
export type Encode<Value> = (value: Value) => Uint8Array

/** What the serializers of all formats take. */
export interface SchemaSerializerOptions {
  /** Where schemas come from; shared by all serializers. */
  readonly registry: SchemaRegistry
  /** The schema to write with; without it, the latest one of the subject. */
  readonly schema?: string | object | undefined
  /** What the schema imports. */
  readonly references?: readonly SchemaReference[] | undefined
  /** Registers the schema where it is not; by default one that is not registered is an error. */
  readonly autoRegister?: boolean | undefined
  /** `'orders-value'` for values of `orders` by default, as Confluent's clients have it. */
  readonly subject?: string | ((context: SerializerContext) => string) | undefined
  /** How long the latest schema is used before it is asked for again; 5 minutes by default. */
  readonly latestMaxAgeMs?: number | undefined
}

/** One format. */
export interface SchemaFormat<Value> {
  readonly schemaType: SchemaType
  /** `imports` are the schemas that it refers to, by the names that it knows them by. */
  compile(schema: string, imports: readonly [name: string, text: string][]): Promise<Encode<Value>>
}

interface Known<Value> {
  readonly header: Buffer
  readonly encode: Encode<Value>
  /** By Date.now(); Infinity for a schema that was given. */
  readonly until: number
}

const subjectsMax = 1000
const latestMaxAgeMsDefault = 300_000
const magicByte = 0

const headerOf = (id: number): Buffer => {
  const header = Buffer.alloc(5)
  header.writeUInt8(magicByte, 0)
  header.writeUInt32BE(id, 1)
  return header
}

class SubjectCache<Value> {
  readonly #options: SchemaSerializerOptions
  readonly #format: SchemaFormat<Value>
  readonly #known = new Map<string, Known<Value>>()
  readonly #asked = new Map<string, Promise<Known<Value>>>()

  constructor(options: SchemaSerializerOptions, format: SchemaFormat<Value>) {
    this.#options = options
    this.#format = format
  }

  subjectOf(context: SerializerContext): string {
    const { subject } = this.#options
    if (typeof subject === 'function') return subject(context)
    return subject ?? `${context.topic}-${context.field}`
  }

  /** The subject's schema, at once where it is known. */
  find(subject: string): Known<Value> | Promise<Known<Value>> {
    const known = this.#known.get(subject)
    if (known !== undefined && Date.now() < known.until) return known
    const asked = this.#asked.get(subject) ?? this.#ask(subject)
    // An old latest schema serves until there is a new one, and where the registry is away.
    return known === undefined ? asked : known
  }

  #ask(subject: string): Promise<Known<Value>> {
    const asked = this.#load(subject).finally(() => this.#asked.delete(subject))
    this.#asked.set(subject, asked)
    asked.then(
      (known) => this.#keep(subject, known),
      () => this.#keepOld(subject),
    )
    return asked
  }

  #keep(subject: string, known: Known<Value>): void {
    const oldest = this.#known.keys().next().value
    if (this.#known.size >= subjectsMax && oldest !== undefined) this.#known.delete(oldest)
    this.#known.set(subject, known)
  }

  /** The registry could not be asked: not again for every record. */
  #keepOld(subject: string): void {
    const known = this.#known.get(subject)
    if (known !== undefined) this.#known.set(subject, { ...known, until: this.#latestUntil() })
  }

  #latestUntil(): number {
    return Date.now() + (this.#options.latestMaxAgeMs ?? latestMaxAgeMsDefault)
  }

  async #load(subject: string): Promise<Known<Value>> {
    const { registry, schema, references = [], autoRegister } = this.#options
    const { schemaType } = this.#format
    if (schema === undefined) {
      const latest = await registry.version(subject, 'latest')
      if (latest.schemaType !== schemaType) {
        throw new TypeError(`subject ${subject} has ${latest.schemaType}: expected ${schemaType}`)
      }
      const imports = await registry.resolve(latest.references)
      const encode = await this.#format.compile(latest.schema, imports)
      return { header: headerOf(latest.id), encode, until: this.#latestUntil() }
    }
    const text = typeof schema === 'string' ? schema : JSON.stringify(schema)
    // Compiled first: what is no schema is never registered.
    const encode = await this.#format.compile(text, await registry.resolve(references))
    const input = { schema: text, schemaType, references }
    const id = await (autoRegister
      ? registry.register(subject, input)
      : registry.lookUp(subject, input))
    return { header: headerOf(id), encode, until: Number.POSITIVE_INFINITY }
  }
}

export const schemaSerializer = <Value>(
  options: SchemaSerializerOptions,
  format: SchemaFormat<Value>,
): Serializer<Value> => {
  const cache = new SubjectCache(options, format)
  const write = ({ header, encode }: Known<Value>, value: Value): Buffer =>
    Buffer.concat([header, encode(value)])
  return (value, context) => {
    const found = cache.find(cache.subjectOf(context))
    return found instanceof Promise
      ? found.then((known) => write(known, value))
      : write(found, value)
  }
}
