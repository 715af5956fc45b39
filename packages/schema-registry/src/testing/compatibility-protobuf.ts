// Checks whether messages of one .proto file can be read with another: the type of a field number
// must keep its wire format, no message may be removed, and no field may become required. Caller:
// compatibility.ts.

import type { Field, OneOf, Type } from 'protobufjs'
import { isMessage, type MessageOutline, type ProtobufFile } from '../formats/protobuf-file.ts'

/** Types of one group can be read as each other. */
const groups = [
  ['int32', 'uint32', 'int64', 'uint64', 'bool', 'enum'],
  ['sint32', 'sint64'],
  ['fixed32', 'sfixed32'],
  ['fixed64', 'sfixed64'],
  ['string', 'bytes'],
]

const kindOf = (file: ProtobufFile, field: Field): string => {
  const { resolvedType, type } = field.resolve()
  if (resolvedType === null) return `${groups.findIndex((group) => group.includes(type))} ${type}`
  return isMessage(file.protobuf, resolvedType) ? `message ${resolvedType.name}` : '0 enum'
}

const isSameKind = (one: string, other: string): boolean => {
  if (one === other) return true
  const [group] = one.split(' ')
  return /^\d/.test(group!) && other.startsWith(`${group} `)
}

const fieldProblems = (
  [readerFile, reader]: readonly [ProtobufFile, Type],
  [writerFile, writer]: readonly [ProtobufFile, Type],
): string[] => {
  const problems: string[] = []
  const written = new Map(writer.fieldsArray.map((field) => [field.id, field]))
  for (const field of reader.fieldsArray) {
    const old = written.get(field.id)
    const name = `${reader.fullName.slice(1)}.${field.name}`
    if (old === undefined) {
      if (field.required) problems.push(`the required field ${name} was added`)
      continue
    }
    const [now, before] = [kindOf(readerFile, field), kindOf(writerFile, old)]
    if (!isSameKind(now, before) || field.repeated !== old.repeated || field.map !== old.map) {
      problems.push(`the type of the field ${name} changed`)
    }
    if (isInOneof(field.partOf) && !isInOneof(old.partOf) && oldMembers(field, written) > 1) {
      problems.push(`the field ${name} moved into a oneof with others`)
    }
  }
  return problems
}

const isInOneof = (oneof: OneOf | null): boolean => oneof !== null && !oneof.name.startsWith('_')

const oldMembers = ({ partOf }: Field, written: ReadonlyMap<number, Field>): number =>
  (partOf?.fieldsArray ?? []).filter(({ id }) => written.has(id)).length

const namesOf = (messages: readonly MessageOutline[], prefix: string): string[] =>
  messages.flatMap(({ name, messages: nested }) => [
    prefix + name,
    ...namesOf(nested, `${prefix}${name}.`),
  ])

/** The reasons why `reader` can't read what `writer` wrote. */
export const protobufProblems = (reader: ProtobufFile, writer: ProtobufFile): string[] => {
  if (reader.packageName !== writer.packageName) return ['the package changed']
  const prefix = reader.packageName === '' ? '' : `${reader.packageName}.`
  const now = new Set(namesOf(reader.messages, prefix))
  return namesOf(writer.messages, prefix).flatMap((name) => {
    if (!now.has(name)) return [`the message ${name} was removed`]
    const types = [reader, writer].map((file) => [file, file.root.lookupType(`.${name}`)] as const)
    return fieldProblems(types[0]!, types[1]!)
  })
}
