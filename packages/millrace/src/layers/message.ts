// The message types of both layers, and the conversion of layer 2's arguments to a message. It
// keeps no state. Callers: the producers of both layers.

import { unreadableRecord } from '../producer/caller-records.ts'
import type { ProducerRecord, RecordData, RecordHeaders } from '../producer/record.ts'

/**
 * A message for `send` and `sendBatch` of layer 1. It has the fields of `ProducerRecord`: `topic`
 * and `value`, and optionally `key`, `headers`, `timestamp` (milliseconds since the epoch) and
 * `partition`. The source system has topic, key and value only.
 *
 * @example
 * const message: Message = { topic: 'orders', key: 'customer-42', value: '{"total":7}' }
 */
export type Message = ProducerRecord

/**
 * The first argument of `sendMessage` of layer 2: the topic and, optionally, the other fields of
 * the message except its value.
 */
export interface KeyOrTopic {
  /** The topic to write to. */
  readonly topic: string
  /** Chooses the partition; `undefined` and `null` = no key, `''` is an empty key. */
  readonly key?: RecordData | null | undefined
  /** The headers of the message; none by default. */
  readonly headers?: RecordHeaders | undefined
  /** Milliseconds since the epoch; the time of the call by default. */
  readonly timestamp?: number | undefined
  /** The number of the partition; by default the partitioner chooses it. */
  readonly partition?: number | undefined
}

const nowhere = {} as KeyOrTopic

/**
 * An invalid argument makes a message without a topic, which the producer rejects with a clear
 * error.
 */
export const messageOf = (keyOrTopic: KeyOrTopic, value: RecordData | null): Message => {
  try {
    const { topic, key, headers, timestamp, partition } = keyOrTopic ?? nowhere
    // Fast path for the usual message, which has none of these fields.
    if (headers === undefined && timestamp === undefined && partition === undefined) {
      return { topic, key, value }
    }
    return { topic, key, value, headers, timestamp, partition }
  } catch (cause) {
    return unreadableRecord(cause)
  }
}
