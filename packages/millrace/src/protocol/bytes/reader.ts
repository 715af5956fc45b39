// Owns the decoding of Kafka's primitive types. Every broker response, every request to the
// in-process cluster and every record batch is read with it. Callers: net/, protocol/, the
// in-process cluster. Invariants: it never reads past the limit. A length is compared with the
// remaining bytes before memory is allocated. After the first failure every read throws the same
// KafkaError (MALFORMED_RESPONSE). A view is valid while the bytes of the constructor do not
// change; methods that return a view say so, and all others return copies.

import { assert } from '../../runtime/assert.ts'
import { KafkaError } from '../kafka-error.ts'
import { type ProducerId, producerIdOf } from '../producer-id.ts'

const uuidSize = 16
/** Strings up to this size are decoded as ASCII first. */
const asciiSizeMax = 24
/** Kafka's limit, also if the length is a varint. */
const stringSizeMax = 32_767
const twoTo32 = 2 ** 32
const twoTo27 = 2 ** 27

export class Reader {
  readonly #bytes: Uint8Array
  /** The same bytes as a Buffer, created when it is first needed. */
  #buffer: Buffer | null = null
  #offset = 0
  /** Index after the last byte that may be read; -1 after a failure, so that each read fails. */
  #limit: number
  #error: KafkaError | null = null
  #api: string | undefined
  #what = ''

  /** Reads `bytes` from `start` up to `end`. The bytes must not change while the reader is used. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    assert(start >= 0 && start <= end && end <= bytes.length, 'a Reader stays within its bytes')
    this.#bytes = bytes
    this.#offset = start
    this.#limit = end
  }

  /** Index of the next byte, counted from the start of the bytes given to the constructor. */
  get offset(): number {
    return this.#offset
  }

  /** Bytes left before the limit; 0 after a failure. */
  get remaining(): number {
    return this.#limit < 0 ? 0 : this.#limit - this.#offset
  }

  /** The subject of the error message: `setSubject('Metadata', 'v12 response')`. */
  setSubject(api: string, what: string): void {
    this.#api = api
    this.#what = what
  }

  /** Fails the reader: this and every later read throw the first failure. */
  fail(reason: string): never {
    if (this.#error === null) {
      const subject = this.#api === undefined ? 'Malformed bytes' : `Malformed ${this.#api}`
      const what = this.#what === '' ? '' : ` ${this.#what}`
      this.#error = new KafkaError(
        'MALFORMED_RESPONSE',
        `${subject}${what}: ${reason} (at byte ${this.#offset})`,
        { api: this.#api },
      )
      this.#limit = -1
    }
    throw this.#error
  }

