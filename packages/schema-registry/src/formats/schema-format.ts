// What a format of schemas (Avro, JSON Schema, Protobuf) does for serializers: compiles a schema
// with what it refers to into a function that writes. Implemented by the files beside this one,
// used by schema-serializer.ts.

import type { SchemaInput, SchemaRegistry, SchemaType } from '../client/schema-registry.ts'

/** A schema's text, and the texts that it refers to by the names that it knows them by. */
export interface SchemaText {
  readonly schema: string
  readonly imports: readonly (readonly [name: string, text: string])[]
}

/** What makes a value's bytes. */
export interface SchemaWriter<Value> {
  /** The name of the schema's type, for subjects: `shop.Order`. */
  readonly recordName: string | undefined
  /** What stands between id and value: Protobuf's indexes of the message. */
  readonly prefix: Uint8Array
  /** Throws a TypeError that names the field where the value does not fit the schema. */
  write(value: Value): Uint8Array
}

/** A schema that a value brings along, from generated code. */
export interface OwnSchema<Value> {
  readonly recordName: string
  input(
    registry: SchemaRegistry,
    place: {
      readonly autoRegister?: boolean | undefined
      readonly normalize?: boolean | undefined
    },
  ): Promise<SchemaInput>
  writer(): Promise<SchemaWriter<Value>>
  /** The writer's prefix by another version of the schema. */
  prefixIn(text: SchemaText): Promise<Uint8Array>
}

/** The types of generated code that a serializer takes. */
export interface GeneratedTypes<Value> {
  /** Throws a TypeError for a value that is none of them. */
  of(value: Value): OwnSchema<Value>
}

/** One format. */
export interface SchemaFormat<Value> {
  readonly schemaType: SchemaType
  /** Throws if the text is not a schema. */
  compile(text: SchemaText): Promise<SchemaWriter<Value>>
  readonly generated?: GeneratedTypes<Value> | undefined
}
