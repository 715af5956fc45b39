// The tracing channel `millrace:send`: one operation for each record, whichever way it comes in.
// Caller: interceptors.ts, only while the channel has subscribers.

import type { ProducerRecord, RecordHeaders, RecordMetadata } from '../engine/record.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { type EventOrigin, OperationTracing, type TraceContext } from '../runtime/diagnostics.ts'

/** `tracing:millrace:send`: a record on its way, from the call until its result. */
export interface SendTrace extends TraceContext {
  /** As the caller passed it, or as the interceptors returned it. */
  readonly record: ProducerRecord
  /**
   * Empty at `start`. What subscribers put here by then is added to the record's headers, in place
   * of headers with the same names.
   */
  readonly headers: Record<string, string | Uint8Array>
  /** Where the record is; set before `asyncStart`. */
  result?: RecordMetadata
  error?: KafkaError
}

export const sendTracing = new OperationTracing<SendTrace>('send')

export const createSendTrace = (
  { producer, clientId }: EventOrigin,
  record: ProducerRecord,
): SendTrace => ({ producer, clientId, record, headers: {} })

type Pair = readonly [name: string, value: string | Uint8Array]

const isPairs = (headers: RecordHeaders): headers is readonly (readonly [string, never])[] =>
  Array.isArray(headers)

const addHeaders = (
  headers: RecordHeaders | null | undefined,
  added: readonly Pair[],
): RecordHeaders => {
  if (headers === undefined || headers === null) return added
  if (!isPairs(headers)) return { ...headers, ...Object.fromEntries(added) }
  const others = headers.filter(([name]) => added.every(([ours]) => ours !== name))
  return [...others, ...added]
}

/** Text of whatever a subscriber set: a header that is not valid would fail the record. */
const pairOf = ([name, value]: [string, unknown]): Pair => [
  name,
  value instanceof Uint8Array ? value : String(value),
]

/** The record with the headers of subscribers; the caller's own is not changed. */
export const tracedRecord = ({ record, headers }: SendTrace): ProducerRecord => {
  const added = Object.entries(headers)
  if (added.length === 0) return record
  try {
    const { topic, key, value, timestamp, partition } = record
    const all = addHeaders(record.headers, added.map(pairOf))
    return { topic, key, value, headers: all, timestamp, partition }
  } catch {
    // A record that cannot be read fails where the engine reads it.
    return record
  }
}
