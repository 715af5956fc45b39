// Protobuf, by protobufjs from the text of a .proto file, or by @bufbuild/protobuf from messages of
// generated code. Between the id and the message stands which message of the file it is.

import type { Serializer } from 'millrace'
import { schemaSerializer } from '../schema-serializer.ts'
import type { SchemaSerializerOptions } from '../serializer-options.ts'
import { ProtobufConverters } from '../values/protobuf-value.ts'
import { writeIndexes } from '../wire-format.ts'
import { type GeneratedMessage, GeneratedMessages } from './generated-message.ts'
import { compileProtobuf, findMessage, isMessage } from './protobuf-file.ts'
import type { SchemaFormat, SchemaWriter } from './schema-format.ts'

/** Options of `protobufSerializer`. */
export interface ProtobufOptions extends SchemaSerializerOptions {
  /** `'shop.Order'`, `'Order.Line'`; the first message of the file by default. */
  readonly messageType?: string | undefined
  /**
   * Message descriptors of code that `@bufbuild/protobuf` generated (`OrderSchema`), instead of
   * `schema`. Values are their messages, of any of these types.
   */
  readonly messages?: readonly GeneratedMessage[] | undefined
}

const compileWriter =
  (messageType: string | undefined): SchemaFormat<object>['compile'] =>
  async (text): Promise<SchemaWriter<object>> => {
    const file = await compileProtobuf(text)
    const { type, indexes } = findMessage(file, messageType)
    const convert = new ProtobufConverters((one) => isMessage(file.protobuf, one)).of(type)
    return {
      recordName: type.fullName.slice(1),
      prefix: writeIndexes(indexes),
      write: (value) => type.encode(convert(value, []) as object).finish(),
    }
  }

/**
 * Serializes by a Protobuf schema. Fields have the names of camelCase, enums are names or numbers,
 * 64-bit numbers are numbers, bigints or decimal text, a Timestamp may be a Date and a map a Map.
 *
 * @example
 * protobufSerializer<Order>({ registry, schema: 'syntax = "proto3"; message Order { … }' })
 */
export const protobufSerializer = <Value extends object = object>(
  options: ProtobufOptions,
): Serializer<Value> => {
  const { messages, messageType } = (options ?? {}) as Partial<ProtobufOptions>
  const format: SchemaFormat<object> = {
    schemaType: 'PROTOBUF',
    compile: compileWriter(messageType),
    generated: Array.isArray(messages) ? new GeneratedMessages(messages) : undefined,
  }
  return schemaSerializer(options, format) as Serializer<Value>
}
