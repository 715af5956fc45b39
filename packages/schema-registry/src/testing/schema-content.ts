// A schema as the registry for tests stores it: parsed once, in a normalized text, with an identity
// that is equal for equal schemas. Callers: schema-store.ts and registry-routes.ts.

import { createHash } from 'node:crypto'
import { messageOf } from '../client/registry-text.ts'
import type { SchemaReference, SchemaType } from '../client/schema-registry.ts'
import { compileAvro } from '../formats/avro.ts'
import { compileJsonSchema } from '../formats/json-schema.ts'
import { compileProtobuf } from '../formats/protobuf-file.ts'
import type { SchemaText } from '../formats/schema-format.ts'
import { descriptorText, isDescriptor } from './protobuf-descriptor.ts'
import { invalidSchema } from './registry-rejection.ts'

/** The body of a request to register or to look up a schema. */
export interface SchemaRequest {
  readonly schema?: unknown
  readonly schemaType?: unknown
  readonly references?: unknown
  readonly metadata?: unknown
  readonly ruleSet?: unknown
  readonly id?: unknown
  readonly version?: unknown
}

/** A schema, independent of the subjects that it is registered under. */
export interface SchemaContent {
  readonly schema: string
  readonly schemaType: SchemaType
  readonly references: readonly SchemaReference[]
  readonly metadata: unknown
  readonly ruleSet: unknown
  /** The FileDescriptorProto in base64, if the schema was sent in this form. */
  readonly descriptor: string | undefined
  /** The same text for the same schema. */
  readonly identity: string
}

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const names = Object.keys(value).sort()
  return Object.fromEntries(names.map((name) => [name, sorted((value as never)[name])]))
}

const compactJson = (text: string): string => {
  try {
    return JSON.stringify(JSON.parse(text))
  } catch (error) {
    if (/^\w+$/.test(text)) return JSON.stringify(text)
    throw invalidSchema(messageOf(error))
  }
}

/**
 * An Avro schema as Java compares it: `{ "type": "string" }` is `"string"`, and the order of names
 * in an object has no meaning.
 */
const avroForm = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(avroForm)
  if (typeof value !== 'object' || value === null) return value
  const { type, ...rest } = value as { type?: unknown }
  const isWrapper = typeof type === 'string' && Object.keys(rest).length === 0
  if (isWrapper) return type
  const entries = Object.entries(value).map(([name, one]) => [name, avroForm(one)])
  return sorted(Object.fromEntries(entries))
}

const comments = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/g

const compactProto = (text: string): string =>
  text
    .replaceAll(comments, ' ')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ?([{}[\];=,<>]) ?/g, '$1')
    .trim()

/** Equal texts are the same schema. */
const comparedText = (schemaType: SchemaType, schema: string, normalize: boolean): string => {
  if (schemaType === 'PROTOBUF') return compactProto(schema)
  if (schemaType === 'AVRO') return JSON.stringify(avroForm(JSON.parse(schema)))
  return normalize ? JSON.stringify(sorted(JSON.parse(schema))) : schema
}

const isReference = (one: unknown): one is SchemaReference => {
  const { name, subject, version } = (one ?? {}) as Partial<SchemaReference>
  return typeof name === 'string' && typeof subject === 'string' && Number.isInteger(version)
}

const isType = (type: unknown): type is SchemaType =>
  type === 'AVRO' || type === 'JSON' || type === 'PROTOBUF'

/** Parses a request. Throws a RegistryRejection if it is not a schema. */
export const contentOf = async (
  request: SchemaRequest,
  normalize: boolean,
): Promise<SchemaContent> => {
  const { schema: text, schemaType = 'AVRO', metadata, ruleSet } = request
  const references = request.references ?? []
  if (typeof text !== 'string' || text === '') throw invalidSchema('it is empty')
  if (!isType(schemaType)) throw invalidSchema(`unknown type ${String(schemaType)}`)
  if (!Array.isArray(references) || !references.every(isReference)) {
    throw invalidSchema('references must have name, subject and version')
  }
  const isSent = schemaType === 'PROTOBUF' && isDescriptor(text)
  const descriptor = isSent ? text : undefined
  const plain = isSent ? await descriptorText(text) : text
  const schema = schemaType === 'PROTOBUF' ? plain : compactJson(plain)
  const compared = comparedText(schemaType, schema, normalize)
  const identity = JSON.stringify([schemaType, compared, references, metadata, ruleSet])
  return { schema, schemaType, references, metadata, ruleSet, descriptor, identity }
}

/** Throws a RegistryRejection if the text is not a schema of its type. */
export const compileContent = async (schemaType: SchemaType, text: SchemaText): Promise<void> => {
  const compile = { AVRO: compileAvro, JSON: compileJsonSchema, PROTOBUF: compileProtobuf }
  await compile[schemaType](text).catch((error: unknown) => {
    throw invalidSchema(messageOf(error))
  })
}

/** The GUID of the text, the references and the rules. The store gives equal schemas one GUID. */
export const guidOf = (content: SchemaContent): string => {
  const { schema, schemaType, references, metadata, ruleSet } = content
  const text = schemaType === 'PROTOBUF' ? compactProto(schema) : schema
  const hashed = JSON.stringify([schemaType, text, references, metadata, ruleSet])
  const hex = createHash('md5').update(hashed).digest('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
