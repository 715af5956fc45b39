// NDJSON: each line is an object that says what a record is made of. Strings are sent as UTF-8 (or
// decoded from base64 where that was asked for), null is null, and any other value of `key` and
// `value` as the bytes that stand in the line. The form that dead-letter.ts writes is one of these.

import type { Headers, HeaderValue, ProducerRecord } from 'millrace'
import { didYouMean } from '../nearest-name.ts'
import { memberBytes } from './json-span.ts'
import { LineError } from './line-error.ts'
import {
  bufferOf,
  type DraftRecord,
  draftOf,
  type RecordDefaults,
  type RecordFormat,
} from './record-format.ts'

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
  // What a dead letter says besides; it is not sent.
  'error',
  'line',
]

type Line = Readonly<Record<string, unknown>>

const parse = (bytes: Buffer): Line => {
  let line: unknown
  try {
    line = JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new LineError(`it is no JSON: ${(error as Error).message}`)
  }
  if (typeof line !== 'object' || line === null || Array.isArray(line)) {
    throw new LineError('it is no JSON object')
  }
  for (const name of Object.keys(line)) {
    if (!fields.includes(name)) {
      throw new LineError(`'${name}' is no field of a record${didYouMean(name, fields)}`)
    }
  }
  return line as Line
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/

const decoded = (text: unknown, name: string): Buffer => {
  if (typeof text !== 'string' || !base64.test(text)) throw new LineError(`${name} is no base64`)
  return Buffer.from(text, 'base64')
}

const dataOf = (
  line: Line,
  bytes: Buffer,
  name: 'key' | 'value',
  isBase64: boolean,
): string | Buffer | null | undefined => {
  const encoded = line[`${name}Base64`]
  const plain = line[name]
  if (encoded !== undefined) {
    if (plain !== undefined) throw new LineError(`it has both ${name} and ${name}Base64`)
    return decoded(encoded, `${name}Base64`)
  }
  if (plain === undefined || plain === null) return plain
  if (typeof plain !== 'string') return memberBytes(bytes, name)
  return isBase64 ? decoded(plain, name) : plain
}

const headerValue = (value: unknown, name: string, isBase64: boolean): HeaderValue => {
  if (value === null) return null
  if (typeof value === 'string') return isBase64 ? decoded(value, `header ${name}`) : value
  if (typeof value === 'object' && Object.keys(value).join() === 'base64') {
    return decoded((value as { base64: unknown }).base64, `header ${name}`)
  }
  if (typeof value === 'object') {
    throw new LineError(`header ${name} is neither a string, nor null, nor { "base64": … }`)
  }
  return String(value)
}

const headersOf = (value: unknown, isBase64: boolean): Headers | undefined => {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'object') throw new LineError('headers is neither an object nor an array')
  const pairs = Array.isArray(value) ? value : Object.entries(value)
  return pairs.flatMap((pair: unknown) => {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') {
      throw new LineError('headers as an array holds pairs: [["name", "value"]]')
    }
    const [name, values] = pair as [string, unknown]
    const list: readonly unknown[] = Array.isArray(values) ? values : [values]
    return list.map((each) => [name, headerValue(each, name, isBase64)] as const)
  })
}

const wholeNumber = (line: Line, name: string): number | undefined => {
  const value = line[name]
  if (value === undefined || value === null) return undefined
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw new LineError(`${name} is ${JSON.stringify(value)}: expected a whole number from 0`)
}

/** A timestamp is in milliseconds since the epoch, or a date as JSON writes one. */
const timestampOf = (line: Line): number | undefined => {
  if (typeof line.timestamp !== 'string') return wholeNumber(line, 'timestamp')
  const parsed = Date.parse(line.timestamp)
  if (Number.isNaN(parsed)) throw new LineError(`timestamp is '${line.timestamp}': no date`)
  return parsed
}

const topicOf = (line: Line, fallback: string): string => {
  const topic = line.topic ?? fallback
  if (typeof topic === 'string' && topic !== '') return topic
  throw new LineError('topic is missing: name one in the line or on the command line')
}

const blanks: readonly number[] = [0x20, 0x09, 0x0d]

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => blanks.includes(byte))

/** Some editors begin a file with a byte order mark; JSON does not know it. */
const withoutMark = (bytes: Buffer): Buffer => {
  const isMarked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  return isMarked ? bytes.subarray(3) : bytes
}

export const jsonFormat = (
  defaults: RecordDefaults,
  encoded: readonly Base64Field[],
): RecordFormat => {
  const record: DraftRecord = draftOf(defaults)
  const [keyIsBase64, valueIsBase64, headersAreBase64] = base64Fields.map((field) =>
    encoded.includes(field),
  ) as [boolean, boolean, boolean]
  return (given): ProducerRecord | null => {
    const bytes = withoutMark(bufferOf(given))
    if (isBlank(bytes)) return null
    const line = parse(bytes)
    const value = dataOf(line, bytes, 'value', valueIsBase64)
    if (value === undefined) throw new LineError('value is missing (null is a tombstone)')
    const key = dataOf(line, bytes, 'key', keyIsBase64)
    const own = headersOf(line.headers, headersAreBase64)
    record.topic = topicOf(line, defaults.topic)
    record.value = value
    record.key = key === undefined ? defaults.key : key
    record.headers =
      own === undefined ? draftHeaders(defaults) : [...defaults.headers, ...(own as Pairs)]
    record.partition = wholeNumber(line, 'partition') ?? defaults.partition
    record.timestamp = timestampOf(line)
    return record
  }
}

type Pairs = readonly (readonly [string, HeaderValue])[]

const draftHeaders = ({ headers }: RecordDefaults): Headers | undefined =>
  headers.length === 0 ? undefined : headers
