// JSON Schema, by ajv: drafts 07, 2019-09 and 2020-12, as `$schema` says. The formats of strings
// (`"format": "date"`) are not checked.

import type { Serializer } from 'millrace'
import { type SchemaSerializerOptions, schemaSerializer } from './schema-serializer.ts'

/** The class for a draft; 07 where none is named. */
const validatorFor = async (schema: { $schema?: unknown }) => {
  const draft = String(schema.$schema ?? '')
  if (draft.includes('2020-12')) return (await import('ajv/dist/2020.js')).Ajv2020
  if (draft.includes('2019-09')) return (await import('ajv/dist/2019.js')).Ajv2019
  return (await import('ajv')).Ajv
}

/**
 * Serializes to JSON that a JSON Schema accepts.
 *
 * @example
 * typedTopics(producer, { orders: { value: jsonSchemaSerializer<Order>({ registry }) } })
 */
export const jsonSchemaSerializer = <Value = unknown>(
  options: SchemaSerializerOptions,
): Serializer<Value> =>
  schemaSerializer(options, {
    schemaType: 'JSON',
    compile: async (text, imports) => {
      const schema = JSON.parse(text)
      const Validator = await validatorFor(schema)
      const validator = new Validator({ strict: false, validateFormats: false, allErrors: true })
      for (const [name, imported] of imports) validator.addSchema(JSON.parse(imported), name)
      const isValid = validator.compile(schema)
      return (value) => {
        if (isValid(value)) return Buffer.from(JSON.stringify(value))
        throw new TypeError(validator.errorsText(isValid.errors, { dataVar: '' }).trim())
      }
    },
  })
