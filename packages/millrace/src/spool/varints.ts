// Owns the variable-length integers of the spool's entries: seven bits per byte, least significant
// first, for whole numbers up to 2^53 - 1; signed ones are zigzag-encoded. Caller: entries.ts.
// Invariant: the encoding is part of the file format and must not change without a new version.

import type { ProducerId } from '../protocol/producer-id.ts'

/** The most bytes that one number takes. */
export const varintBytesMax = 8

/** Writes a whole number of at least 0; returns the position after it. */
export const writeUnsigned = (bytes: Uint8Array, position: number, value: number): number => {
  while (value >= 0x80) {
    bytes[position++] = (value % 0x80) | 0x80
    value = value < 2 ** 31 ? value >>> 7 : Math.floor(value / 0x80)
  }
  bytes[position++] = value
  return position
}

/** The most bytes that a producer id takes. */
export const producerIdBytesMax = 9

/** Like `writeUnsigned`, also for ids above 2^53. */
export const writeProducerId = (bytes: Uint8Array, position: number, id: ProducerId): number => {
  if (typeof id === 'number') return writeUnsigned(bytes, position, id)
  let rest = id
  for (; rest >= 0x80n; rest >>= 7n) bytes[position++] = Number(rest & 0x7fn) | 0x80
  bytes[position++] = Number(rest)
  return position
}

/** Writes a whole number of up to 52 bits, which may be negative. */
export const writeSigned = (bytes: Uint8Array, position: number, value: number): number =>
  writeUnsigned(bytes, position, value < 0 ? -value * 2 - 1 : value * 2)

/** The bytes that `writeUnsigned` needs for the value. */
export const unsignedSize = (value: number): number => {
  let size = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++
  return size
}

/** Reads what the functions above wrote. Reading past the end throws a RangeError. */
export class VarintReader {
  readonly bytes: Uint8Array
  position: number
  readonly end: number

  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    this.bytes = bytes
    this.position = position
    this.end = end
  }

  get isAtEnd(): boolean {
    return this.position >= this.end
  }

  byte(): number {
    if (this.position >= this.end) throw new RangeError('an entry ends too early')
    return this.bytes[this.position++]!
  }

  unsigned(): number {
    const first = this.byte()
    if (first < 0x80) return first
    this.position--
    let value = 0
    let factor = 1
    for (let count = 0; count < varintBytesMax; count++) {
      const byte = this.byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 0x80
    }
    throw new RangeError('a number is too long')
  }

  producerId(): ProducerId {
    let id = 0n
    for (let count = 0; count < producerIdBytesMax; count++) {
      const byte = this.byte()
      id |= BigInt(byte & 0x7f) << BigInt(7 * count)
      if (byte < 0x80) return id <= Number.MAX_SAFE_INTEGER ? Number(id) : id
    }
    throw new RangeError('a producer id is too long')
  }

  signed(): number {
    const value = this.unsigned()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  skip(length: number): void {
    if (length > this.end - this.position) throw new RangeError('an entry ends too early')
    this.position += length
  }

  /** A view of the next bytes. */
  take(length: number): Uint8Array {
    const start = this.position
    if (length > this.end - start) throw new RangeError('an entry ends too early')
    this.position = start + length
    return this.bytes.subarray(start, start + length)
  }
}
