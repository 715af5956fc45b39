// A record as a recording producer keeps it, and how expectations are compared with it.

import { deepStrictEqual } from 'node:assert/strict'
import type { ProducerRecord, RecordData, RecordHeaders } from '../producer/record.ts'

/** A record that was sent; its bytes are copies. */
export interface RecordedRecord {
  /** The topic it went to. */
  readonly topic: string
  /** Its own, or the partitioner's choice. */
  readonly partition: number
  /** Counted per partition, from 0 on. */
  readonly offset: number
  /** As it was given. */
  readonly key: RecordData | null
  /** As it was given; null = a tombstone. */
  readonly value: RecordData | null
  /** Pairs, in order, repeated keys included. */
  readonly headers: readonly (readonly [name: string, value: RecordData | null])[]
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

/** What a record should be; fields that are not named may be anything. Bytes equal their text. */
export interface ExpectedRecord {
  /** The topic it went to. */
  readonly topic?: string | undefined
  /** The partition it went to. */
  readonly partition?: number | undefined
  /** The offset it got. */
  readonly offset?: number | undefined
  /** The key; null = none. */
  readonly key?: RecordData | null | undefined
  /** The value; null = a tombstone. */
  readonly value?: RecordData | null | undefined
  /** All headers, as a record takes them. */
  readonly headers?: RecordHeaders | undefined
  /** Milliseconds since the epoch. */
  readonly timestamp?: number | undefined
}

const copyOf = (data: RecordData | null | undefined): RecordData | null => {
  if (data === undefined || data === null) return null
  return typeof data === 'string' ? data : Buffer.from(data)
}

export const headerPairs = (
  headers: RecordHeaders | null | undefined,
): RecordedRecord['headers'] => {
  if (headers === undefined || headers === null) return []
  const pairs: readonly (readonly [string, unknown])[] = Array.isArray(headers)
    ? headers
    : Object.entries(headers).flatMap(([name, value]) =>
        (Array.isArray(value) ? value : [value]).map((one) => [name, one] as const),
      )
  return pairs
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, copyOf(value as RecordData | null)])
}

export const recordOf = (
  record: ProducerRecord,
  position: { partition: number; offset: number; timestamp: number },
): RecordedRecord => ({
  topic: record.topic,
  partition: position.partition,
  offset: position.offset,
  key: copyOf(record.key),
  value: copyOf(record.value),
  headers: headerPairs(record.headers),
  timestamp: position.timestamp,
})

/** Bytes that are text become text, so that `'a'` and `Buffer.from('a')` are the same. */
const comparable = (data: RecordData | null): unknown => {
  if (data === null || typeof data === 'string') return data
  const bytes = Buffer.from(data)
  const text = bytes.toString()
  return Buffer.from(text).equals(bytes) ? text : bytes
}

type Field = keyof RecordedRecord

const comparableField = (field: Field, value: unknown): unknown => {
  if (field === 'key' || field === 'value') return comparable((value ?? null) as RecordData | null)
  if (field !== 'headers') return value
  return headerPairs(value as RecordHeaders).map(([name, one]) => [name, comparable(one)])
}

const onlyFields = (record: object, fields: readonly Field[]): object =>
  Object.fromEntries(
    fields.map((field) => [field, comparableField(field, (record as RecordedRecord)[field])]),
  )

/** Throws an AssertionError that shows the differences where the records are not those expected. */
export const compareRecords = (
  records: readonly RecordedRecord[],
  expected: readonly ExpectedRecord[],
): void => {
  const actual = records.map((record, index) =>
    onlyFields(record, fieldsOf(expected[index] ?? { topic: '', key: null, value: null })),
  )
  const wanted = expected.map((record) => onlyFields(record, fieldsOf(record)))
  deepStrictEqual(actual, wanted)
}

const fieldsOf = (expected: ExpectedRecord): Field[] =>
  (Object.keys(expected) as Field[]).filter((field) => expected[field] !== undefined)
