// The record that is being appended: checked, its key and headers encoded, its sizes known. One
// object serves every append of an engine, so that a record costs no allocation on its way into a
// batch. What it holds is valid until the next load; views of the caller's bytes are read within
// the call.

import { unsignedVarintSize, varintSize } from '../protocol/bytes/varint.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { Data, Headers, HeaderValue, ProducerRecord } from './record.ts'
import { writeVarint } from './varint.ts'

/**
 * Strings up to this length are encoded by a loop: a native call costs more than the characters.
 */
const shortString = 24
/** Timestamps are kept well inside the range that a varlong of a double can carry exactly. */
const timestampMax = 2 ** 51

const describe = (value: unknown): string => {
  if (value === null) return 'null'
  if (typeof value === 'object') return value.constructor?.name ?? 'object'
  return typeof value === 'number' ? `number ${value}` : typeof value
}

const refuse = (field: string, value: unknown, expected: string): never => {
  throw new KafkaError('INVALID_ARGUMENT', `${field} is ${describe(value)}: expected ${expected}`)
}

const nothing = Buffer.alloc(0)

/** An array, or an object made by braces: a Map or a Headers would look empty. */
const isPlain = (value: object): boolean => {
  if (typeof value !== 'object' || Array.isArray(value)) return Array.isArray(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  // Plain objects of another realm have a prototype without one.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array

export class RecordDraft {
  /** A partitioner is looking at the key: nothing else is loaded meanwhile. */
  isLent = false
  topic = ''
  /** -1 = the partitioner chooses. */
  partition = -1
  /** -1 = the time of the append. */
  timestamp = -1
  /** Key bytes are `keyBytes[keyStart, keyEnd)`; keyStart -1 = no key. */
  keyBytes: Uint8Array = nothing
  keyStart = -1
  keyEnd = -1
  value: Data | null = null
  /** Bytes of the value; -1 = null. */
  valueLength = -1
  /** The encoded headers with their count: `headerBytes[0, headerEnd)`; headerEnd 0 = none. */
  headerBytes = nothing
  headerEnd = 0
  /** Bytes of key, value and headers as they are encoded, without the record's own few. */
  contentBytes = 0
  /** Where a text key is encoded; grows to the longest key seen. */
  #scratch = nothing

  /** Checks the record and takes it in; throws INVALID_ARGUMENT naming the field. */
  load(record: ProducerRecord): void {
    if (this.isLent) {
      throw new KafkaError('INVALID_STATE', 'a record was sent from inside a partitioner')
    }
    if (typeof record !== 'object' || record === null) refuse('record', record, 'an object')
    const { topic, partition, timestamp, headers, value } = record
    if (typeof topic !== 'string' || topic.length === 0) {
      refuse('record.topic', topic, 'a string that is not empty')
    }
    this.topic = topic
    this.partition = partition === undefined ? -1 : this.#checkPartition(partition)
    this.timestamp = timestamp === undefined ? -1 : this.#checkTimestamp(timestamp)
    this.#loadKey(record.key)
    this.value = value
    if (isBytes(value)) this.valueLength = value.length
    else if (typeof value === 'string') this.valueLength = Buffer.byteLength(value)
    else if (value === null) this.valueLength = -1
    else refuse('record.value', value, 'a string, a Uint8Array, or null for a tombstone')
    if (headers === undefined || headers === null) this.headerEnd = 0
    else this.#loadHeaders(headers)
    this.#measure()
  }

  #measure(): void {
    const keyLength = this.keyStart < 0 ? -1 : this.keyEnd - this.keyStart
    this.contentBytes =
      varintSize(keyLength) +
      Math.max(0, keyLength) +
      varintSize(this.valueLength) +
      Math.max(0, this.valueLength) +
      (this.headerEnd === 0 ? 1 : this.headerEnd)
  }

  /** Writes key, value and headers at `position`; returns the position behind them. */
  write(target: Buffer, position: number): number {
    if (this.keyStart < 0)
      target[position++] = 1 // varint -1
    else {
      position = writeVarint(target, position, this.keyEnd - this.keyStart)
      position = copyBytes(this.keyBytes, this.keyStart, this.keyEnd, target, position)
    }
    position = this.#writeValue(target, position)
    if (this.headerEnd === 0) target[position++] = 0
    else position = copyBytes(this.headerBytes, 0, this.headerEnd, target, position)
    return position
  }

  /** A draft of its own with the same content, in bytes of its own: for a record that must wait. */
  copy(): RecordDraft {
    const copy = new RecordDraft()
    copy.topic = this.topic
    copy.partition = this.partition
    copy.timestamp = this.timestamp
    copy.keyStart = this.keyStart < 0 ? -1 : 0
    copy.keyEnd = this.keyStart < 0 ? -1 : this.keyEnd - this.keyStart
    if (this.keyStart >= 0) {
      copy.keyBytes = Buffer.from(this.keyBytes.subarray(this.keyStart, this.keyEnd))
    }
    copy.value = isBytes(this.value) ? Buffer.from(this.value) : this.value
    copy.valueLength = this.valueLength
    copy.headerEnd = this.headerEnd
    copy.contentBytes = this.contentBytes
    if (this.headerEnd > 0)
      copy.headerBytes = Buffer.from(this.headerBytes.subarray(0, this.headerEnd))
    return copy
  }

  #checkPartition(partition: unknown): number {
    if (typeof partition === 'number' && partition >= 0 && partition === (partition | 0)) {
      return partition
    }
    return refuse('record.partition', partition, 'a whole number from 0')
  }

  #checkTimestamp(timestamp: unknown): number {
    if (
      typeof timestamp === 'number' &&
      Number.isInteger(timestamp) &&
      timestamp >= 0 &&
      timestamp <= timestampMax
    ) {
      return timestamp
    }
    return refuse('record.timestamp', timestamp, `whole milliseconds from 0 to ${timestampMax}`)
  }

  #loadKey(key: unknown): void {
    if (key === undefined || key === null) {
      this.keyStart = -1
      this.keyEnd = -1
    } else if (isBytes(key)) {
      this.keyBytes = key
      this.keyStart = 0
      this.keyEnd = key.length
    } else if (typeof key === 'string') {
      const most = key.length * 3
      if (this.#scratch.length < most) this.#scratch = Buffer.allocUnsafeSlow(Math.max(256, most))
      this.keyBytes = this.#scratch
      this.keyStart = 0
      this.keyEnd = writeText(key, this.#scratch, 0)
    } else refuse('record.key', key, 'a string, a Uint8Array, null or undefined')
  }

  #writeValue(target: Buffer, position: number): number {
    const value = this.value
    position = writeVarint(target, position, this.valueLength)
    if (value === null) return position
    if (typeof value !== 'string') return copyBytes(value, 0, value.length, target, position)
    return writeText(value, target, position)
  }

  #loadHeaders(headers: Headers): void {
    if (!isPlain(headers)) refuse('record.headers', headers, 'an object or an array of pairs')
    const pairs = headerPairs(headers)
    let end = writeVarint(this.#headerRoom(0, 5), 0, pairs.length)
    for (const [key, value] of pairs) {
      if (typeof key !== 'string') refuse('record.headers: a key', key, 'a string')
      end = this.#writeHeaderData(end, key)
      if (value === null || value === undefined) this.#headerRoom(end, 1)[end++] = 1
      else if (typeof value === 'string' || isBytes(value)) end = this.#writeHeaderData(end, value)
      else refuse(`record.headers[${JSON.stringify(key)}]`, value, 'a string, a Uint8Array or null')
    }
    this.headerEnd = end
  }

  #writeHeaderData(end: number, data: Data): number {
    const length = typeof data === 'string' ? Buffer.byteLength(data) : data.length
    const target = this.#headerRoom(end, length + 5)
    end = writeVarint(target, end, length)
    return typeof data === 'string'
      ? writeText(data, target, end)
      : copyBytes(data, 0, length, target, end)
  }

  #headerRoom(used: number, bytes: number): Buffer {
    if (used + bytes > this.headerBytes.length) {
      const grown = Buffer.allocUnsafeSlow(2 * (used + bytes))
      this.headerBytes.copy(grown, 0, 0, used)
      this.headerBytes = grown
    }
    return this.headerBytes
  }
}

