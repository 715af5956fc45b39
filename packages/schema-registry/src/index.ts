// The entry point of @millrace/schema-registry: serializers for typed topics, a deserializer, and
// the registry's client. It lists every public name by hand.

export { RegistryError } from './client/registry-error.ts'
export type {
  RegistryAuth,
  RegistryTls,
  SchemaRegistryOptions,
} from './client/registry-options.ts'
export {
  type RegisteredSchema,
  type SchemaInput,
  type SchemaReference,
  SchemaRegistry,
  type SchemaType,
} from './client/schema-registry.ts'
export { type AvroOptions, avroSerializer } from './formats/avro.ts'
export type { GeneratedMessage } from './formats/generated-message.ts'
export { jsonSchemaSerializer } from './formats/json-schema.ts'
export { type ProtobufOptions, protobufSerializer } from './formats/protobuf.ts'
export {
  type DeserializerContext,
  type HeadersOfRecord,
  type SchemaDeserializer,
  type SchemaDeserializerOptions,
  schemaDeserializer,
} from './schema-deserializer.ts'
export { selectSerializer } from './select-serializer.ts'
export type { SchemaSerializerOptions } from './serializer-options.ts'
export {
  recordNameStrategy,
  type SubjectContext,
  type SubjectName,
  topicNameStrategy,
  topicRecordNameStrategy,
} from './subject-names.ts'
export type { SchemaIdPlace } from './wire-format.ts'
