// The one door of the package: serializers for typed topics, and the registry that they ask.

export { type AvroOptions, avroSerializer } from './avro.ts'
export { jsonSchemaSerializer } from './json-schema.ts'
export { type ProtobufOptions, protobufSerializer } from './protobuf.ts'
export { RegistryError } from './registry-error.ts'
export {
  type RegisteredSchema,
  type SchemaInput,
  type SchemaReference,
  SchemaRegistry,
  type SchemaRegistryOptions,
  type SchemaType,
} from './schema-registry.ts'
export type { SchemaSerializerOptions } from './schema-serializer.ts'
