// The part that the serializers of all formats share. For each value it finds the subject, then the
// subject's schema id and compiled schema (subject-cache.ts caches both), and writes the record's
// bytes. If the subject is cached it must return the bytes, not a promise; otherwise all records of
// the subject await the same requests to the registry. Callers: formats/.

import type { Serializer, SerializerContext } from 'millrace'
import { typeError } from './client/registry-text.ts'
import type { OwnSchema, SchemaFormat, SchemaWriter } from './formats/schema-format.ts'
import { checkSerializerOptions } from './option-check.ts'
import type { SchemaSerializerOptions } from './serializer-options.ts'
import { type KnownSchema, SubjectCache } from './subject-cache.ts'
import { type SubjectName, topicNameStrategy } from './subject-names.ts'
import { headerName } from './wire-format.ts'

/** The facts about a value's schema that need no request to the registry. */
interface Source<Value> {
  /** The type's name, for subjects that contain it. */
  readonly recordName: string | undefined
  /** The schema of generated code (Protobuf); undefined for the other formats. */
  readonly own: OwnSchema<Value> | undefined
}

const noSource: Source<never> = { recordName: undefined, own: undefined }

class SchemaSerializer<Value> {
  readonly #options: SchemaSerializerOptions
  readonly #format: SchemaFormat<Value>
  readonly #cache: SubjectCache<Value>
  readonly #subject: SubjectName
  /** From the option `schema`; undefined until the first value, and after a failure. */
  #compiled: Source<Value> | Promise<Source<Value>> | undefined

  constructor(options: SchemaSerializerOptions, format: SchemaFormat<Value>) {
    const { subject = topicNameStrategy } = options
    this.#options = options
    this.#format = format
    this.#cache = new SubjectCache(options, format)
    this.#subject = typeof subject === 'string' ? () => subject : subject
  }

  serialize(value: Value, context: SerializerContext): Uint8Array | Promise<Uint8Array> {
    const source = this.#sourceOf(value)
    return source instanceof Promise
      ? source.then((one) => this.#write(one, value, context))
      : this.#write(source, value, context)
  }

  #sourceOf(value: Value): Source<Value> | Promise<Source<Value>> {
    const { generated } = this.#format
    if (generated !== undefined) {
      const own = generated.of(value)
      return { recordName: own.recordName, own }
    }
    if (this.#options.schema === undefined || !needsRecordName(this.#options)) return noSource
    this.#compiled ??= this.#compile()
    return this.#compiled
  }

  async #compile(): Promise<Source<Value>> {
    try {
      const { recordName } = await this.#cache.compiledOption()
      this.#compiled = { recordName, own: undefined }
      return this.#compiled
    } catch (error) {
      this.#compiled = undefined
      throw error
    }
  }

  #write(
    { recordName, own }: Source<Value>,
    value: Value,
    context: SerializerContext,
  ): Uint8Array | Promise<Uint8Array> {
    const { topic, field, record } = context
    const subject = this.#subject({ topic, field, record, recordName, value })
    if (typeof subject !== 'string' || subject === '') {
      throw typeError(
        `subject must return a string that is not empty, got ${JSON.stringify(subject)}`,
      )
    }
    const found = this.#cache.find(subject, own)
    return found instanceof Promise
      ? found.then((known) => written(known, value, context))
      : written(found, value, context)
  }
}

/** A fixed subject, and the default one of the topic, do not contain the record's name. */
const needsRecordName = ({ subject }: SchemaSerializerOptions): boolean =>
  typeof subject === 'function' && subject !== topicNameStrategy

/** The record's bytes. `head` identifies the schema and is put before them or into a header. */
const written = <Value>(
  { head, writer, isInHeader }: KnownSchema<Value>,
  value: Value,
  context: SerializerContext,
): Uint8Array => {
  const bytes = (writer as SchemaWriter<Value>).write(value)
  if (!isInHeader) return Buffer.concat([head, bytes])
  if (context.addHeader === undefined) {
    throw typeError("schemaIdIn must be 'prefix' unless typedTopics adds the header, got 'header'")
  }
  context.addHeader(headerName(context.field), head)
  return bytes
}

export const schemaSerializer = <Value>(
  options: SchemaSerializerOptions,
  format: SchemaFormat<Value>,
): Serializer<Value> => {
  checkSerializerOptions(format.schemaType, options)
  const serializer = new SchemaSerializer(options, format)
  return (value, context) => serializer.serialize(value, context)
}
