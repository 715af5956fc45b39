// Makes records of what is emitted. Nothing of an event is dropped or guessed: what can't be sent
// as it was meant is rejected with a SERIALIZATION_FAILED or an INVALID_ARGUMENT.

import { KafkaError, type ProducerRecord, type RecordData, type RecordHeaders } from 'millrace'

/** A message with more than its value. */
export interface KafkaMessage {
  /** `undefined` and `null` = no key. */
  readonly key?: RecordData | null | undefined
  /** Text and bytes are sent as they are, null is a tombstone, the rest becomes JSON. */
  readonly value: unknown
  /** None by default. */
  readonly headers?: RecordHeaders | undefined
  /** Chosen by the partitioner by default. */
  readonly partition?: number | undefined
  /** Milliseconds since the epoch; the time of the call by default. */
  readonly timestamp?: number | undefined
}

const messageFields: readonly string[] = ['key', 'value', 'headers', 'partition', 'timestamp']

const isMessage = (data: unknown): data is KafkaMessage =>
  typeof data === 'object' && data !== null && !(data instanceof Uint8Array) && 'value' in data

const rejected = (message: string, topic: string, cause?: unknown): KafkaError =>
  new KafkaError('SERIALIZATION_FAILED', message, {
    topic,
    ...(cause === undefined ? {} : { cause }),
  })

/** JSON would make an empty object of these: what they hold would be lost. */
const withoutJson = (value: object): string | null => {
  if (value instanceof Map) return 'a Map (emit Object.fromEntries(map), for example)'
  if (value instanceof Set) return 'a Set (emit [...set], for example)'
  if (value instanceof Promise) return 'a promise (is an await missing?)'
  return null
}

/** Text and bytes as they are, the rest as JSON: what Nest's own Kafka client does with objects. */
const toData = (value: unknown, topic: string): RecordData | null => {
  if (value === null || typeof value === 'string' || value instanceof Uint8Array) return value
  const kind = typeof value === 'object' ? withoutJson(value) : null
  if (kind !== null) throw rejected(`value must have a JSON form, got ${kind}`, topic)
  let json: string | undefined
  try {
    json = JSON.stringify(value)
  } catch (cause) {
    const { message } = cause as Error
    throw rejected(`value must have a JSON form, got an error from it: ${message}`, topic, cause)
  }
  if (json !== undefined) return json
  throw rejected(`value must have a JSON form, got ${typeof value}`, topic)
}

/** An event of another shape that happens to have a `value` would lose its other fields. */
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

/** The record of an event: of a message its fields, of anything else its value. */
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
