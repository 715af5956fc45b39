// Splits a stream of bytes into records at a delimiter, without making strings. It owns the
// incomplete record at the end of a chunk. The caller feeds a chunk, takes records until next()
// returns null, and feeds the next one. A returned record is valid only until the next feed.
// Callers: sending.ts and produce-command.ts.

import { Failure } from '../describe-failure.ts'

/** A longer record can't be sent; most likely the delimiter is wrong. */
export const recordBytesMax = 104_857_600

export class RecordSplitter {
  readonly #delimiter: Uint8Array
  readonly #delimiterBytes: number
  /** The delimiter if it is a single byte; otherwise -1. */
  readonly #byte: number
  #chunk: Buffer = Buffer.alloc(0)
  /** The ArrayBuffer of the chunk, and the chunk's offset in it. */
  #memory = this.#chunk.buffer
  #offset = 0
  #at = 0
  /** Bytes at the beginning of `#chunk` that were copied from earlier chunks. */
  #joinedBytes = 0
  /** Copies of the incomplete record of earlier chunks, in order. */
  #left: Buffer[] = []
  #leftBytes = 0
  #count = 0

  constructor(delimiter: Uint8Array) {
    this.#delimiter = delimiter
    this.#delimiterBytes = delimiter.length
    this.#byte = delimiter.length === 1 ? delimiter[0]! : -1
  }

  /** Records returned so far. */
  get count(): number {
    return this.#count
  }

  /** Bytes of the last chunk before the next record; 0 once the chunk is used up. */
  get consumedBytes(): number {
    return Math.max(0, this.#at - this.#joinedBytes)
  }

  /** Sets the next chunk; every record of the previous chunk must have been taken. */
  feed(chunk: Buffer): void {
    this.#at = 0
    // A longer delimiter may span two chunks, so both are searched as one.
    if (this.#byte < 0 && this.#leftBytes > 0) {
      this.#chunk = Buffer.concat([...this.#left, chunk])
      this.#joinedBytes = this.#leftBytes
      this.#left = []
      this.#leftBytes = 0
    } else {
      this.#chunk = chunk
      this.#joinedBytes = 0
    }
    this.#memory = this.#chunk.buffer
    this.#offset = this.#chunk.byteOffset
  }

  /** The next complete record without its delimiter; null = feed the next chunk. */
  next(): Uint8Array | null {
    const chunk = this.#chunk
    const at = this.#at
    const end = this.#byte < 0 ? chunk.indexOf(this.#delimiter, at) : chunk.indexOf(this.#byte, at)
    if (end < 0) {
      this.#keep(chunk, at)
      return null
    }
    this.#at = end + this.#delimiterBytes
    this.#count++
    // Creating a Uint8Array takes half the time of creating a Buffer.
    const record = new Uint8Array(this.#memory, this.#offset + at, end - at)
    return this.#leftBytes === 0 ? record : this.#join(record)
  }

  /** The bytes after the last delimiter; null = none. Call it at the end of the stream. */
  end(): Uint8Array | null {
    if (this.#leftBytes === 0) return null
    this.#count++
    return this.#join(new Uint8Array(0))
  }

  #keep(chunk: Buffer, at: number): void {
    this.#chunk = Buffer.alloc(0)
    this.#at = 0
    if (at >= chunk.length) return
    const rest = Buffer.from(chunk.subarray(at))
    this.#left.push(rest)
    this.#leftBytes += rest.length
    if (this.#leftBytes <= recordBytesMax) return
    throw new Failure(
      `Record ${this.#count + 1} has more than ${recordBytesMax} bytes: check the delimiter`,
    )
  }

  #join(last: Uint8Array): Uint8Array {
    const record = Buffer.concat([...this.#left, last])
    this.#left = []
    this.#leftBytes = 0
    return record
  }
}
