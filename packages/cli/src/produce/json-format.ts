// The input format NDJSON: converts a line, a JSON object that describes a record, to a record.
// Strings become UTF-8 (or are decoded from base64 on request), and null stays null. Other values
// of `key` and `value` keep the exact bytes of the line. It also reads the lines that
// dead-letter.ts writes. Callers: produce-command.ts and produce-options.ts.

import { isUtf8 } from 'node:buffer'
import type { HeaderValue, ProducerRecord, RecordHeaders } from 'millrace'
import { didYouMean } from '../nearest-name.ts'
import { type JsonMember, jsonMembers, jsonValue } from './json-span.ts'
import { LineError } from './line-error.ts'
import {
  bufferOf,
  type RecordDefaults,
  type RecordFormat,
  type ReusedRecord,
  reusedRecord,
} from './record-format.ts'
import { timestampOfText } from './timestamp-text.ts'

export const base64Fields = ['key', 'value', 'headers'] as const

export type Base64Field = (typeof base64Fields)[number]

const fields = [
  'topic',
  'key',
  'keyBase64',
  'value',
  'valueBase64',
  'headers',
  'partition',
  'timestamp',
  // Fields that dead letters and `tail` add; they are not sent.
  'error',
  'line',
  'offset',
]

/** A parsed line and the position of each field in its bytes. */
interface Line {
  readonly bytes: Buffer
  readonly values: Readonly<Record<string, unknown>>
  readonly members: readonly JsonMember[]
}

