// What a schema is, and the TypeScript types that follow from one. Schemas are data in Kafka's own
// vocabulary, written `as const`, so that the types of messages are inferred: field `TopicId` of
// type `uuid` becomes `readonly topicId: Uint8Array`. A test compares every schema with Kafka's
// own.

import type { ProducerId } from '../producer-id.ts'

export interface FieldSchema {
  /** Kafka's name; the property has its first letter lower-cased. */
  readonly name: string
  /** A primitive type, Kafka's name of a struct whose `fields` follow, or `[]` and one of these. */
  readonly type: string
  /** Versions that have the field. */
  readonly versions: string
  /** Versions in which it may be null. */
  readonly nullableVersions?: string
  /** Versions in which it is a tagged field, and its number there. */
  readonly taggedVersions?: string
  readonly tag?: number
  /** Its value where it is left out: 0, '', false, no bytes, no elements unless said otherwise. */
  readonly default?: number | string | boolean | null
  /** Kafka's name for what the value is, where that changes its type: see ProducerId. */
  readonly entityType?: 'producerId'
  /** True: a value that the version can't carry is dropped; else it is an error. */
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

/** A message as it is decoded: each field is there; one that the version lacks has its default. */
export type MessageOf<Schema extends MessageSchema> = StructOf<Schema['fields']>

/** A message to be encoded: what is left out or undefined takes its default, at every depth. */
export type Input<Value> = Value extends Uint8Array
  ? Value
  : Value extends readonly (infer Element)[]
    ? readonly Input<Element>[]
    : Value extends object
      ? { readonly [Name in keyof Value]?: Input<Value[Name]> | undefined }
      : Value

/**
 * Kafka's largest int64: the one value past 2^53 that a schema knows, as a default (`no limit`).
 */
export const int64Max = 2 ** 63

/** A topic id that says nothing. Shared: it must not be changed. */
export const zeroUuid: Uint8Array = new Uint8Array(16)

/** `TopicId` → `topicId`. */
export const propertyName = (fieldName: string): string =>
  fieldName.charAt(0).toLowerCase() + fieldName.slice(1)
