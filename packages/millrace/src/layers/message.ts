// The message types of both layers, and the conversion of layer 2's arguments to a message. It
// keeps no state. Callers: the producers of both layers.

import { unreadableRecord } from '../producer/caller-records.ts'
import type { ProducerRecord, RecordData, RecordHeaders } from '../producer/record.ts'

/**
 * A message of layer 1: topic, key, and value; headers, timestamp, and partition are additions to
 * the source system.
 */
export type Message = ProducerRecord

/** The topic and the key of a message of layer 2. */
export interface KeyOrTopic {
  /** The topic to write to. */
  readonly topic: string
  /** `undefined` and `null` = no key; `''` is an empty key. */
  readonly key?: RecordData | null | undefined
  /** None by default. */
  readonly headers?: RecordHeaders | undefined
  /** Milliseconds since the epoch; the time of the call by default. */
  readonly timestamp?: number | undefined
  /** By default the partitioner chooses it. */
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
