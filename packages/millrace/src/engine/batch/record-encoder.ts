// Owns the record that is being appended: its checked fields, encoded key and headers, and sizes.
// One object serves every append of an engine, so a record needs no allocation on its way into a
// batch. Callers: Accumulator and waiting records. Invariants: after `unload` no reference to the
// record remains, and no buffer larger than `keptBytesMax`. Code of the caller (getters, proxies,
// partitioners) can run in between: sizes are measured after the last getter, and `checkUnchanged`
// is called after a partitioner.

import { unsignedVarintSize, varintSize } from '../../protocol/bytes/varint.ts'
import { KafkaError } from '../../protocol/kafka-error.ts'
import { batchHeaderBytes } from '../../protocol/records/layout.ts'
import { topicNameProblem } from '../../protocol/topic-name.ts'
import { nearestName } from '../../runtime/nearest-name.ts'
import { classOf, messageOf } from '../../runtime/value-kinds.ts'
import type { HeaderValue, ProducerRecord, RecordData, RecordHeaders } from '../record.ts'
import { copyStart, copyWhole, isBytes, isReadable, lengthOf, snapshot } from './caller-bytes.ts'
import { readVarint, writeVarint } from './varint-length.ts'

/** Strings up to this length are encoded with a loop: a native call costs more than the loop. */
const shortString = 24
/** Timestamps are limited to a range that a varlong of a double represents exactly. */
const timestampMax = 2 ** 51
/** Buffers for keys and headers up to this size are kept for the next record. */
const keptBytesMax = 65_536
const fieldNames = ['topic', 'key', 'value', 'headers', 'partition', 'timestamp']

const describe = (value: unknown): string => {
  if (value === null) return 'null'
  if (typeof value === 'object') return classOf(value) ?? 'object'
  if (value === '') return 'an empty string'
  return typeof value === 'number' ? `number ${value}` : typeof value
}

const refuse = (field: string, value: unknown, expected: string): never => {
  throw new KafkaError('INVALID_ARGUMENT', `${field} must be ${expected}, got ${describe(value)}`)
}

const nothing = Buffer.alloc(0)

