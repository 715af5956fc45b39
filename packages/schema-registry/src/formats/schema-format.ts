// The interface between serializers and a schema format (Avro, JSON Schema, Protobuf): a format
// compiles a schema with its references to a function that writes values. The other files of this
// folder implement it; schema-serializer.ts and subject-cache.ts call it.

import type { SchemaInput, SchemaRegistry, SchemaType } from '../client/schema-registry.ts'

/** The text of a schema, and the texts that it references, by the names that it uses for them. */
export interface SchemaText {
  readonly schema: string
  readonly imports: readonly (readonly [name: string, text: string])[]
}

/** Converts values to bytes. */
export interface SchemaWriter<Value> {
  /** The name of the schema's type, for subject names: `shop.Order`. */
  readonly recordName: string | undefined
  /** The bytes between the id and the value: Protobuf's indexes of the message. */
  readonly prefix: Uint8Array
  /** Throws a TypeError with the field's path if the value does not fit the schema. */
  write(value: Value): Uint8Array
}

/** The schema of a value whose type comes from generated code. */
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
  /** The writer's prefix for another version of the schema. */
  prefixIn(text: SchemaText): Promise<Uint8Array>
}

/** The generated types that a serializer accepts. */
export interface GeneratedTypes<Value> {
  /** Throws a TypeError for a value of any other type. */
  of(value: Value): OwnSchema<Value>
}

/** One format. */
export interface SchemaFormat<Value> {
  readonly schemaType: SchemaType
  /** Throws if the text is not a schema. */
  compile(text: SchemaText): Promise<SchemaWriter<Value>>
  readonly generated?: GeneratedTypes<Value> | undefined
}
