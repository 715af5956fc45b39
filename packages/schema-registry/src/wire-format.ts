// The bytes that say which schema a record was written with, as Confluent's serializers have it: in
// front of the value a 0 and the id in four bytes, or in a record header a 1 and the schema's GUID
// in sixteen. For Protobuf the indexes of the message in its file follow, in the same place.

/** Where a record says which schema it was written with. */
export type SchemaIdPlace = 'prefix' | 'header'

/** Which schema a record was written with. */
export type SchemaIdentity = { readonly id: number } | { readonly guid: string }

const idMagic = 0
const guidMagic = 1

/** The record header that holds the schema's GUID. */
export const headerName = (field: 'key' | 'value'): string => `__${field}_schema_id`

export const idPrefix = (id: number): Buffer => {
  const bytes = Buffer.alloc(5)
  bytes.writeUInt8(idMagic, 0)
  bytes.writeUInt32BE(id, 1)
  return bytes
}

const guidText = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Throws a TypeError if the GUID is not one. */
export const guidBytes = (guid: string): Buffer => {
  if (!guidText.test(guid)) throw new TypeError(`guid must be a UUID, got ${guid.slice(0, 50)}`)
  return Buffer.from(`01${guid.replaceAll('-', '')}`, 'hex')
}

const checkLength = (what: string, bytes: Buffer, expected: number): void => {
  const length = bytes.length - 1
  if (length >= expected) return
  throw new TypeError(`the schema's ${what} must have ${expected} bytes, got ${length}`)
}

/** Reads what was written by `idPrefix` or `guidBytes`. Throws a TypeError for anything else. */
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
  throw new TypeError(`the bytes must begin with a schema's id (0x00) or GUID (0x01), got ${start}`)
}

const writeZigzag = (target: number[], value: number): void => {
  let left = value * 2
  for (; left > 0x7f; left = Math.floor(left / 128)) target.push((left & 0x7f) | 0x80)
  target.push(left)
}

/** The way to a Protobuf message in its file. `[0]`, the usual one, is a single 0. */
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

/** Reads what was written by `writeIndexes`. Throws a TypeError if it is cut off. */
export const readIndexes = (bytes: Buffer): [indexes: number[], rest: Buffer] => {
  let offset = 0
  const readOne = (): number => {
    let value = 0
    for (let scale = 1; scale < 2 ** 35; scale *= 128) {
      const byte = bytes[offset++]
      if (byte === undefined) throw new TypeError('the indexes of the Protobuf message are cut off')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    throw new TypeError('an index of the Protobuf message has more than 5 bytes')
  }
  const count = readOne()
  if (count < 0 || count > indexesMax) {
    throw new TypeError(`a Protobuf message must have 0 to ${indexesMax} indexes, got ${count}`)
  }
  const indexes = count === 0 ? [0] : Array.from({ length: count }, readOne)
  return [indexes, bytes.subarray(offset)]
}