/** The headers as pairs, those with an undefined value left out. */
const headerPairs = (headers: Headers): (readonly [string, HeaderValue])[] => {
  const pairs: (readonly [string, HeaderValue])[] = []
  if (Array.isArray(headers)) {
    for (const [index, pair] of headers.entries()) {
      if (!Array.isArray(pair) || pair.length !== 2) {
        refuse(`record.headers[${index}]`, pair, 'a pair [key, value]')
      }
      if (pair[1] !== undefined) pairs.push(pair)
    }
    return pairs
  }
  for (const [key, value] of Object.entries(headers) as [string, HeaderValue | HeaderValue[]][]) {
    for (const single of Array.isArray(value) ? value : [value]) {
      if (single !== undefined) pairs.push([key, single])
    }
  }
  return pairs
}

/** Copies `source[start, end)` to `position`; returns the position behind it. */
const copyBytes = (
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  position: number,
): number => {
  if (end - start <= shortString) {
    while (start < end) target[position++] = source[start++]!
    return position
  }
  target.set(start === 0 && end === source.length ? source : source.subarray(start, end), position)
  return position + end - start
}

/** Writes text as UTF-8; the target has room for it. Returns the position behind it. */
const writeText = (text: string, target: Buffer, position: number): number => {
  if (text.length <= shortString) {
    let index = 0
    for (; index < text.length; index++) {
      const unit = text.charCodeAt(index)
      if (unit > 0x7f) break
      target[position + index] = unit
    }
    if (index === text.length) return position + index
  }
  return position + target.write(text, position, 'utf8')
}

/** The most that a record's own fields (length, attributes, deltas) take around its content. */
export const recordOverheadMax = 5 + 1 + 10 + 5

/** Bytes that the request around a single record takes at most, for the check against a limit. */
export const requestOverheadMax = 512 + unsignedVarintSize(2 ** 31)
