// The bytes that identify the schema of a record, in the format of Confluent's serializers: in
// front of the value a 0 and the id in four bytes, or in a header a 1 and the schema's GUID in
// sixteen bytes. For Protobuf, the indexes of the message follow. Consumers depend on this format.
// Callers: the serializers and the deserializer.

import { typeError } from './client/registry-text.ts'

/** Where a record has the id of its schema: in front of the value's bytes, or in a header. */
export type SchemaIdPlace = 'prefix' | 'header'

/** The schema that a record was written with. */
export type SchemaIdentity = { readonly id: number } | { readonly guid: string }

const idMagic = 0
const guidMagic = 1

/** The name of the record header that contains the schema's GUID. */
export const headerName = (field: 'key' | 'value'): string => `__${field}_schema_id`

export const idPrefix = (id: number): Buffer => {
  const bytes = Buffer.alloc(5)
  bytes.writeUInt8(idMagic, 0)
  bytes.writeUInt32BE(id, 1)
  return bytes
}

const guidText = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Throws a TypeError for an invalid GUID. */
export const guidBytes = (guid: string): Buffer => {
  if (!guidText.test(guid)) throw typeError(`guid must be a UUID, got ${guid.slice(0, 50)}`)
  return Buffer.from(`01${guid.replaceAll('-', '')}`, 'hex')
}

const checkLength = (what: string, bytes: Buffer, expected: number): void => {
  const length = bytes.length - 1
  if (length >= expected) return
  throw typeError(`the schema's ${what} must have ${expected} bytes, got ${length}`)
}

/** Reads the bytes of `idPrefix` or `guidBytes`. Throws a TypeError for anything else. */
export const readIdentity = (bytes: Buffer): [identity: SchemaIdentity, rest: Buffer] => {
  if (bytes[0] === idMagic) {
    checkLength('id', bytes, 4)
    return [{ id: bytes.readUInt32BE(1) }, bytes.subarray(5)]
  }
  if (bytes[0] === guidMagic) {
    checkLength('GUID', bytes, 16)
    const hex = bytes.toString('hex', 1, 17)
    const guid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    return [{ guid }, bytes.subarray(17)]
  }
  const start = bytes.length === 0 ? 'no bytes' : `0x${bytes.toString('hex', 0, 1)}`
  throw typeError(`the bytes must begin with a schema's id (0x00) or GUID (0x01), got ${start}`)
}

const writeZigzag = (target: number[], value: number): void => {
  let left = value * 2
  for (; left > 0x7f; left = Math.floor(left / 128)) target.push((left & 0x7f) | 0x80)
  target.push(left)
}

/** The indexes of a Protobuf message in its file. The usual `[0]` is a single byte 0. */
export const writeIndexes = (indexes: readonly number[]): Buffer => {
  const bytes: number[] = []
  if (indexes.length === 1 && indexes[0] === 0) bytes.push(0)
  else {
    writeZigzag(bytes, indexes.length)
    for (const index of indexes) writeZigzag(bytes, index)
  }
  return Buffer.from(bytes)
}

const indexesMax = 100

/** Reads the bytes of `writeIndexes`. Throws a TypeError if they are incomplete. */
export const readIndexes = (bytes: Buffer): [indexes: number[], rest: Buffer] => {
  let offset = 0
  const readOne = (): number => {
    let value = 0
    for (let scale = 1; scale < 2 ** 35; scale *= 128) {
      const byte = bytes[offset++]
      if (byte === undefined) throw typeError('the indexes of the Protobuf message are cut off')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    throw typeError('an index of the Protobuf message has more than 5 bytes')
  }
  const count = readOne()
  if (count < 0 || count > indexesMax) {
    throw typeError(`a Protobuf message must have 0 to ${indexesMax} indexes, got ${count}`)
  }
  const indexes = count === 0 ? [0] : Array.from({ length: count }, readOne)
  return [indexes, bytes.subarray(offset)]
}
