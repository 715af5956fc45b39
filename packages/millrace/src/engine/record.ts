// Owns the types of a record, of its metadata after delivery, and of its settle (the result
// receiver). Callers: producer/ and all of engine/. Invariant: these types are part of the public
// API.

import type { KafkaError } from '../protocol/kafka-error.ts'

/** Bytes, or a string that is sent as UTF-8. */
export type RecordData = string | Uint8Array

/** The value of a header: bytes, text, null, or `undefined` = the header is skipped. */
export type HeaderValue = RecordData | null | undefined

/**
 * Headers of a record, in order. An object (an array value repeats the key) or an array of pairs.
 * A value of `null` is sent as null; `undefined` skips the header.
 */
export type RecordHeaders =
  | Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>
  | readonly (readonly [key: string, value: HeaderValue])[]

/** One record to send. */
export interface ProducerRecord {
  /** The topic to write to: 1 to 249 of the characters `a-z A-Z 0-9 . _ -`. */
  readonly topic: string
  /** Chooses the partition; `undefined` and `null` = no key, `''` is an empty key. */
  readonly key?: RecordData | null | undefined
  /** The content of the record; `null` = a tombstone. */
  readonly value: RecordData | null
  /** The headers of the record, in order; none by default. */
  readonly headers?: RecordHeaders | undefined
  /** Milliseconds since the epoch; the time of the call by default. */
  readonly timestamp?: number | undefined
  /** The number of the partition; by default the partitioner chooses it. */
  readonly partition?: number | undefined
}

/** The position of a delivered record. */
export interface RecordMetadata {
  /** The topic that was written to. */
  readonly topic: string
  /** The partition that was written to. */
  readonly partition: number
  /** The offset; -1 = the broker did not return it: acks 0, or a duplicate. */
  readonly offset: number
  /** The record's timestamp, or the broker's if the topic uses LogAppendTime. */
  readonly timestamp: number
  /** Size of the key in bytes; -1 = no key. */
  readonly keyBytes: number
  /** Size of the value in bytes; -1 = null. */
  readonly valueBytes: number
}

/** Called once with the result of a record: an error, or its metadata. */
export type SettleCallback = (error: KafkaError | null, metadata: RecordMetadata | null) => void

/** An object in place of a callback: one object for many records needs no memory per record. */
export interface Settler {
  /**
   * Bytes that wait with a record for its result, in addition to the record: they count as buffer
   * memory.
   */
  readonly heldBytes: number
  /**
   * `tag` is the tag that the record was appended with. `delivered` is valid during the call,
   * because the same object shows the next record.
   */
  settled(tag: number, error: KafkaError | null, delivered: DeliveredRecord | null): void
}

/** The fields of a record's metadata, without an object for each record. */
export interface DeliveredRecord {
  /** One object for all records of a batch. */
  readonly place: TopicPartition
  readonly offset: number
  readonly timestamp: number
  readonly keyBytes: number
  readonly valueBytes: number
  /** Creates the metadata object, which stays valid. */
  toMetadata(): RecordMetadata
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export type Settle = SettleCallback | Settler

/** The approximate size of a callback, its closure and its metadata, in bytes. */
const callbackBytes = 240

/** Calls the settle with the result of a record; returns the return value of a callback. */
export const callSettle = (
  settle: Settle,
  tag: number,
  error: KafkaError | null,
  delivered: DeliveredRecord | null,
): unknown => {
  if (typeof settle !== 'function') {
    settle.settled(tag, error, delivered)
    return undefined
  }
  return settle(error, delivered === null ? null : delivered.toMetadata())
}

export const heldBytesOf = (settle: Settle | null): number =>
  settle === null ? 0 : typeof settle === 'function' ? callbackBytes : settle.heldBytes
