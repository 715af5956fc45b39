// Checks whether a new schema of a subject is compatible with the earlier ones at the subject's
// level: backward = the new schema reads data of the earlier one, forward = the reverse, full =
// both. Callers: registry-routes.ts and registry-server.ts.

import { messageOf } from '../client/registry-text.ts'
import type { SchemaType } from '../client/schema-registry.ts'
import { compileAvro } from '../formats/avro.ts'
import { compileProtobuf } from '../formats/protobuf-file.ts'
import type { SchemaText } from '../formats/schema-format.ts'
import { jsonProblems } from './compatibility-json.ts'
import { protobufProblems } from './compatibility-protobuf.ts'

/** The compatibility levels of a registry. */
export const compatibilityLevels = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const

/** Which schemas may follow each other under a subject. */
export type CompatibilityLevel = (typeof compatibilityLevels)[number]

const avroProblems = async (reader: SchemaText, writer: SchemaText): Promise<string[]> => {
  const [reading, writing] = await Promise.all([compileAvro(reader), compileAvro(writer)])
  try {
    reading.type.createResolver(writing.type)
    return []
  } catch (error) {
    return [messageOf(error)]
  }
}

/** The reasons why `reader` can't read what `writer` wrote. */
const problemsOf = async (
  schemaType: SchemaType,
  reader: SchemaText,
  writer: SchemaText,
): Promise<string[]> => {
  if (schemaType === 'AVRO') return avroProblems(reader, writer)
  if (schemaType === 'JSON') return jsonProblems(reader, writer)
  return protobufProblems(await compileProtobuf(reader), await compileProtobuf(writer))
}

/** A schema of a subject, in the form that is compared. */
export interface ComparedSchema {
  readonly schemaType: SchemaType
  readonly text: SchemaText
}

/** The reasons against a new schema after the earlier ones, oldest first; empty = compatible. */
export const incompatibilities = async (
  level: CompatibilityLevel,
  added: ComparedSchema,
  old: readonly ComparedSchema[],
): Promise<string[]> => {
  if (level === 'NONE') return []
  const compared = level.endsWith('_TRANSITIVE') ? old : old.slice(-1)
  const problems: string[] = []
  for (const { schemaType, text } of compared) {
    if (schemaType !== added.schemaType) {
      problems.push(`the type ${added.schemaType} does not follow ${schemaType}`)
      continue
    }
    if (!level.startsWith('FORWARD')) {
      problems.push(...(await problemsOf(schemaType, added.text, text)))
    }
    if (!level.startsWith('BACKWARD')) {
      problems.push(...(await problemsOf(schemaType, text, added.text)))
    }
  }
  return problems
}
