// Owns the tracing channel `millrace:send`: one operation for each record, of any call. Caller:
// interceptors.ts, only while the channel has subscribers. Invariant: the caller's record is not
// changed.

import type { ProducerRecord, RecordHeaders, RecordMetadata } from '../engine/record.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { type EventOrigin, OperationTracing, type TraceContext } from '../runtime/diagnostics.ts'

/** `tracing:millrace:send`: a record from the call until its result. */
export interface SendTrace extends TraceContext {
  /** The record of the caller, or the one that the interceptors returned. */
  readonly record: ProducerRecord
  /**
   * Empty at `start`. Headers that subscribers set here are added to the record, in place of
   * headers with the same names.
   */
  readonly headers: Record<string, string | Uint8Array>
  /** The position of the record in the log; set before `asyncStart`. */
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

/** The value of a subscriber as text: an invalid header would fail the record. */
const pairOf = ([name, value]: [string, unknown]): Pair => [
  name,
  value instanceof Uint8Array ? value : String(value),
]

/** The record with the headers of subscribers; the caller's record is not changed. */
export const tracedRecord = ({ record, headers }: SendTrace): ProducerRecord => {
  const added = Object.entries(headers)
  if (added.length === 0) return record
  try {
    const { topic, key, value, timestamp, partition } = record
    const all = addHeaders(record.headers, added.map(pairOf))
    return { topic, key, value, headers: all, timestamp, partition }
  } catch {
    // A record that cannot be read fails in the engine.
    return record
  }
}
