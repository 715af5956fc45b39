// Converts messages of kafkajs to records of millrace, and results of millrace to kafkajs's form:
// one entry per written partition, with the offset of its first message. It keeps no state.
// Callers: sender.ts, producer.ts, and transaction.ts.

import { KafkaError, type ProducerRecord, type RecordMetadata as Written } from 'millrace'
import { KafkaJSNonRetriableError, refused } from './errors.ts'

/** Headers by name; an array holds several values of one name. */
export interface IHeaders {
  [key: string]: Buffer | string | (Buffer | string)[] | undefined
}

/** One message to send. */
export interface Message {
  /** Chooses the partition; none by default. */
  key?: Buffer | string | null
  /** The content; `null` = a tombstone. */
  value: Buffer | string | null
  /** The number of the partition; by default the partitioner chooses it. */
  partition?: number
  /** None by default. */
  headers?: IHeaders
  /** Milliseconds since the epoch, as text. */
  timestamp?: string
}

/** Messages of one topic. */
export interface TopicMessages {
  /** The topic to write to. */
  topic: string
  /** The messages, in the order in which they are sent. */
  messages: Message[]
}

/** What was written to one partition. */
export interface RecordMetadata {
  /** The topic that was written to. */
  topicName: string
  /** The partition that was written to. */
  partition: number
  /** Always 0: failures are thrown. */
  errorCode: number
  /** In kafkajs only for brokers before Kafka 0.11. */
  offset?: string
  /** In kafkajs only for brokers before Kafka 0.11. */
  timestamp?: string
  /** The offset of the first message; `'-1'` if the broker does not return it. */
  baseOffset?: string
  /** The broker's timestamp if the topic uses it, otherwise `'-1'`. */
  logAppendTime?: string
  /** The first offset that the partition still has; `'-1'` if the broker does not return it. */
  logStartOffset?: string
}

/** A message that was not delivered. */
export interface FailedMessage {
  /** The topic of the message. */
  readonly topic: string
  /** The message as it was passed to `send`. */
  readonly message: Message
  /** Why it failed; `persisted` says whether it may be in the log. */
  readonly error: KafkaError
}

/** A message with its topic. */
export interface PlacedMessage {
  readonly topic: string
  readonly message: Message
}

/** Throws the errors that kafkajs throws, in the same order, before anything is sent. */
export const checkBatch = (
  topicMessages: readonly TopicMessages[],
  acks: number | null | undefined,
  isIdempotent: boolean,
): void => {
  if (topicMessages.some(({ topic }) => !topic)) {
    throw new KafkaJSNonRetriableError('Invalid topic')
  }
  if (isIdempotent && Number(acks ?? -1) !== -1) {
    throw new KafkaJSNonRetriableError(
      "Not requiring ack for all messages invalidates the idempotent producer's EoS guarantees",
    )
  }
  for (const { topic, messages } of topicMessages) {
    if (!Array.isArray(messages)) {
      throw refused(`Invalid messages array [${String(messages)}] for topic "${topic}"`)
    }
    const index = messages.findIndex((message) => message?.value === undefined)
    if (index < 0) continue
    throw refused(
      `Invalid message without value for topic "${topic}": ${JSON.stringify(messages[index])}`,
    )
  }
}

/** Groups the messages by topic, in the order of each topic's first message, as kafkajs does. */
export const placeMessages = (topicMessages: readonly TopicMessages[]): PlacedMessage[] => {
  const [first] = topicMessages
  if (topicMessages.length === 1 && first !== undefined) {
    const { topic } = first
    return first.messages.map((message) => ({ topic, message }))
  }
  const byTopic = new Map<string, PlacedMessage[]>()
  for (const { topic, messages } of topicMessages) {
    const placed = byTopic.get(topic) ?? []
    byTopic.set(topic, placed)
    for (const message of messages) placed.push({ topic, message })
  }
  return [...byTopic.values()].flat()
}

