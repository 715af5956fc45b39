// Checks the records of a batch without creating objects: each must be complete, have the right
// offset, and follow the topic's rules. batch-check.ts calls it for every produced batch, so it
// must stay a plain loop over bytes: an object per field would cost more time than the rest of the
// broker.

import type { BatchHeader } from '../protocol/records/record-batch.ts'

export interface RecordRules {
  /** Whether records must have a key, because the topic is compacted. */
  readonly keyRequired: boolean
  readonly timestampMin: number
  readonly timestampMax: number
}

export type RecordProblem = 'key' | 'timestamp'

export interface RecordFault {
  readonly index: number
  readonly problem: RecordProblem
}

export interface WalkResult {
  /** Why the records as a whole are malformed; null = they are not. */
  readonly malformed: string | null
  readonly faults: readonly RecordFault[]
  /** The highest timestamp; -1 without records. */
  readonly maxTimestamp: number
}

class Malformed extends Error {}

class Walker {
  readonly #bytes: Uint8Array
  #position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get position(): number {
    return this.#position
  }

  /**
   * Reads a zigzag varint of up to 32 bits. Past the end a byte is undefined, which ends the loop.
   */
  varint(): number {
    const bytes = this.#bytes
    let byte = bytes[this.#position++]!
    let value = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 28) throw new Malformed('a varint is too long')
      byte = bytes[this.#position++]!
      value |= (byte & 0x7f) << shift
    }
    if (this.#position > bytes.length) throw new Malformed('a record is cut off')
    return (value >>> 1) ^ -(value & 1)
  }

  /** Reads a zigzag varint of up to 64 bits; exact up to 2^53. */
  varlong(): number {
    const bytes = this.#bytes
    let value = 0
    let factor = 1
    for (let index = 0; ; index++) {
      if (index === 10) throw new Malformed('a varlong is too long')
      const byte = bytes[this.#position++]
      if (byte === undefined) throw new Malformed('a record is cut off')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) break
      factor *= 128
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  skip(count: number): void {
    this.#position += count
    if (this.#position > this.#bytes.length) throw new Malformed('a record is cut off')
  }

  /** Skips a length and its bytes; returns the length, -1 = null. */
  skipNullable(): number {
    const length = this.varint()
    if (length < -1) throw new Malformed(`a length is ${length}`)
    if (length > 0) this.skip(length)
    return length
  }

  skipHeaders(): void {
    const count = this.varint()
    if (count < 0) throw new Malformed(`a record has ${count} headers`)
    for (let index = 0; index < count; index++) {
      if (this.skipNullable() === -1) throw new Malformed('a header has no key')
      this.skipNullable()
    }
  }
}

/** `area` is the uncompressed part of the batch after the header. */
export const walkRecords = (
  header: BatchHeader,
  area: Uint8Array,
  rules: RecordRules,
): WalkResult => {
  const walker = new Walker(area)
  const { baseTimestamp, recordCount } = header
  const { keyRequired, timestampMin, timestampMax } = rules
  const faults: RecordFault[] = []
  let maxTimestamp = -1
  try {
    for (let index = 0; index < recordCount; index++) {
      const length = walker.varint()
      const start = walker.position
      walker.skip(1)
      const timestamp = baseTimestamp + walker.varlong()
      if (walker.varint() !== index) throw new Malformed('offsets do not count up from 0')
      const keyLength = walker.skipNullable()
      walker.skipNullable()
      walker.skipHeaders()
      if (walker.position !== start + length) throw new Malformed('a length is wrong')
      if (timestamp > maxTimestamp) maxTimestamp = timestamp
      if (keyRequired && keyLength === -1) faults.push({ index, problem: 'key' })
      else if (timestamp < timestampMin || timestamp > timestampMax) {
        faults.push({ index, problem: 'timestamp' })
      }
    }
    if (walker.position !== area.length) throw new Malformed('bytes follow the last record')
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return { malformed: error.message, faults: [], maxTimestamp: -1 }
  }
  return { malformed: null, faults, maxTimestamp }
}