const article = (value: unknown): string => {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`
}

/** The index of the first byte that is not UTF-8. */
const invalidByteOf = (bytes: Buffer): number => {
  const text = bytes.toString('utf8')
  for (let at = text.indexOf('\ufffd'); at >= 0; at = text.indexOf('\ufffd', at + 1)) {
    const place = Buffer.byteLength(text.slice(0, at))
    if (bytes.toString('hex', place, place + 3) !== 'efbfbd') return place
  }
  return bytes.length
}

const textOfLine = (bytes: Buffer): string => {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  const place = invalidByteOf(bytes)
  const byte = (bytes[place] ?? 0).toString(16).padStart(2, '0')
  throw new LineError(
    `the line must be UTF-8, got the byte 0x${byte} at position ${place + 1}: convert the file ` +
      '(iconv), or use valueBase64',
  )
}

const parse = (bytes: Buffer): Line => {
  const text = textOfLine(bytes)
  let values: unknown
  try {
    values = JSON.parse(text)
  } catch (error) {
    throw new LineError(`the line must be JSON: ${(error as Error).message}`)
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new LineError(`the line must be a JSON object, got ${article(values)}`)
  }
  const names = Object.keys(values)
  for (const name of names) {
    if (!fields.includes(name)) {
      throw new LineError(`unknown field '${name}'${didYouMean(name, fields)}`)
    }
  }
  const members = jsonMembers(bytes)
  if (members.length > names.length) {
    const repeated = members.find(({ name }, at) => members.findIndex(named(name)) < at)
    throw new LineError(`the field '${repeated?.name}' must occur once, but is repeated`)
  }
  return { bytes, values: values as Line['values'], members }
}

const named =
  (wanted: string | null) =>
  ({ name }: JsonMember): boolean =>
    name === wanted

/** The member of a field that is known to exist. */
const memberOf = ({ members }: Line, wanted: string): JsonMember =>
  members.find(named(wanted)) as JsonMember

const bytesOf = (line: Line, name: string): Buffer => {
  const { start, end } = memberOf(line, name)
  return line.bytes.subarray(start, end)
}

/** UTF-8 can't encode half of a surrogate pair and would replace it, so such text is rejected. */
const textOf = (text: string, name: string): string => {
  if (text.isWellFormed()) return text
  throw new LineError(`${name} must be Unicode text, got half of a surrogate pair`)
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/

const decoded = (text: unknown, name: string): Buffer => {
  if (typeof text !== 'string' || !base64.test(text)) throw new LineError(`${name} must be base64`)
  return Buffer.from(text, 'base64')
}

const dataOf = (
  line: Line,
  name: 'key' | 'value',
  isBase64: boolean,
): string | Buffer | null | undefined => {
  const encoded = line.values[`${name}Base64`]
  const plain = line.values[name]
  if (encoded !== undefined) {
    if (plain !== undefined) throw new LineError(`it must have ${name} or ${name}Base64, got both`)
    return decoded(encoded, `${name}Base64`)
  }
  if (plain === undefined || plain === null) return plain
  if (typeof plain !== 'string') return bytesOf(line, name)
  return isBase64 ? decoded(plain, name) : textOf(plain, name)
}

/** Numbers, true, and false are sent as the bytes of the line. */
const headerValue = (
  bytes: Buffer,
  member: JsonMember,
  name: string,
  isBase64: boolean,
): HeaderValue => {
  const value = jsonValue(bytes, member)
  const title = `header ${name}`
  if (value === null) return null
  if (typeof value === 'string') return isBase64 ? decoded(value, title) : textOf(value, title)
  if (typeof value !== 'object') return bytes.subarray(member.start, member.end)
  const isOnlyBase64 = 'base64' in value && jsonMembers(bytes, member.start).length === 1
  if (isOnlyBase64) return decoded(value.base64, title)
  throw new LineError(`${title} must be a string, null or { "base64": … }, got ${article(value)}`)
}

const isArrayAt = (bytes: Buffer, { start }: JsonMember): boolean => bytes[start] === 0x5b

/** The value of a pair; the first element is the header's name. */
const pairOf = (bytes: Buffer, pair: JsonMember): JsonMember => {
  const [first, second, ...rest] = isArrayAt(bytes, pair) ? jsonMembers(bytes, pair.start) : []
  const name = first === undefined ? null : jsonValue(bytes, first)
  if (typeof name === 'string' && second !== undefined && rest.length === 0) {
    return { ...second, name }
  }
  throw new LineError('headers as an array must hold pairs: [["name", "value"]]')
}

const headersOf = (line: Line, isBase64: boolean): Pairs | undefined => {
  const { bytes, values } = line
  const { headers } = values
  if (headers === undefined || headers === null) return undefined
  if (typeof headers !== 'object') {
    throw new LineError(`headers must be an object or an array, got ${article(headers)}`)
  }
  const field = memberOf(line, 'headers')
  const members = jsonMembers(bytes, field.start)
  const isPairs = isArrayAt(bytes, field)
  const pairs: (readonly [string, HeaderValue])[] = []
  for (const member of members) {
    const pair = isPairs ? pairOf(bytes, member) : member
    const name = textOf(pair.name ?? '', 'the name of a header')
    const list = isArrayAt(bytes, pair) ? jsonMembers(bytes, pair.start) : [pair]
    for (const each of list) pairs.push([name, headerValue(bytes, each, name, isBase64)])
  }
  return pairs
}

/** The limits of the producer. */
const partitionMax = 2 ** 31 - 1
const timestampMax = 2 ** 51

/** Digits only: other forms could be rounded when they are parsed. */
const wholeNumberText = /^\d+(?:\.0+)?$/

const wholeNumber = (line: Line, name: string, max: number): number | undefined => {
  const value = line.values[name]
  if (value === undefined || value === null) return undefined
  const text = bytesOf(line, name).toString('utf8')
  const isWhole = Number.isSafeInteger(value) && wholeNumberText.test(text)
  if (isWhole && (value as number) <= max) return value as number
  throw new LineError(`${name} must be a whole number from 0 to ${max} in digits, got ${text}`)
}

/** A timestamp: milliseconds since the epoch, or a date in the form that JSON uses. */
const timestampOf = (line: Line): number | undefined => {
  const { timestamp } = line.values
  if (typeof timestamp !== 'string') return wholeNumber(line, 'timestamp', timestampMax)
  const found = timestampOfText(timestamp)
  if (typeof found === 'number') return found
  const number = /^\d+$/.test(timestamp) ? ' (a number stands without quotes)' : ''
  throw new LineError(`timestamp ${found}, got '${timestamp}'${number}`)
}

const topicOf = ({ values }: Line, fallback: string): string => {
  const topic = values.topic ?? fallback
  if (typeof topic === 'string' && topic !== '') return topic
  throw new LineError('topic is missing: name one in the line or on the command line')
}

const blanks: readonly number[] = [0x20, 0x09, 0x0d]

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => blanks.includes(byte))

/** Removes the byte order mark that some editors write; JSON does not allow it. */
const withoutMark = (bytes: Buffer): Buffer => {
  const isMarked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  return isMarked ? bytes.subarray(3) : bytes
}

export const jsonFormat = (
  defaults: RecordDefaults,
  encoded: readonly Base64Field[],
): RecordFormat => {
  const record: ReusedRecord = reusedRecord(defaults)
  const [keyIsBase64, valueIsBase64, headersAreBase64] = base64Fields.map((field) =>
    encoded.includes(field),
  ) as [boolean, boolean, boolean]
  return (given): ProducerRecord | null => {
    const bytes = withoutMark(bufferOf(given))
    if (isBlank(bytes)) return null
    const line = parse(bytes)
    const value = dataOf(line, 'value', valueIsBase64)
    if (value === undefined) throw new LineError('value is missing (null is a tombstone)')
    const key = dataOf(line, 'key', keyIsBase64)
    const own = headersOf(line, headersAreBase64)
    record.topic = topicOf(line, defaults.topic)
    record.value = value
    record.key = key === undefined ? defaults.key : key
    record.headers = own === undefined ? defaultHeaders(defaults) : [...defaults.headers, ...own]
    record.partition = wholeNumber(line, 'partition', partitionMax) ?? defaults.partition
    record.timestamp = timestampOf(line)
    return record
  }
}

type Pairs = readonly (readonly [string, HeaderValue])[]

const defaultHeaders = ({ headers }: RecordDefaults): RecordHeaders | undefined =>
  headers.length === 0 ? undefined : headers
