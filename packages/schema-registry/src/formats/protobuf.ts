// The format Protobuf: values are written by protobufjs from the text of a .proto file, or by
// @bufbuild/protobuf for messages of generated code. Between the schema id and the message, a
// record must contain the message's indexes in its file. Caller: index.ts.

import type { Serializer } from 'millrace'
import { readOptions } from '../client/registry-text.ts'
import { schemaSerializer } from '../schema-serializer.ts'
import type { SchemaSerializerOptions } from '../serializer-options.ts'
import { ProtobufConverters } from '../values/protobuf-value.ts'
import { writeIndexes } from '../wire-format.ts'
import { type GeneratedMessage, GeneratedMessages } from './generated-message.ts'
import { compileProtobuf, findMessage, isMessage } from './protobuf-file.ts'
import type { SchemaFormat, SchemaWriter } from './schema-format.ts'

/** Options of `protobufSerializer`. */
export interface ProtobufOptions extends SchemaSerializerOptions {
  /** `'shop.Order'` or `'Order.Line'`; by default the first message of the file. */
  readonly messageType?: string | undefined
  /**
   * Message descriptors of code that `@bufbuild/protobuf` generated (`OrderSchema`), instead of
   * `schema`. Each value must be a message of one of these types.
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
 * Serializes values by a Protobuf schema. Field names are in camelCase, and enums are names or
 * numbers. 64-bit integers are numbers, bigints, or decimal text. A Timestamp may be a Date, and a
 * map may be a Map.
 *
 * @example
 * protobufSerializer<Order>({ registry, schema: 'syntax = "proto3"; message Order { … }' })
 */
export const protobufSerializer = <Value extends object = object>(
  options: ProtobufOptions,
): Serializer<Value> => {
  const { messages, messageType } = readOptions('protobufSerializer', () => {
    const { messages, messageType } = (options ?? {}) as Partial<ProtobufOptions>
    return { messages, messageType }
  })
  const format: SchemaFormat<object> = {
    schemaType: 'PROTOBUF',
    compile: compileWriter(messageType),
    generated: Array.isArray(messages) ? new GeneratedMessages(messages) : undefined,
  }
  return schemaSerializer(options, format) as Serializer<Value>
}
