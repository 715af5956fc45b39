// Converts an emitted event to a producer record. It must not drop or guess any part of an event:
// an event that can't be sent exactly as given is rejected with SERIALIZATION_FAILED or
// INVALID_ARGUMENT. Caller: millrace-client.ts.

import {
  KafkaError,
  type ProducerRecord,
  type RecordData,
  type RecordHeaders,
  toJsonText,
} from 'millrace'

/** A message with more fields than its value. */
export interface KafkaMessage {
  /** `undefined` and `null` = no key. */
  readonly key?: RecordData | null | undefined
  /** Text and bytes are sent unchanged, null is a tombstone, and other values become JSON. */
  readonly value: unknown
  /** None by default. */
  readonly headers?: RecordHeaders | undefined
  /** By default the partitioner chooses it. */
  readonly partition?: number | undefined
  /** Milliseconds since the epoch; the time of the call by default. */
  readonly timestamp?: number | undefined
}

const messageFields: readonly string[] = ['key', 'value', 'headers', 'partition', 'timestamp']

const isMessage = (data: unknown): data is KafkaMessage =>
  typeof data === 'object' && data !== null && !(data instanceof Uint8Array) && 'value' in data

/** Text and bytes unchanged, other values as JSON, as Nest's own Kafka client does. */
const toData = (value: unknown, topic: string): RecordData | null => {
  if (value === null || typeof value === 'string' || value instanceof Uint8Array) return value
  try {
    return toJsonText(value)
  } catch (cause) {
    const { message } = cause as Error
    throw new KafkaError('SERIALIZATION_FAILED', `value must have a JSON form: ${message}`, {
      topic,
      cause,
    })
  }
}

/** An event that has a `value` and other fields is not a message: those fields would be lost. */
const checkFields = (message: KafkaMessage, topic: string): void => {
  const unknown = Object.keys(message).find((name) => !messageFields.includes(name))
  if (unknown === undefined) return
  throw new KafkaError(
    'INVALID_ARGUMENT',
    `an event with a value is a message: its fields must be ${messageFields.join(', ')}, ` +
      `got "${unknown}" (data of your own goes into the value: { value: data })`,
    { topic },
  )
}

/** The record of an event: the fields of a message, or any other event as the value. */
export const toRecord = (topic: string, data: unknown): ProducerRecord => {
  if (data === undefined || data === null) {
    const tombstone = '(a tombstone is { key, value: null })'
    const message = `an event must be data or a message, got ${data} ${tombstone}`
    throw new KafkaError('INVALID_ARGUMENT', message, { topic })
  }
  if (!isMessage(data)) return { topic, value: toData(data, topic) }
  checkFields(data, topic)
  const { key, value, headers, partition, timestamp } = data
  if (value === undefined) {
    const message = 'the value of a message must be there, got undefined (null is a tombstone)'
    throw new KafkaError('INVALID_ARGUMENT', message, { topic })
  }
  return { topic, key, value: toData(value, topic), headers, partition, timestamp }
}