/** An array, or an object literal: a Map or a Headers object would look empty. */
const isPlain = (value: object): boolean => {
  if (typeof value !== 'object' || Array.isArray(value)) return Array.isArray(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  // A plain object of another realm has a prototype whose own prototype is null.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** The length of the bytes. Rejects bytes that cannot be read, because they would look empty. */
const checkedLength = (field: string, bytes: Uint8Array): number => {
  const length = lengthOf(bytes)
  if (length === 0 && !isReadable(bytes)) {
    throw new KafkaError(
      'INVALID_ARGUMENT',
      `${field} must be readable bytes, got an array whose buffer was detached or shrunk`,
    )
  }
  return length
}

/** A record without a value often has it in another field, as in other clients. */
const refuseValue = (record: ProducerRecord): never => {
  const unknown = Object.keys(record).find((name) => !fieldNames.includes(name))
  if (record.value === undefined && unknown !== undefined) {
    const nearest = nearestName(unknown, fieldNames)
    const hint =
      unknown === 'messages'
        ? 'call sendBatch(messages.map((message) => ({ topic, ...message }))) instead'
        : nearest === undefined
          ? `the fields are ${fieldNames.join(', ')}`
          : `did you mean "${nearest}"?`
    throw new KafkaError('INVALID_ARGUMENT', `Unknown field "${unknown}" of a record: ${hint}`)
  }
  return refuse('record.value', record.value, 'a string, a Uint8Array, or null for a tombstone')
}

/** A record of a spool: `block[start, end)` is its content, encoded as in a batch. */
export interface StoredRecord {
  readonly topic: string
  /** -1 = the partitioner chooses. */
  readonly partition: number
  readonly timestamp: number
  readonly block: Buffer
  readonly start: number
  readonly end: number
}

export class RecordEncoder {
  /** A partitioner reads the key: no other record may be loaded. */
  #isLocked = false
  topic = ''
  /** -1 = the partitioner chooses. */
  partition = -1
  /** -1 = the time of the append. */
  timestamp = -1
  /** Key bytes are `keyBytes[keyStart, keyEnd)`; keyStart -1 = no key. */
  keyBytes: Uint8Array = nothing
  keyStart = -1
  keyEnd = -1
  value: RecordData | null = null
  /** Bytes of the value; -1 = null. */
  valueLength = -1
  /** The encoded headers with their count: `headerBytes[0, headerEnd)`; headerEnd 0 = none. */
  headerBytes: Buffer = nothing
  headerEnd = 0
  /** Bytes of the encoded key, value and headers, without the record's own fields. */
  contentBytes = 0
  /**
   * For a record from a spool: its content is `stored[storedStart, storedStart + contentBytes)`.
   */
  #stored: Buffer | null = null
  #storedStart = 0
  /** The buffer for a text key. */
  #scratch: Buffer = nothing
  /** The topic name that was checked last. */
  #checkedTopic: string | null = null
  readonly #maxRequestBytes: number
  readonly #contentBytesMax: number

  constructor(maxRequestBytes: number) {
    this.#maxRequestBytes = maxRequestBytes
    this.#contentBytesMax = contentBytesMax(maxRequestBytes)
  }

  /**
   * Checks and loads the record. Throws INVALID_ARGUMENT with the field's name, or RECORD_TOO_LARGE
   * before memory of that size is allocated.
   */
  load(record: ProducerRecord): void {
    if (this.#isLocked) {
      throw new KafkaError('INVALID_STATE', 'A record must not be sent from inside a partitioner')
    }
    try {
      this.#load(record)
    } catch (error) {
      this.unload()
      if (error instanceof KafkaError) throw error
      const message = `record could not be read: ${messageOf(error)}`
      throw new KafkaError('INVALID_ARGUMENT', message, { cause: error })
    }
  }

  #load(record: ProducerRecord): void {
    if (typeof record !== 'object' || record === null) refuse('record', record, 'an object')
    const { topic, partition, timestamp, headers, key, value } = record
    const pairs = headers === undefined || headers === null ? null : headerPairs(headers)
    // From here on no code of the caller runs, so no other record can be sent in between.
    if (topic !== this.#checkedTopic) this.#checkTopic(topic)
    this.topic = topic
    this.partition = partition === undefined ? -1 : this.#checkPartition(partition)
    this.timestamp = timestamp === undefined ? -1 : this.#checkTimestamp(timestamp)
    if (pairs === null) this.headerEnd = 0
    else this.#loadHeaders(pairs)
    this.#loadKey(key)
    this.value = value
    if (typeof value === 'string') this.valueLength = Buffer.byteLength(value)
    else if (value === null) this.valueLength = -1
    else if (isBytes(value)) this.valueLength = checkedLength('record.value', value)
    else refuseValue(record)
    this.#measure()
    if (this.contentBytes > this.#contentBytesMax) this.#refuseSize(`${this.contentBytes}`)
  }

  /**
   * Loads a record that was checked and encoded before. Throws RECORD_TOO_LARGE if the limit was
   * higher at that time.
   */
  loadStored({ topic, partition, timestamp, block, start, end }: StoredRecord): void {
    this.topic = topic
    this.partition = partition
    this.timestamp = timestamp
    this.contentBytes = end - start
    if (this.contentBytes > this.#contentBytesMax) this.#refuseSize(`${this.contentBytes}`)
    const keyLength = readVarint(block, start)
    this.keyBytes = block
    this.keyStart = keyLength < 0 ? -1 : start + varintSize(keyLength)
    this.keyEnd = this.keyStart + keyLength
    this.#stored = block
    this.#storedStart = start
  }

  /** Releases the record, and its buffer if that is large. */
  unload(): void {
    this.value = null
    this.keyBytes = nothing
    this.#stored = null
    if (this.headerBytes.length > keptBytesMax) this.headerBytes = nothing
  }

  /** Releases all bytes of a copy that is not needed any more. */
  discard(): void {
    this.unload()
    this.headerBytes = nothing
  }

  /** A partitioner reads the key from now on. */
  lock(): void {
    this.#isLocked = true
  }

  unlock(): void {
    this.#isLocked = false
  }

  /** Throws if a partitioner resized the buffer of the key or the value. */
  checkUnchanged(): void {
    const { value, keyBytes } = this
    if (
      (value !== null && typeof value !== 'string' && lengthOf(value) !== this.valueLength) ||
      (this.keyStart >= 0 && lengthOf(keyBytes) < this.keyEnd)
    ) {
      const message = 'record must not change while the partitioner runs, got another length'
      throw new KafkaError('INVALID_ARGUMENT', message, { topic: this.topic })
    }
  }

  #refuseSize(size: string): never {
    throw recordTooLarge(this.topic, this.#contentBytesMax, this.#maxRequestBytes, size)
  }

  #checkTopic(topic: unknown): void {
    if (typeof topic !== 'string' || topic.length === 0) {
      refuse('record.topic', topic, 'a string that is not empty')
    }
    const problem = topicNameProblem(topic as string)
    if (problem !== null) {
      const context = { topic: topic as string }
      throw new KafkaError('INVALID_ARGUMENT', `record.topic: ${problem}`, context)
    }
    this.#checkedTopic = topic as string
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

  /** Writes key, value and headers at `position`; returns the position after them. */
  write(target: Buffer, position: number): number {
    if (this.#stored !== null) return this.#writeStored(target, position)
    const { keyBytes, value } = this
    if (this.keyStart < 0)
      target[position++] = 1 // varint -1
    else {
      const length = this.keyEnd
      position = writeVarint(target, position, length)
      position =
        keyBytes === this.#scratch
          ? copyStart(this.#scratch, length, target, position)
          : copyWhole(keyBytes, length, target, position)
    }
    position = writeVarint(target, position, this.valueLength)
    if (typeof value === 'string') position = writeText(value, target, position)
    else if (value !== null) position = copyWhole(value, this.valueLength, target, position)
    if (this.headerEnd === 0) {
      target[position] = 0
      return position + 1
    }
    return copyStart(this.headerBytes, this.headerEnd, target, position)
  }

  #writeStored(target: Buffer, position: number): number {
    const start = this.#storedStart
    return position + this.#stored!.copy(target, position, start, start + this.contentBytes)
  }

  /**
   * A copy with its own bytes, for a record that must wait. Its timestamp is the time of the call.
   */
  copy(clock: { wallTime(): number }): RecordEncoder {
    const copy = new RecordEncoder(this.#maxRequestBytes)
    if (this.#stored !== null) {
      const { topic, partition, timestamp, contentBytes } = this
      const block = Buffer.allocUnsafeSlow(contentBytes)
      this.write(block, 0)
      copy.loadStored({ topic, partition, timestamp, block, start: 0, end: contentBytes })
      return copy
    }
    copy.topic = this.topic
    copy.partition = this.partition
    copy.timestamp = this.timestamp < 0 ? clock.wallTime() : this.timestamp
    copy.keyStart = this.keyStart < 0 ? -1 : 0
    copy.keyEnd = this.keyStart < 0 ? -1 : this.keyEnd - this.keyStart
    if (this.keyStart >= 0) copy.keyBytes = snapshot(this.keyBytes, this.keyEnd)
    copy.value = isBytes(this.value) ? snapshot(this.value, this.valueLength) : this.value
    copy.valueLength = this.valueLength
    copy.headerEnd = this.headerEnd
    copy.contentBytes = this.contentBytes
    if (this.headerEnd > 0) copy.headerBytes = snapshot(this.headerBytes, this.headerEnd)
    return copy
  }

  #checkPartition(partition: unknown): number {
    if (typeof partition === 'number' && partition >= 0 && partition === (partition | 0)) {
      return partition
    }
    return refuse('record.partition', partition, 'a whole number from 0 to 2147483647')
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
    } else if (typeof key === 'string') {
      const target = this.#keySpace(key)
      this.keyBytes = target
      this.keyStart = 0
      this.keyEnd = writeText(key, target, 0)
    } else if (isBytes(key)) {
      this.keyBytes = key
      this.keyStart = 0
      this.keyEnd = checkedLength('record.key', key)
    } else refuse('record.key', key, 'a string, a Uint8Array, null or undefined')
  }

  /**
   * Space for the key in UTF-8; a long key gets a buffer of its own, which is released with the
   * record.
   */
  #keySpace(key: string): Buffer {
    const most = key.length * 3
    if (most <= this.#scratch.length) return this.#scratch
    if (most <= keptBytesMax) {
      this.#scratch = Buffer.allocUnsafeSlow(Math.max(256, most))
      return this.#scratch
    }
    const length = Buffer.byteLength(key)
    if (length > this.#contentBytesMax) this.#refuseSize(`at least ${length}`)
    return Buffer.allocUnsafeSlow(length)
  }

  #loadHeaders(pairs: readonly HeaderPair[]): void {
    let end = writeVarint(this.#headerSpace(0, 5), 0, pairs.length)
    for (const [key, value] of pairs) {
      if (typeof key !== 'string') refuse('record.headers: a key', key, 'a string')
      end = this.#writeHeaderData(end, key)
      if (value === null || value === undefined) this.#headerSpace(end, 1)[end++] = 1
      else if (typeof value === 'string' || isBytes(value)) end = this.#writeHeaderData(end, value)
      else refuse(`record.headers[${JSON.stringify(key)}]`, value, 'a string, a Uint8Array or null')
    }
    this.headerEnd = end
  }

  #writeHeaderData(end: number, data: RecordData): number {
    const isText = typeof data === 'string'
    const length = isText ? Buffer.byteLength(data) : checkedLength('a header', data)
    const target = this.#headerSpace(end, length + 5)
    end = writeVarint(target, end, length)
    return isText ? writeText(data, target, end) : copyWhole(data, length, target, end)
  }

  #headerSpace(used: number, bytes: number): Buffer {
    if (used + bytes > this.headerBytes.length) {
      if (used + bytes > this.#contentBytesMax) this.#refuseSize(`at least ${used + bytes}`)
      const grown = Buffer.allocUnsafeSlow(Math.min(2 * (used + bytes), this.#contentBytesMax))
      this.headerBytes.copy(grown, 0, 0, used)
      this.headerBytes = grown
    }
    return this.headerBytes
  }
}

type HeaderPair = readonly [string, HeaderValue]

/** The headers as internal pairs, without those whose value is undefined. */
const headerPairs = (headers: RecordHeaders): readonly HeaderPair[] => {
  if (!isPlain(headers)) refuse('record.headers', headers, 'an object or an array of pairs')
  const pairs: HeaderPair[] = []
  if (Array.isArray(headers)) {
    for (const [index, pair] of headers.entries()) {
      if (!Array.isArray(pair) || pair.length !== 2) {
        refuse(`record.headers[${index}]`, pair, 'a pair [key, value]')
      }
      const [key, value] = pair
      if (value !== undefined) pairs.push([key, value])
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

/** Writes text as UTF-8; the target is large enough. Returns the position after it. */
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

/** The maximum size of a record's own fields (length, attributes, deltas). */
export const recordOverheadMax = 5 + 1 + 10 + 5

/** The maximum size of the request around a single record. */
const requestOverheadMax = 512 + unsignedVarintSize(2 ** 31)

/** The maximum size of key, value and headers of one record whose request is within the limit. */
const contentBytesMax = (maxRequestBytes: number): number =>
  maxRequestBytes - requestOverheadMax - recordOverheadMax - batchHeaderBytes

const recordTooLarge = (
  topic: string,
  bytesMax: number,
  maxRequestBytes: number,
  size: string,
): KafkaError =>
  new KafkaError(
    'RECORD_TOO_LARGE',
    `A record for topic "${topic}" must be at most ${bytesMax} bytes ` +
      `(maxRequestBytes ${maxRequestBytes}), got ${size}`,
    { topic },
  )
