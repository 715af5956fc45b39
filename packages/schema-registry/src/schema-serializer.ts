// The part of a serializer that Avro, JSON Schema and Protobuf share; formats/ calls it. For each
// value it finds the subject, then the subject's schema id and compiled schema (subject-cache.ts
// caches both), and writes the bytes of the record.
//
// If the subject is cached, the serializer returns the bytes, not a promise. Otherwise it returns a
// promise, and all records of the subject wait for the same requests to the registry.

import type { Serializer, SerializerContext } from 'millrace'
import type { OwnSchema, SchemaFormat, SchemaWriter } from './formats/schema-format.ts'
import { checkSerializerOptions } from './option-check.ts'
import type { SchemaSerializerOptions } from './serializer-options.ts'
import { type KnownSchema, SubjectCache } from './subject-cache.ts'
import { type SubjectName, topicNameStrategy } from './subject-names.ts'
import { headerName } from './wire-format.ts'

/** What is known of a value's schema before a request to the registry. */
interface Source<Value> {
  /** For subjects that contain the record's name. */
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
      throw new TypeError(
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

/** The record's bytes; `head` has the schema's id, and goes before them or into a header. */
const written = <Value>(
  { head, writer, isInHeader }: KnownSchema<Value>,
  value: Value,
  context: SerializerContext,
): Uint8Array => {
  const bytes = (writer as SchemaWriter<Value>).write(value)
  if (!isInHeader) return Buffer.concat([head, bytes])
  if (context.addHeader === undefined) {
    throw new TypeError(
      "schemaIdIn must be 'prefix' unless typedTopics adds the header, got 'header'",
    )
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
