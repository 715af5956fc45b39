// What the two layers send, and how the second one makes a message of its arguments.

import type { ProducerRecord, RecordData, RecordHeaders } from '../producer/record.ts'

/**
 * A message of layer 1: topic, key, value; and what the original lacks: headers, timestamp,
 * partition.
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
  /** Chosen by the partitioner by default. */
  readonly partition?: number | undefined
}

const nowhere = {} as KeyOrTopic

/** A wrong argument gives a message without a topic, which the producer rejects by name. */
export const messageOf = (keyOrTopic: KeyOrTopic, value: RecordData | null): Message => {
  const { topic, key, headers, timestamp, partition } = keyOrTopic ?? nowhere
  // The usual message is small, and made often.
  if (headers === undefined && timestamp === undefined && partition === undefined) {
    return { topic, key, value }
  }
  return { topic, key, value, headers, timestamp, partition }
}
