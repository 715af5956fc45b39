// Reads Protobuf messages; the indexes in front of the bytes identify the message in its file.
// Enums become names, 64-bit integers become numbers (bigints beyond 2^53), and maps become
// objects. Caller: schema-deserializer.ts.

import type { Type } from 'protobufjs'
import { wholeNumber } from '../values/field-path.ts'
import { readIndexes } from '../wire-format.ts'
import { compileProtobuf, messageAt, type ProtobufFile } from './protobuf-file.ts'
import type { SchemaText } from './schema-format.ts'

const isLong = (value: object): boolean => (value as { __isLong__?: unknown }).__isLong__ === true

/** Converts Longs of protobufjs to numbers, or to bigints beyond 2^53. */
const withoutLongs = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  if (Array.isArray(value)) return value.map(withoutLongs)
  if (isLong(value)) {
    const whole = wholeNumber(value)!
    const number = Number(whole)
    return Number.isSafeInteger(number) ? number : whole
  }
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withoutLongs(one)]))
}

const readMessage = (type: Type, bytes: Buffer): unknown => {
  const message = type.decode(bytes)
  const options = { enums: String, bytes: Buffer, defaults: true, arrays: true, objects: true }
  return withoutLongs(type.toObject(message, options))
}

const typeAt = (file: ProtobufFile, indexes: readonly number[]): Type =>
  messageAt(file, indexes).type

/**
 * `prefix` begins with the indexes. If it is the record's bytes, the message follows the indexes.
 */
export const protobufReader = async (
  text: SchemaText,
): Promise<(bytes: Buffer, prefix: Buffer) => unknown> => {
  const file = await compileProtobuf(text)
  return (bytes, prefix) => {
    const [indexes, rest] = readIndexes(prefix)
    return readMessage(typeAt(file, indexes), bytes === prefix ? rest : bytes)
  }
}