/** Throws a TypeError where kafkajs does: for numbers, dates, and objects. */
const toData = (value: unknown, field: string): string | Uint8Array | null => {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || value instanceof Uint8Array) return value
  const got = typeof value === 'object' ? 'an object' : typeof value
  throw refused(
    `${field} must be a string, a Buffer or null, got ${got}: use JSON.stringify or String`,
  )
}

type RecordHeaders = Record<string, string | Uint8Array | null | (string | Uint8Array | null)[]>

const toHeaders = (headers: IHeaders | null | undefined): RecordHeaders | undefined => {
  if (headers === undefined || headers === null) return undefined
  const converted: RecordHeaders = Object.create(null)
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue
    const field = `header "${name}"`
    converted[name] = Array.isArray(value)
      ? value.map((one) => toData(one, field))
      : toData(value, field)
  }
  return converted
}

/** The text of a whole number that BigInt reads, as kafkajs reads it. */
const wholeText = /^\s*(?:[+-]?\d+|0x[\da-f]+|0o[0-7]+|0b[01]+)\s*$/i

/** NaN where kafkajs throws, and where it stores 1970 for a value that is no time. */
const timeOf = (timestamp: unknown): number => {
  if (typeof timestamp === 'string')
    return wholeText.test(timestamp) ? Number(timestamp) : Number.NaN
  return typeof timestamp === 'symbol' || Array.isArray(timestamp) ? Number.NaN : Number(timestamp)
}

/** kafkajs accepts the text of a whole number; without a timestamp or with 0 it is the call's. */
const toTimestamp = (timestamp: unknown, now: number): number => {
  if (timestamp === undefined || timestamp === null || timestamp === 0 || timestamp === false) {
    return now
  }
  const value = timeOf(timestamp)
  if (Number.isSafeInteger(value)) return value
  const got = typeof timestamp === 'string' ? JSON.stringify(timestamp) : String(timestamp)
  throw refused(`timestamp must be whole milliseconds since the epoch, got ${got}`)
}

/** The partition as a number; kafkajs accepts numeric text, too. */
export const toPartition = (partition: unknown): number | undefined => {
  if (partition === undefined || partition === null) return undefined
  const isText = typeof partition === 'string' && /^\d{1,10}$/.test(partition)
  return isText ? Number(partition) : (partition as number)
}

/** `partition` is the choice of a user's partitioner; undefined if there is none. */
export const toRecord = (
  { topic, message }: PlacedMessage,
  now: number,
  partition: number | undefined,
): ProducerRecord => {
  const { key, value, headers, timestamp } = message
  return {
    topic,
    key: toData(key, 'key'),
    value: toData(value, 'value'),
    headers: toHeaders(headers),
    timestamp: toTimestamp(timestamp, now),
    partition: partition ?? toPartition(message.partition),
  }
}

type LogStartOffset = (topic: string, partition: number) => number

const entryOf = (
  { topic, partition, offset, timestamp }: Written,
  record: ProducerRecord | undefined,
  logStartOffset: LogStartOffset,
): RecordMetadata => ({
  topicName: topic,
  partition,
  errorCode: 0,
  baseOffset: String(offset),
  // A timestamp that differs from the record's own is the broker's.
  logAppendTime: timestamp === record?.timestamp ? '-1' : String(timestamp),
  logStartOffset: String(logStartOffset(topic, partition)),
})

/** One entry for each partition, by topic in the order of the call, then by number. */
export const toRecordMetadata = (
  results: readonly (Written | KafkaError)[],
  records: readonly ProducerRecord[],
  logStartOffset: LogStartOffset,
): RecordMetadata[] => {
  const topics = new Map<string, Map<number, RecordMetadata>>()
  for (const [index, result] of results.entries()) {
    if (result instanceof KafkaError) continue
    const { topic, partition } = result
    const entries = topics.get(topic) ?? new Map<number, RecordMetadata>()
    topics.set(topic, entries)
    if (entries.has(partition)) continue
    entries.set(partition, entryOf(result, records[index], logStartOffset))
  }
  return [...topics.values()].flatMap((entries) =>
    [...entries.values()].sort((a, b) => a.partition - b.partition),
  )
}