  /** Moves forward by `size` bytes and returns where they begin. */
  #take(size: number): number {
    const start = this.#offset
    if (start + size > this.#limit) {
      this.fail(`${size} bytes wanted, ${this.remaining} left`)
    }
    this.#offset = start + size
    return start
  }

  /** Fails unless everything was read. */
  expectEnd(): void {
    if (this.#offset !== this.#limit) {
      this.fail(`${this.remaining} bytes more than expected`)
    }
  }

  /** Limits the reader to the next `size` bytes; pass the result to `leave` after they are read. */
  enter(size: number): number {
    const outerLimit = this.#limit
    if (size < 0 || this.#offset + size > outerLimit) {
      this.fail(`a part of ${size} bytes, ${this.remaining} left`)
    }
    this.#limit = this.#offset + size
    return outerLimit
  }

  /** Restores the limit before `enter`; all bytes of the inner limit must have been read. */
  leave(outerLimit: number): void {
    this.expectEnd()
    this.#limit = outerLimit
  }

  skip(size: number): void {
    if (size < 0) {
      this.fail(`a negative size, ${size}`)
    }
    this.#take(size)
  }

  readBoolean(): boolean {
    return this.#bytes[this.#take(1)] !== 0
  }

  readInt8(): number {
    return (this.#bytes[this.#take(1)]! << 24) >> 24
  }

  readUint8(): number {
    return this.#bytes[this.#take(1)]!
  }

  readInt16(): number {
    const start = this.#take(2)
    const bytes = this.#bytes
    return ((bytes[start]! << 24) >> 16) | bytes[start + 1]!
  }

  readUint16(): number {
    const start = this.#take(2)
    const bytes = this.#bytes
    return (bytes[start]! << 8) | bytes[start + 1]!
  }

  readInt32(): number {
    const start = this.#take(4)
    const bytes = this.#bytes
    return (
      (bytes[start]! << 24) |
      (bytes[start + 1]! << 16) |
      (bytes[start + 2]! << 8) |
      bytes[start + 3]!
    )
  }

  readUint32(): number {
    return this.readInt32() >>> 0
  }

  /** A 64-bit integer as a number; a value that a number cannot represent exactly is malformed. */
  readInt64(): number {
    if (this.#offset + 8 > this.#limit) {
      this.fail(`8 bytes wanted, ${this.remaining} left`)
    }
    const high = this.readInt32()
    const value = high * twoTo32 + (this.readInt32() >>> 0)
    if (!Number.isSafeInteger(value)) {
      this.fail('an int64 beyond 2^53')
    }
    return value
  }

  /** A 64-bit integer of any size. */
  readProducerId(): ProducerId {
    if (this.#offset + 8 > this.#limit) {
      this.fail(`8 bytes wanted, ${this.remaining} left`)
    }
    const high = this.readInt32()
    return producerIdOf(high, this.readInt32())
  }

  /** True if the next eight bytes are the largest int64; does not move. */
  startsWithInt64Max(): boolean {
    const start = this.#offset
    if (start + 8 > this.#limit || this.#bytes[start] !== 0x7f) {
      return false
    }
    for (let index = start + 1; index < start + 8; index += 1) {
      if (this.#bytes[index] !== 0xff) {
        return false
      }
    }
    return true
  }

  readFloat64(): number {
    return this.#asBuffer().readDoubleBE(this.#take(8))
  }

  /** An unsigned varint of at most 32 bits. */
  readUnsignedVarint(): number {
    const first = this.#bytes[this.#take(1)]!
    if (first < 0x80) {
      return first
    }
    let value = first & 0x7f
    for (let shift = 7; shift < 28; shift += 7) {
      const next = this.#bytes[this.#take(1)]!
      value |= (next & 0x7f) << shift
      if (next < 0x80) {
        return value
      }
    }
    const last = this.#bytes[this.#take(1)]!
    if (last > 0x0f) {
      this.fail('a varint longer than 32 bits')
    }
    return (value | (last << 28)) >>> 0
  }

  /** A zigzag varint of at most 32 bits. */
  readVarint(): number {
    const value = this.readUnsignedVarint()
    return (value >>> 1) ^ -(value & 1)
  }

  /**
   * A zigzag varint of at most 64 bits; a value that a number cannot represent exactly is
   * malformed.
   */
  readVarlong(): number {
    let low = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const next = this.#bytes[this.#take(1)]!
      low |= (next & 0x7f) << shift
      if (next < 0x80) {
        return (low >>> 1) ^ -(low & 1)
      }
    }
    // The upper 36 bits are added as a float: exact, and faster than a BigInt.
    let high = 0
    let factor = 1
    for (let index = 4; index < 10; index += 1) {
      const next = this.#bytes[this.#take(1)]!
      if (index === 9 && next > 1) {
        break
      }
      high += (next & 0x7f) * factor
      factor *= 128
      if (next < 0x80) {
        const magnitude = high * twoTo27 + (low >>> 1)
        const value = (low & 1) === 0 ? magnitude : -magnitude - 1
        return Number.isSafeInteger(value) ? value : this.fail('a varlong beyond 2^53')
      }
    }
    return this.fail('a varlong longer than 64 bits')
  }

  /** A copy of sixteen bytes. */
  readUuid(): Uint8Array {
    const start = this.#take(uuidSize)
    const bytes = this.#bytes
    const uuid = new Uint8Array(uuidSize)
    for (let index = 0; index < uuidSize; index += 1) {
      uuid[index] = bytes[start + index]!
    }
    return uuid
  }

  /** `size` bytes as a view: it is valid while the bytes given to the constructor do not change. */
  readView(size: number): Uint8Array {
    if (size < 0) {
      this.fail(`a negative size, ${size}`)
    }
    const start = this.#take(size)
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, size)
  }

  /** `size` bytes of UTF-8; ill-formed sequences become U+FFFD, as in Java. */
  readUtf8(size: number): string {
    if (size < 0) {
      this.fail(`a negative size, ${size}`)
    }
    const start = this.#take(size)
    const end = start + size
    if (size > asciiSizeMax) {
      return this.#asBuffer().toString('utf8', start, end)
    }
    // Names are short and nearly always ASCII: a loop is faster than a native call.
    const bytes = this.#bytes
    let text = ''
    for (let index = start; index < end; index += 1) {
      const byte = bytes[index]!
      if (byte > 0x7f) {
        return this.#asBuffer().toString('utf8', start, end)
      }
      text += String.fromCharCode(byte)
    }
    return text
  }

  #asBuffer(): Buffer {
    const { buffer, byteOffset, byteLength } = this.#bytes
    this.#buffer ??= Buffer.from(buffer, byteOffset, byteLength)
    return this.#buffer
  }

  readString(): string {
    return this.readNullableString() ?? this.fail('null where a string must be')
  }

  readNullableString(): string | null {
    const size = this.readInt16()
    return size === -1 ? null : this.readUtf8(size)
  }

  readCompactString(): string {
    return this.readCompactNullableString() ?? this.fail('null where a string must be')
  }

  readCompactNullableString(): string | null {
    const size = this.readUnsignedVarint() - 1
    if (size > stringSizeMax) {
      this.fail(`a string of ${size} bytes, at most ${stringSizeMax} are allowed`)
    }
    return size === -1 ? null : this.readUtf8(size)
  }

  /** A view: it is valid while the bytes given to the constructor do not change. */
  readBytes(): Uint8Array {
    return this.readNullableBytes() ?? this.fail('null where bytes must be')
  }

  /** A view: it is valid while the bytes given to the constructor do not change. */
  readNullableBytes(): Uint8Array | null {
    const size = this.readInt32()
    return size === -1 ? null : this.readView(size)
  }

  /** A view: it is valid while the bytes given to the constructor do not change. */
  readCompactBytes(): Uint8Array {
    return this.readCompactNullableBytes() ?? this.fail('null where bytes must be')
  }

  /** A view: it is valid while the bytes given to the constructor do not change. */
  readCompactNullableBytes(): Uint8Array | null {
    const size = this.readUnsignedVarint() - 1
    return size === -1 ? null : this.readView(size)
  }

  /**
   * The number of elements that follow, -1 for a null array. Each element takes at least
   * `elementSizeMin` (≥ 1) bytes.
   */
  readArrayCount(elementSizeMin: number): number {
    return this.#checkCount(this.readInt32(), elementSizeMin)
  }

  /** Like readArrayCount, in the compact form. */
  readCompactArrayCount(elementSizeMin: number): number {
    return this.#checkCount(this.readUnsignedVarint() - 1, elementSizeMin)
  }

  #checkCount(count: number, elementSizeMin: number): number {
    if (count < -1 || count * elementSizeMin > this.remaining) {
      this.fail(`an array of ${count} elements, ${this.remaining} bytes left`)
    }
    return count
  }

  /** Skips a section of tagged fields, none of which is known. */
  skipTaggedFields(): void {
    const count = this.readTaggedFieldCount()
    for (let index = 0; index < count; index += 1) {
      this.readUnsignedVarint()
      this.skip(this.readUnsignedVarint())
    }
  }

  /** The number of tagged fields that follow; each takes at least two bytes. */
  readTaggedFieldCount(): number {
    return this.#checkCount(this.readUnsignedVarint(), 2)
  }
}
