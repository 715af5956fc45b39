// Owns the type of schemas, and the TypeScript types of the messages that are inferred from them.
// Schemas are data in Kafka's terms, written `as const`: field `TopicId` of type `uuid` becomes
// `readonly topicId: Uint8Array`. Callers: protocol/api/, which defines the schemas, and schema/.
// Invariant: a test compares every schema with Kafka's.

import type { ProducerId } from '../producer-id.ts'

export interface FieldSchema {
  /** Kafka's name; the property begins with a lower-case letter. */
  readonly name: string
  /** A primitive type, Kafka's name of a struct with `fields`, or `[]` and one of these. */
  readonly type: string
  /** Versions that have the field. */
  readonly versions: string
  /** Versions in which it may be null. */
  readonly nullableVersions?: string
  /** Versions in which it is a tagged field, and its tag. */
  readonly taggedVersions?: string
  readonly tag?: number
  /** Its value if it is missing: 0, '', false, no bytes, no elements unless defined otherwise. */
  readonly default?: number | string | boolean | null
  /** Kafka's entity type, if it changes the TypeScript type: see ProducerId. */
  readonly entityType?: 'producerId'
  /** True: a value that the version cannot contain is dropped; otherwise it is an error. */
  readonly ignorable?: boolean
  /** The fields of a struct, or of an array's elements. */
  readonly fields?: readonly FieldSchema[]
}

export interface MessageSchema {
  /** Kafka's name: `ProduceRequest`. */
  readonly name: string
  readonly validVersions: string
  readonly flexibleVersions: string
  readonly fields: readonly FieldSchema[]
}

export interface PrimitiveTypes {
  readonly bool: boolean
  readonly int8: number
  readonly int16: number
  readonly uint16: number
  readonly int32: number
  readonly uint32: number
  /** A safe integer. */
  readonly int64: number
  readonly float64: number
  readonly string: string
  /** Sixteen bytes. */
  readonly uuid: Uint8Array
  readonly bytes: Uint8Array
  readonly records: Uint8Array
}

export type PrimitiveName = keyof PrimitiveTypes

type TypeOf<Name extends string, Field> = Name extends `[]${infer Element}`
  ? readonly TypeOf<Element, Field>[]
  : Name extends PrimitiveName
    ? Field extends { readonly entityType: 'producerId' }
      ? ProducerId
      : PrimitiveTypes[Name]
    : Field extends { readonly fields: infer Fields extends readonly FieldSchema[] }
      ? StructOf<Fields>
      : never

type ValueOf<Field extends FieldSchema> = Field extends { readonly nullableVersions: string }
  ? TypeOf<Field['type'], Field> | null
  : TypeOf<Field['type'], Field>

type StructOf<Fields extends readonly FieldSchema[]> = {
  readonly [Field in Fields[number] as Uncapitalize<Field['name']>]: ValueOf<Field>
}

/** A decoded message: every field is present; a field that the version lacks has its default. */
export type MessageOf<Schema extends MessageSchema> = StructOf<Schema['fields']>

/** A message to encode: a missing or undefined field gets its default, at every depth. */
export type Input<Value> = Value extends Uint8Array
  ? Value
  : Value extends readonly (infer Element)[]
    ? readonly Input<Element>[]
    : Value extends object
      ? { readonly [Name in keyof Value]?: Input<Value[Name]> | undefined }
      : Value

/** Kafka's largest int64: the only value above 2^53 in a schema, as a default (`no limit`). */
export const int64Max = 2 ** 63

/** The topic id that means "unknown". Shared: it must not be changed. */
export const zeroUuid: Uint8Array = new Uint8Array(16)

/** `TopicId` → `topicId`. */
export const propertyName = (fieldName: string): string =>
  fieldName.charAt(0).toLowerCase() + fieldName.slice(1)
