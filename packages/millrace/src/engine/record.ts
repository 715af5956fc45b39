// What goes into the engine and what comes out: the record, its settlement, its place in the log.

import type { KafkaError } from '../protocol/kafka-error.ts'

/** Bytes, or a string that is sent as UTF-8. */
export type Data = string | Uint8Array

/** The value of a header: bytes, text, null, or `undefined` = the header is left out. */
export type HeaderValue = Data | null | undefined

/**
 * Headers of a record, in order. An object (an array value repeats the key) or an array of pairs.
 * A value of `null` is sent as null; `undefined` leaves the header out.
 */
export type Headers =
  | Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>
  | readonly (readonly [key: string, value: HeaderValue])[]

/** One record to send. */
export interface ProducerRecord {
  /** The topic to write to: 1 to 249 of the characters `a-z A-Z 0-9 . _ -`. */
  readonly topic: string
  /** `undefined` and `null` = no key; `''` is an empty key. */
  readonly key?: Data | null | undefined
  /** `null` = a tombstone. */
  readonly value: Data | null
  /** None by default. */
  readonly headers?: Headers | undefined
  /** Milliseconds since the epoch; the time of the call by default. */
  readonly timestamp?: number | undefined
  /** Chosen by the partitioner by default. */
  readonly partition?: number | undefined
}

/** Where a delivered record is. */
export interface RecordMetadata {
  /** The topic that was written to. */
  readonly topic: string
  /** The partition that was written to. */
  readonly partition: number
  /** -1 where the broker does not say: acks 0, or the answer to a duplicate. */
  readonly offset: number
  /** The record's timestamp, or the broker's where the topic uses LogAppendTime. */
  readonly timestamp: number
  /** Size of the key in bytes; -1 = no key. */
  readonly keyBytes: number
  /** Size of the value in bytes; -1 = null. */
  readonly valueBytes: number
}

/** Told once how a record ended: an error, or where it is. */
export type SettleCallback = (error: KafkaError | null, metadata: RecordMetadata | null) => void

/** An object that is told instead: one for many records costs nothing per record. */
export interface Settler {
  /** Bytes that wait with a record for its result, besides the record: counted as buffer memory. */
  readonly heldBytes: number
  /** `tag` is what the record was appended with. */
  settled(tag: number, error: KafkaError | null, metadata: RecordMetadata | null): void
}

export type Settle = SettleCallback | Settler

/** A callback, its surroundings, and the metadata that it is told, in bytes (about). */
const callbackBytes = 240

export const heldBytesOf = (settle: Settle | null): number =>
  settle === null ? 0 : typeof settle === 'function' ? callbackBytes : settle.heldBytes
