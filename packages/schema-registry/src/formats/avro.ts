// The format Avro, with the library avsc. The converters in values/ convert a caller's values to
// avsc's values, and back. A schema is compiled in two forms: a fast one with longs as numbers, and
// an exact one with longs as bigints, for values beyond 2^53 and for reading. Callers: index.ts,
// schema-deserializer.ts, and testing/.

import type { Type } from 'avsc'
import type { Serializer } from 'millrace'
import { schemaSerializer } from '../schema-serializer.ts'
import type { SchemaSerializerOptions } from '../serializer-options.ts'
import { type LogicalType, logicalTypeOf } from '../values/avro-logical.ts'
import { AvroReaders } from '../values/avro-read.ts'
import { AvroConverters, NeedsExactLongs } from '../values/avro-value.ts'
import type { Convert } from '../values/field-path.ts'
import type { SchemaText } from './schema-format.ts'

/** Options of `avroSerializer`. */
export interface AvroOptions extends SchemaSerializerOptions {
  /** Logical types for avsc that replace the built-in ones of the same name: `{ date: MyType }`. */
  // biome-ignore lint/suspicious/noExplicitAny: classes of avsc, which is loaded when it is needed
  readonly logicalTypes?: Readonly<Record<string, any>> | undefined
}

type Avro = typeof import('avsc')

const longType = (avro: Avro): Type =>
  avro.types.LongType.__with({
    fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(value)
      return bytes
    },
    fromJSON: (value: number) => BigInt(value),
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a < b ? -1 : Number(a > b)),
  })

/** A compiled schema. */
export interface AvroSchema {
  readonly type: Type
  readonly logical: ReadonlyMap<Type, LogicalType>
}

/** fast: longs as numbers, unions unwrapped. exact: longs as bigints, unions wrapped. */
type Form = 'fast' | 'exact'

/** Compiles a schema with the schemas that it references. Throws if the text is not a schema. */
export const compileAvro = async (
  text: SchemaText,
  logicalTypes: Readonly<Record<string, unknown>> = {},
): Promise<AvroSchema> => compileForm((await import('avsc')).default, text, logicalTypes, 'exact')

const compileForm = (
  avro: Avro,
  { schema, imports }: SchemaText,
  logicalTypes: Readonly<Record<string, unknown>>,
  form: Form,
): AvroSchema => {
  const logical = new Map<Type, LogicalType>()
  const typeHook = (one: unknown, settings: object): Type | undefined => {
    const { type, logicalType } = (typeof one === 'object' && one !== null ? one : {}) as {
      type?: unknown
      logicalType?: unknown
    }
    if (typeof logicalType === 'string' && Object.hasOwn(logicalTypes, logicalType)) return
    const isLong = form === 'exact' && (one === 'long' || type === 'long')
    const found = logicalTypeOf(one)
    if (found === undefined) return isLong ? longType(avro) : undefined
    const { logicalType: _, ...plain } = one as { logicalType: string }
    const made = isLong ? longType(avro) : avro.Type.forSchema(plain as never, settings)
    logical.set(made, found)
    return made
  }
  const settings = {
    registry: {},
    ...(form === 'exact' && { wrapUnions: true }),
    typeHook,
    logicalTypes: { ...logicalTypes },
  }
  for (const [, text] of imports) avro.Type.forSchema(JSON.parse(text), settings as never)
  return { type: avro.Type.forSchema(parsedSchema(schema), settings as never), logical }
}

/** A name such as `string` without quotes is accepted as a schema, too. */
const parsedSchema = (text: string) => {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (/^\w+$/.test(text)) return text
    throw error
  }
}

/** Confluent's serializers write a value of the schema `"bytes"` without Avro's length. */
const isBytesAlone = (type: Type): boolean => type.typeName === 'bytes'

/** Returns the function that writes values. A long beyond 2^53 selects the exact form. */
const avroWriter = (
  fast: AvroSchema,
  compileExact: () => AvroSchema,
): ((value: unknown) => Buffer) => {
  const convert = new AvroConverters(fast.logical).of(fast.type)
  if (isBytesAlone(fast.type)) return (value) => convert(value, []) as Buffer
  let exact: { readonly type: Type; readonly convert: Convert } | null = null
  return (value) => {
    try {
      return fast.type.toBuffer(convert(value, []))
    } catch (error) {
      if (!(error instanceof NeedsExactLongs)) throw error
    }
    if (exact === null) {
      const { type, logical } = compileExact()
      exact = { type, convert: new AvroConverters(logical).of(type) }
    }
    return exact.type.toBuffer(exact.convert(value, []))
  }
}

/** Returns the function that reads values of a compiled schema. */
export const avroReader = ({ type, logical }: AvroSchema): ((bytes: Buffer) => unknown) => {
  const read = new AvroReaders(logical).of(type)
  return isBytesAlone(type) ? read : (bytes) => read(type.fromBuffer(bytes))
}

/**
 * Serializes values by an Avro schema. Longs are numbers or bigints, timestamps and dates may be
 * Dates, and decimals are text. A value that does not fit the schema is rejected with the path of
 * its field.
 *
 * @example
 * typedTopics(producer, { orders: { value: avroSerializer<Order>({ registry, schema }) } })
 */
export const avroSerializer = <Value = unknown>(options: AvroOptions): Serializer<Value> =>
  schemaSerializer<Value>(options, {
    schemaType: 'AVRO',
    compile: async (text) => {
      const { default: avro } = await import('avsc')
      const compile = (form: Form) => compileForm(avro, text, options.logicalTypes ?? {}, form)
      const fast = compile('fast')
      const write = avroWriter(fast, () => compile('exact'))
      return { recordName: fast.type.name, prefix: noBytes, write }
    },
  })

const noBytes = new Uint8Array()
