// Avro, by avsc: a value that does not fit the schema is refused with the path of the field.

import type { Serializer } from 'millrace'
import { type SchemaSerializerOptions, schemaSerializer } from './schema-serializer.ts'

/** Options of `avroSerializer`. */
export interface AvroOptions extends SchemaSerializerOptions {
  /** Logical types for avsc: `{ 'timestamp-millis': MyDateType }`. */
  // biome-ignore lint/suspicious/noExplicitAny: classes of avsc, which is loaded when it is needed
  readonly logicalTypes?: Readonly<Record<string, any>> | undefined
}

const refuse = (path: readonly string[], value: unknown, type: { toString(): string }): never => {
  const place = path.length === 0 ? 'the value' : path.join('.')
  throw new TypeError(`${place} is ${JSON.stringify(value) ?? String(value)}: expected ${type}`)
}

/**
 * Serializes by an Avro schema.
 *
 * @example
 * typedTopics(producer, { orders: { value: avroSerializer<Order>({ registry, schema }) } })
 */
export const avroSerializer = <Value = unknown>(options: AvroOptions): Serializer<Value> =>
  schemaSerializer(options, {
    schemaType: 'AVRO',
    compile: async (schema, imports) => {
      const { default: avro } = await import('avsc')
      const settings = { registry: {}, logicalTypes: { ...options.logicalTypes } }
      for (const [, text] of imports) avro.Type.forSchema(JSON.parse(text), settings)
      const type = avro.Type.forSchema(JSON.parse(schema), settings)
      return (value) => {
        type.isValid(value, { errorHook: refuse })
        return type.toBuffer(value)
      }
    },
  })
