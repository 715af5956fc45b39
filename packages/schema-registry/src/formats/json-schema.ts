// The format JSON Schema, with the library ajv: drafts 04 to 07, 2019-09, and 2020-12, selected by
// `$schema`. It does not check string formats (`"format": "date"`). Callers: index.ts and
// testing/schema-content.ts.

import { type Serializer, toJsonText } from 'millrace'
import { typeError } from '../client/registry-text.ts'
import { schemaSerializer } from '../schema-serializer.ts'
import type { SchemaSerializerOptions } from '../serializer-options.ts'
import type { SchemaText } from './schema-format.ts'

interface JsonSchema {
  readonly $schema?: string
  readonly $id?: string
  readonly title?: string
}

/** The class for a draft; draft 07 if the schema names none or an unknown one. */
const validatorFor = async ({ $schema }: JsonSchema) => {
  const draft = String($schema ?? '')
  if (draft.includes('2020-12')) return (await import('ajv/dist/2020.js')).Ajv2020
  if (draft.includes('2019-09')) return (await import('ajv/dist/2019.js')).Ajv2019
  if (draft.includes('draft-04')) return (await import('ajv-draft-04')).default.default
  return (await import('ajv')).Ajv
}

/** Draft 06 is a subset of draft 07, but ajv's class for 07 does not know the name of 06. */
const withoutDraft06 = <Schema extends JsonSchema>(schema: Schema): Schema => {
  if (!String(schema?.$schema ?? '').includes('draft-06')) return schema
  const { $schema: _, ...rest } = schema
  return rest as Schema
}

type Imported = readonly [name: string, schema: JsonSchema]

/**
 * The names by which other schemas may reference a schema: the name of its reference, its `$id`,
 * and that name resolved against the `$id` of each schema of the set.
 */
const urisOf = (imported: readonly Imported[], schema: JsonSchema): Map<string, JsonSchema> => {
  const all = [schema, ...imported.map(([, one]) => one)]
  const bases = all.flatMap(({ $id }) =>
    typeof $id === 'string' && URL.canParse($id) ? [$id] : [],
  )
  const uris = new Map<string, JsonSchema>()
  const add = (uri: string, one: JsonSchema): void => {
    const key = uri.replace(/#$/, '')
    if (!uris.has(key) && key !== schema.$id) uris.set(key, one)
  }
  for (const [, one] of imported) if (typeof one.$id === 'string') add(one.$id, one)
  for (const [name, one] of imported) add(name, one)
  for (const [name, one] of imported) {
    for (const base of bases) if (URL.canParse(name, base)) add(new URL(name, base).href, one)
  }
  return uris
}

/**
 * ajv nests the code of a check that ends at the first error once per property; with thousands of
 * properties it is too deep for the JavaScript engine. A check that collects all errors is not
 * nested.
 */
const compileWith = <Check>(compile: (allErrors: boolean) => Check): Check => {
  try {
    return compile(false)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return compile(true)
  }
}

/** Compiles a schema to a check that throws a TypeError with the members that do not fit. */
export const compileJsonSchema = async ({ schema: text, imports }: SchemaText) => {
  const schema = withoutDraft06(JSON.parse(text))
  const Validator = await validatorFor(schema ?? {})
  const imported = imports.map(([name, one]): Imported => [name, withoutDraft06(JSON.parse(one))])
  const compile = (allErrors: boolean) => {
    const options = { strict: false, validateFormats: false, allErrors, logger: false } as const
    const validator = new Validator(options)
    for (const [uri, one] of urisOf(imported, schema)) {
      // Under its own $id it is found by its own name: a copy keeps ajv from seeing it twice.
      const { $id, ...anonymous } = one
      validator.addSchema(uri === String($id).replace(/#$/, '') ? one : { ...anonymous, $id: uri })
    }
    return validator.compile(schema)
  }
  const isValid = compileWith(compile)
  const check = (data: unknown): void => {
    if (isValid(data)) return
    const [error] = isValid.errors ?? []
    const place = (error?.instancePath ?? '').slice(1).replaceAll('/', '.') || 'the value'
    const { additionalProperty, unevaluatedProperty } = error?.params ?? {}
    const extra = additionalProperty ?? unevaluatedProperty
    const what = extra === undefined ? '' : ` (${JSON.stringify(extra)})`
    throw typeError(`${place} ${error?.message ?? 'does not fit the schema'}${what}`)
  }
  const { title } = (schema ?? {}) as JsonSchema
  return { check, title: typeof title === 'string' ? title : undefined }
}

const noBytes = new Uint8Array()

/**
 * Serializes values to JSON that a JSON Schema accepts. Dates become text and Maps become objects
 * before the check. A value without a JSON form is rejected with the field's name.
 *
 * @example
 * typedTopics(producer, { orders: { value: jsonSchemaSerializer<Order>({ registry }) } })
 */
export const jsonSchemaSerializer = <Value = unknown>(
  options: SchemaSerializerOptions,
): Serializer<Value> =>
  schemaSerializer<Value>(options, {
    schemaType: 'JSON',
    compile: async (text) => {
      const { check, title } = await compileJsonSchema(text)
      const write = (value: unknown): Buffer => Buffer.from(toJsonText(value, check))
      return { recordName: title, prefix: noBytes, write }
    },
  })
