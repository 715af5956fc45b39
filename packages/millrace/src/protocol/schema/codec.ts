// Owns one codec per primitive type: reading, writing, and the recognition of the default value.
// Caller: compile.ts, which combines them into structs and arrays. Invariant: a codec has no state.

import type { Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import type { ProducerId } from '../producer-id.ts'
import type { FieldSchema, PrimitiveName } from './message.ts'
import { int64Max, zeroUuid } from './message.ts'

/** How one type is encoded in one version of one message. */
export interface Codec {
  read(this: void, reader: Reader): unknown
  write(this: void, writer: Writer, value: unknown): void
  /** True for a value that is not written if the field is tagged or missing in the version. */
  isDefault(this: void, value: unknown): boolean
  /** Shared by all messages: it must not be changed. */
  readonly defaultValue: unknown
  /** The minimum number of its bytes. */
  readonly sizeMin: number
}

/** What the codec of a type depends on. */
export interface CodecContext {
  readonly field: FieldSchema
  /** Lengths are compact. */
  readonly flexible: boolean
  /** Null is allowed. */
  readonly nullable: boolean
}

const scalar = (
  defaultValue: unknown,
  sizeMin: number,
  read: (reader: Reader) => unknown,
  write: (writer: Writer, value: never) => void,
): Codec => ({
  read,
  write: write as (writer: Writer, value: unknown) => void,
  isDefault: (value) => value === defaultValue,
  defaultValue,
  sizeMin,
})

const numberOr = (field: FieldSchema): number =>
  typeof field.default === 'number' ? field.default : 0

/** The single default above 2^53: this value, and no other, is accepted. */
const int64OrMax = (): Codec =>
  scalar(
    int64Max,
    8,
    (reader) => {
      if (reader.startsWithInt64Max()) {
        reader.skip(8)
        return int64Max
      }
      return reader.readInt64()
    },
    (writer, value: number) => {
      if (value === int64Max) {
        writer.writeInt32(0x7fffffff)
        writer.writeInt32(-1)
      } else {
        writer.writeInt64(value)
      }
    },
  )

const producerIdCodec = (field: FieldSchema): Codec =>
  scalar(
    numberOr(field),
    8,
    (reader) => reader.readProducerId(),
    (writer, value: ProducerId) => writer.writeProducerId(value),
  )

const int64Codec = (field: FieldSchema): Codec => {
  if (field.entityType === 'producerId') return producerIdCodec(field)
  return field.default === int64Max
    ? int64OrMax()
    : scalar(
        numberOr(field),
        8,
        (reader) => reader.readInt64(),
        (writer, value: number) => writer.writeInt64(value),
      )
}

const stringCodec = ({ field, flexible, nullable }: CodecContext): Codec => {
  const value = field.default === undefined ? '' : field.default
  if (flexible) {
    return nullable
      ? scalar(
          value,
          1,
          (reader) => reader.readCompactNullableString(),
          (writer, text: string | null) => writer.writeCompactNullableString(text),
        )
      : scalar(
          value,
          1,
          (reader) => reader.readCompactString(),
          (writer, text: string) => writer.writeCompactString(text),
        )
  }
  return nullable
    ? scalar(
        value,
        2,
        (reader) => reader.readNullableString(),
        (writer, text: string | null) => writer.writeNullableString(text),
      )
    : scalar(
        value,
        2,
        (reader) => reader.readString(),
        (writer, text: string) => writer.writeString(text),
      )
}

const noBytes = new Uint8Array(0)

const bytesCodec = ({ field, flexible, nullable }: CodecContext): Codec => {
  const nullByDefault = field.default === null || field.type === 'records'
  const defaults = {
    defaultValue: nullByDefault ? null : noBytes,
    isDefault: nullByDefault
      ? (value: unknown) => value === null
      : (value: unknown) => value instanceof Uint8Array && value.length === 0,
  }
  if (flexible) {
    return {
      ...defaults,
      sizeMin: 1,
      read: nullable
        ? (reader) => reader.readCompactNullableBytes()
        : (reader) => reader.readCompactBytes(),
      write: (writer, value) => writer.writeCompactNullableBytes(value as Uint8Array | null),
    }
  }
  return {
    ...defaults,
    sizeMin: 4,
    read: nullable ? (reader) => reader.readNullableBytes() : (reader) => reader.readBytes(),
    write: (writer, value) => writer.writeNullableBytes(value as Uint8Array | null),
  }
}

const isZeroUuid = (value: unknown): boolean =>
  value instanceof Uint8Array && value.every((byte) => byte === 0)

const uuidCodec: Codec = {
  read: (reader) => reader.readUuid(),
  write: (writer, value) => writer.writeUuid(value as Uint8Array),
  isDefault: isZeroUuid,
  defaultValue: zeroUuid,
  sizeMin: 16,
}

const makers: Record<PrimitiveName, (context: CodecContext) => Codec> = {
  bool: ({ field }) =>
    scalar(
      field.default === true,
      1,
      (reader) => reader.readBoolean(),
      (writer, value: boolean) => writer.writeBoolean(value),
    ),
  int8: ({ field }) =>
    scalar(
      numberOr(field),
      1,
      (reader) => reader.readInt8(),
      (writer, value: number) => writer.writeInt8(value),
    ),
  int16: ({ field }) =>
    scalar(
      numberOr(field),
      2,
      (reader) => reader.readInt16(),
      (writer, value: number) => writer.writeInt16(value),
    ),
  uint16: ({ field }) =>
    scalar(
      numberOr(field),
      2,
      (reader) => reader.readUint16(),
      (writer, value: number) => writer.writeUint16(value),
    ),
  int32: ({ field }) =>
    scalar(
      numberOr(field),
      4,
      (reader) => reader.readInt32(),
      (writer, value: number) => writer.writeInt32(value),
    ),
  uint32: ({ field }) =>
    scalar(
      numberOr(field),
      4,
      (reader) => reader.readUint32(),
      (writer, value: number) => writer.writeUint32(value),
    ),
  int64: ({ field }) => int64Codec(field),
  float64: ({ field }) =>
    scalar(
      numberOr(field),
      8,
      (reader) => reader.readFloat64(),
      (writer, value: number) => writer.writeFloat64(value),
    ),
  string: stringCodec,
  uuid: () => uuidCodec,
  bytes: bytesCodec,
  records: bytesCodec,
}

const isPrimitive = (type: string): type is PrimitiveName => Object.hasOwn(makers, type)

/** The codec of a primitive type; undefined for the name of a struct. */
export const primitiveCodec = (type: string, context: CodecContext): Codec | undefined =>
  isPrimitive(type) ? makers[type](context) : undefined
