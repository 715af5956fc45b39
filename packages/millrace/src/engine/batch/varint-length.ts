// Owns the zigzag varints of the record format, which are written into a buffer that is large
// enough. Callers: Batch, RecordEncoder, for each record; so it uses integer arithmetic and no
// BigInt. Invariant: the sizes are those of protocol/bytes/varint.ts.

/** Writes a 32-bit zigzag varint; returns the position after it. */
export const writeVarint = (bytes: Uint8Array, position: number, value: number): number => {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  while (rest > 0x7f) {
    bytes[position++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[position++] = rest
  return position
}

/** Reads a varint of `writeVarint`. */
export const readVarint = (bytes: Uint8Array, position: number): number => {
  let zigzag = 0
  let byte: number
  let shift = 0
  do {
    byte = bytes[position++]!
    zigzag |= (byte & 0x7f) << shift
    shift += 7
  } while (byte > 0x7f && shift < 35)
  return (zigzag >>> 1) ^ -(zigzag & 1)
}

const fits32 = (value: number): boolean => value === (value | 0)

/** The zigzag value of a safe integer that needs more than 32 bits, as a number below 2^54. */
const wideZigzag = (value: number): number => (value >= 0 ? value * 2 : -value * 2 - 1)

/** Writes a 64-bit zigzag varint; returns the position after it. */
export const writeVarlong = (bytes: Uint8Array, position: number, value: number): number => {
  if (fits32(value)) return writeVarint(bytes, position, value)
  let rest = wideZigzag(value)
  while (rest >= 0x80) {
    bytes[position++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  bytes[position++] = rest
  return position
}
