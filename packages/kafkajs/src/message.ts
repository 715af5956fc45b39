// Messages of kafkajs as records of millrace, and results of millrace as kafkajs tells them: one
// entry for each partition that was written to, with the offset of its first message.

import { KafkaError, type ProducerRecord, type RecordMetadata as Written } from 'millrace'
import { KafkaJSNonRetriableError } from './errors.ts'

/** Headers by name; several values of a name as an array. */
export interface IHeaders {
  [key: string]: Buffer | string | (Buffer | string)[] | undefined
}

/** One message to send. */
export interface Message {
  key?: Buffer | string | null
  value: Buffer | string | null
  partition?: number
  headers?: IHeaders
  /** Milliseconds since the epoch, as text. */
  timestamp?: string
}

/** Messages of one topic. */
export interface TopicMessages {
  topic: string
  messages: Message[]
}

/** What was written to one partition. */
export interface RecordMetadata {
  topicName: string
  partition: number
  /** Always 0: what failed is thrown. */
  errorCode: number
  /** The offset of the first message; `'-1'` where the broker does not say. */
  baseOffset?: string
  /** The broker's time where the topic uses it, otherwise `'-1'`. */
  logAppendTime?: string
  /** `'-1'`: millrace does not keep it. */
  logStartOffset?: string
}

/** A message that was not delivered. */
export interface FailedMessage {
  readonly topic: string
  readonly message: Message
  readonly error: KafkaError
}

/** Throws where something is wrong before anything is sent, as kafkajs does. */
export const checkTopicMessages = (topicMessages: readonly TopicMessages[]): void => {
  for (const { topic, messages } of topicMessages) {
    if (!topic) throw new KafkaJSNonRetriableError(`topic is ${String(topic)}: expected a name`)
    if (!Array.isArray(messages)) {
      throw new KafkaJSNonRetriableError(
        `messages for topic '${topic}' is ${String(messages)}: expected an array`,
      )
    }
    const index = messages.findIndex((message) => message?.value === undefined)
    if (index >= 0) {
      throw new KafkaJSNonRetriableError(
        `messages[${index}] for topic '${topic}' has no value: null is a tombstone`,
      )
    }
  }
}

/** `choose` gives the partition of a message that names none; undefined leaves it to millrace. */
export const toRecord = (
  topic: string,
  message: Message,
  now: number,
  choose: ((topic: string, message: Message) => number) | null,
): ProducerRecord => {
  const { key, value, headers, timestamp, partition } = message
  const chosen = partition ?? choose?.(topic, message)
  return {
    topic,
    key,
    value,
    headers,
    timestamp: timestamp === undefined || timestamp === null ? now : Number(timestamp),
    partition: chosen ?? undefined,
  }
}

/** One entry for each partition, in the order of their first messages. */
export const toRecordMetadata = (
  results: readonly (Written | KafkaError)[],
  records: readonly ProducerRecord[],
): RecordMetadata[] => {
  const entries = new Map<string, RecordMetadata>()
  for (const [index, result] of results.entries()) {
    if (result instanceof KafkaError) continue
    const { topic, partition, offset, timestamp } = result
    const place = `${topic}/${partition}`
    if (entries.has(place)) continue
    const isBrokersTime = timestamp !== records[index]?.timestamp
    entries.set(place, {
      topicName: topic,
      partition,
      errorCode: 0,
      baseOffset: String(offset),
      logAppendTime: isBrokersTime ? String(timestamp) : '-1',
      logStartOffset: '-1',
    })
  }
  return [...entries.values()]
}
