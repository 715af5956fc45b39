// Owns the encoding of Kafka's primitive types into a growing buffer. Callers: requests, request
// headers, and responses of the in-process cluster; record batches have their own buffers
// (records/). Invariants: a value outside its type throws (INVALID_ARGUMENT) and is not written;
// nothing is written after `finish`.

import { assert } from '../../runtime/assert.ts'
import { KafkaError } from '../kafka-error.ts'
import { highOf, lowOf, type ProducerId } from '../producer-id.ts'

/** The size of a frame is an int32. */
const sizeMax = 2 ** 31 - 1
const stringSizeMax = 32767
const twoTo32 = 2 ** 32
const twoTo27 = 2 ** 27

const emptyBuffer = Buffer.alloc(0)

const reject = (type: string, value: unknown): never => {
  throw new KafkaError(
    'INVALID_ARGUMENT',
    `A field of type ${type} must have a value of this type, got ${String(value)}`,
  )
}

export class Writer {
  #bytes: Buffer
  #size = 0
  #finished = false

  /** `capacity` is the initial size in bytes; the buffer doubles when it grows. */
  constructor(capacity = 256) {
    this.#bytes = Buffer.allocUnsafe(capacity)
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#size
  }

  /** Reserves space for `size` bytes and returns where they begin. */
  #take(size: number): number {
    const start = this.#size
    const end = start + size
    if (end > this.#bytes.length) {
      this.#grow(end)
    }
    this.#size = end
    return start
  }

  #grow(end: number): void {
    assert(!this.#finished, 'nothing is written after finish()')
    if (end > sizeMax) {
      throw new KafkaError(
        'INVALID_ARGUMENT',
        `A message must have at most ${sizeMax} bytes, got ${end}`,
      )
    }
    const grown = Buffer.allocUnsafe(Math.min(sizeMax, Math.max(end, this.#bytes.length * 2)))
    grown.set(this.#bytes.subarray(0, this.#size))
    this.#bytes = grown
  }

  /** Ends the writer. The result is a view of its buffer, and belongs to the caller from now on. */
  finish(): Uint8Array {
    const { buffer, byteOffset } = this.#bytes
    const result = new Uint8Array(buffer, byteOffset, this.#size)
    // With an empty buffer each later write calls #grow, which rejects it.
    this.#finished = true
    this.#bytes = emptyBuffer
    this.#size = 0
    return result
  }

  /** Reserves `size` bytes for a patch method, and returns where they begin. */
  reserve(size: number): number {
    const start = this.#take(size)
    this.#bytes.fill(0, start, start + size)
    return start
  }

  /** Overwrites four bytes that were reserved at `start`. */
  patchInt32(start: number, value: number): void {
    assert(start >= 0 && start + 4 <= this.#size, 'what is patched was reserved before')
    this.#putInt32(start, value)
  }

  #putInt32(start: number, value: number): void {
    const bytes = this.#bytes
    bytes[start] = value >> 24
    bytes[start + 1] = value >> 16
    bytes[start + 2] = value >> 8
    bytes[start + 3] = value
  }

  writeBoolean(value: boolean): void {
    const start = this.#take(1)
    this.#bytes[start] = value ? 1 : 0
  }

  writeInt8(value: number): void {
    if ((value << 24) >> 24 !== value) {
      reject('int8', value)
    }
    const start = this.#take(1)
    this.#bytes[start] = value
  }

  writeInt16(value: number): void {
    if ((value << 16) >> 16 !== value) {
      reject('int16', value)
    }
    const start = this.#take(2)
    this.#bytes[start] = value >> 8
    this.#bytes[start + 1] = value
  }

  writeUint16(value: number): void {
    if ((value & 0xffff) !== value) {
      reject('uint16', value)
    }
    const start = this.#take(2)
    this.#bytes[start] = value >> 8
    this.#bytes[start + 1] = value
  }

  writeInt32(value: number): void {
    if ((value | 0) !== value) {
      reject('int32', value)
    }
    // Reserve first: #take may replace the buffer.
    const start = this.#take(4)
    this.#putInt32(start, value)
  }

  writeUint32(value: number): void {
    if (value >>> 0 !== value) {
      reject('uint32', value)
    }
    const start = this.#take(4)
    this.#putInt32(start, value | 0)
  }

  /** A safe integer as 64 bits. */
  writeInt64(value: number): void {
    if (!Number.isSafeInteger(value)) {
      reject('int64', value)
    }
    const start = this.#take(8)
    this.#putInt32(start, Math.floor(value / twoTo32))
    this.#putInt32(start + 4, value | 0)
  }

  /** A 64-bit integer of any size. */
  writeProducerId(value: ProducerId): void {
    const isExact =
      typeof value === 'bigint' ? BigInt.asIntN(64, value) === value : Number.isSafeInteger(value)
    if (!isExact) {
      reject('int64', value)
    }
    const start = this.#take(8)
    this.#putInt32(start, highOf(value))
    this.#putInt32(start + 4, lowOf(value))
  }

  writeFloat64(value: number): void {
    if (typeof value !== 'number') {
      reject('float64', value)
    }
    const start = this.#take(8)
    this.#bytes.writeDoubleBE(value, start)
  }

  writeUnsignedVarint(value: number): void {
    if (value >>> 0 !== value) {
      reject('unsigned varint', value)
    }
    let rest = value
    while (rest > 0x7f) {
      const start = this.#take(1)
      this.#bytes[start] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    const start = this.#take(1)
    this.#bytes[start] = rest
  }

  /** A zigzag varint of 32 bits. */
  writeVarint(value: number): void {
    if ((value | 0) !== value) {
      reject('varint', value)
    }
    this.writeUnsignedVarint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  /** A zigzag varint of 64 bits. */
  writeVarlong(value: number): void {
    if ((value | 0) === value) {
      this.writeVarint(value)
      return
    }
    if (!Number.isSafeInteger(value)) {
      reject('varlong', value)
    }
    // Above 32 bits: the low 28 bits of the zigzag value, then the rest, both exact.
    const magnitude = value < 0 ? -value - 1 : value
    let high = Math.floor(magnitude / twoTo27)
    let low = (magnitude - high * twoTo27) * 2 + (value < 0 ? 1 : 0)
    for (let index = 0; index < 4; index += 1) {
      const start = this.#take(1)
      this.#bytes[start] = (low & 0x7f) | 0x80
      low >>>= 7
    }
    while (high > 0x7f) {
      const start = this.#take(1)
      this.#bytes[start] = (high % 128) | 0x80
      high = Math.floor(high / 128)
    }
    const start = this.#take(1)
    this.#bytes[start] = high
  }

  writeUuid(value: Uint8Array): void {
    if (!(value instanceof Uint8Array) || value.length !== 16) {
      reject('uuid', value)
    }
    this.writeRaw(value)
  }

  /** Copies the bytes as they are, without a length. */
  writeRaw(value: Uint8Array): void {
    const start = this.#take(value.length)
    this.#bytes.set(value, start)
  }

  #writeUtf8(value: string, size: number): void {
    const start = this.#take(size)
    this.#bytes.write(value, start, size, 'utf8')
  }

  #utf8Size(value: string, max: number): number {
    if (typeof value !== 'string') {
      reject('string', value)
    }
    const size = Buffer.byteLength(value)
    if (size > max) {
      throw new KafkaError(
        'INVALID_ARGUMENT',
        `A string must have at most ${max} bytes, got ${size}`,
      )
    }
    return size
  }

  writeString(value: string): void {
    const size = this.#utf8Size(value, stringSizeMax)
    this.writeInt16(size)
    this.#writeUtf8(value, size)
  }

  writeNullableString(value: string | null): void {
    if (value === null) {
      this.writeInt16(-1)
    } else {
      this.writeString(value)
    }
  }

  writeCompactString(value: string): void {
    // The encoding allows more; Kafka's limit is the same as in the plain form.
    const size = this.#utf8Size(value, stringSizeMax)
    this.writeUnsignedVarint(size + 1)
    this.#writeUtf8(value, size)
  }

  writeCompactNullableString(value: string | null): void {
    if (value === null) {
      this.writeUnsignedVarint(0)
    } else {
      this.writeCompactString(value)
    }
  }

  writeBytes(value: Uint8Array): void {
    if (!(value instanceof Uint8Array)) {
      reject('bytes', value)
    }
    this.writeInt32(value.length)
    this.writeRaw(value)
  }

  writeNullableBytes(value: Uint8Array | null): void {
    if (value === null) {
      this.writeInt32(-1)
    } else {
      this.writeBytes(value)
    }
  }

  writeCompactBytes(value: Uint8Array): void {
    if (!(value instanceof Uint8Array)) {
      reject('bytes', value)
    }
    this.writeUnsignedVarint(value.length + 1)
    this.writeRaw(value)
  }

  writeCompactNullableBytes(value: Uint8Array | null): void {
    if (value === null) {
      this.writeUnsignedVarint(0)
    } else {
      this.writeCompactBytes(value)
    }
  }

  /** The number of an array's elements; null = a null array. */
  writeArrayCount(count: number | null): void {
    this.writeInt32(count ?? -1)
  }

  /** Like writeArrayCount, in the compact form. */
  writeCompactArrayCount(count: number | null): void {
    this.writeUnsignedVarint(count === null ? 0 : count + 1)
  }
}
