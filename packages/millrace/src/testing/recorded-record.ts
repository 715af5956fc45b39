// A record as the RecordingProducer stores it, and the comparison with the records that a test
// expects. Stored bytes must be copies, because the caller may reuse its buffers. Callers: the
// recording-*.ts files.

import { deepStrictEqual } from 'node:assert/strict'
import type { ProducerRecord, RecordData, RecordHeaders } from '../producer/record.ts'

/** A record that was sent, with copies of its bytes. */
export interface RecordedRecord {
  /** The topic of the record. */
  readonly topic: string
  /** The record's own partition, or the partitioner's choice. */
  readonly partition: number
  /** The offset, counted per partition from 0. */
  readonly offset: number
  /** The key as the caller passed it. */
  readonly key: RecordData | null
  /** The value as the caller passed it; null = a tombstone. */
  readonly value: RecordData | null
  /** The headers as pairs, in order, with repeated names. */
  readonly headers: readonly (readonly [name: string, value: RecordData | null])[]
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

/** The expected fields of a record; missing fields may have any value. Bytes equal their text. */
export interface ExpectedRecord {
  /** The topic of the record. */
  readonly topic?: string | undefined
  /** The partition of the record. */
  readonly partition?: number | undefined
  /** The offset of the record. */
  readonly offset?: number | undefined
  /** The key; null = none. */
  readonly key?: RecordData | null | undefined
  /** The value; null = a tombstone. */
  readonly value?: RecordData | null | undefined
  /** All headers, in a form that a record accepts. */
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

/** Converts bytes that are UTF-8 to text, so that `'a'` equals `Buffer.from('a')`. */
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

/** Throws an AssertionError with the differences if the records are not the expected ones. */
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
