// Protobuf, by protobufjs, from the text of a .proto file. Between the header and the message
// stands which message of the file it is: the indexes on the way to it, counted among messages.

import type { Serializer } from 'millrace'
import type { NamespaceBase, Type } from 'protobufjs'
import { type SchemaSerializerOptions, schemaSerializer } from './schema-serializer.ts'

/** Options of `protobufSerializer`. */
export interface ProtobufOptions extends SchemaSerializerOptions {
  /** `'shop.Order'`, `'Order.Line'`; the first message of the file by default. */
  readonly messageType?: string | undefined
}

const writeZigzag = (target: number[], value: number): void => {
  let left = value * 2
  for (; left > 0x7f; left = Math.floor(left / 128)) target.push((left & 0x7f) | 0x80)
  target.push(left)
}

/** `[0]`, the usual one, is a single 0. */
export const writeIndexes = (indexes: readonly number[]): Buffer => {
  const bytes: number[] = []
  if (indexes.length === 1 && indexes[0] === 0) bytes.push(0)
  else {
    writeZigzag(bytes, indexes.length)
    for (const index of indexes) writeZigzag(bytes, index)
  }
  return Buffer.from(bytes)
}

type IsType = (one: unknown) => one is Type

const messagesOf = (space: NamespaceBase, isType: IsType): Type[] =>
  space.nestedArray.filter(isType)

/** The way to a message from the package, as names: `['Order', 'Line']`. */
const pathOf = (messageType: string, packageName: string): string[] => {
  const prefix = `${packageName}.`
  const name = messageType.startsWith('.') ? messageType.slice(1) : messageType
  return (name.startsWith(prefix) ? name.slice(prefix.length) : name).split('.')
}

/** Names a field that the message does not have, at any depth; null = there is none. */
const strangeField = (message: Type, value: object, isType: IsType): string | null => {
  for (const [name, content] of Object.entries(value)) {
    const field = message.fields[name]
    if (field === undefined) return `${message.name} has no field ${name}`
    if (!isType(field.resolvedType) || content === undefined || content === null) continue
    const many = field.repeated || field.map ? Object.values(content) : [content]
    for (const one of many) {
      const found = strangeField(field.resolvedType, one as object, isType)
      if (found !== null) return found
    }
  }
  return null
}

/**
 * Serializes by a Protobuf schema. Fields have the names of camelCase, enums are numbers, 64-bit
 * numbers are numbers or Long.
 *
 * @example
 * protobufSerializer<Order>({ registry, schema: 'syntax = "proto3"; message Order { … }' })
 */
export const protobufSerializer = <Value extends object = object>(
  options: ProtobufOptions,
): Serializer<Value> =>
  schemaSerializer(options, {
    schemaType: 'PROTOBUF',
    compile: async (schema, imports) => {
      const { default: protobuf } = await import('protobufjs')
      const isType: IsType = (one): one is Type => one instanceof protobuf.Type
      // By itself: messages of imports don't count.
      const alone = protobuf.parse(schema)
      const packageName = alone.package ?? ''
      const file = packageName === '' ? alone.root : alone.root.lookup(packageName)
      const first = file === null ? undefined : messagesOf(file as NamespaceBase, isType)[0]
      const { messageType = first?.name } = options
      if (messageType === undefined) throw new TypeError('the .proto file has no message')
      const indexes: number[] = []
      let space = file as NamespaceBase
      for (const name of pathOf(messageType, packageName)) {
        const messages = messagesOf(space, isType)
        const index = messages.findIndex((message) => message.name === name)
        if (index < 0) throw new TypeError(`the .proto file has no message ${messageType}`)
        indexes.push(index)
        space = messages[index]!
      }
      const root = new protobuf.Root()
      for (const [, text] of imports) protobuf.parse(text, root)
      // google/protobuf/timestamp.proto and its like come with the library.
      for (const name of alone.imports ?? []) root.addJSON(protobuf.common.get(name)?.nested ?? {})
      protobuf.parse(schema, root)
      const message = root.resolveAll().lookupType(space.fullName)
      const prefix = writeIndexes(indexes)
      return (value) => {
        // Not fromObject, which makes 0 of what is no number, and leaves out what it does not know.
        const problem = strangeField(message, value, isType) ?? message.verify(value)
        if (problem !== null) throw new TypeError(problem)
        return Buffer.concat([prefix, message.encode(value).finish()])
      }
    },
  })
