// Owns the decoding of a batch-encoded record into a ProducerRecord. Callers: the spool
// (SpoolFeeder, RecoveredBatches, inspection) and the targets of dead letters. Invariant: key,
// value and headers are views of the bytes.

import type { ProducerRecord } from '../engine/record.ts'
import { Reader } from '../protocol/bytes/reader.ts'

/**
 * Key, value and headers in the encoding of a batch, with the fields that are stored separately.
 */
export interface EncodedRecord {
  readonly topic: string
  /** -1 = none. */
  readonly partition: number
  readonly timestamp: number
  readonly content: Uint8Array
}

/** Headers as pairs: a name may occur several times, and the order matters. */
export type HeaderPairs = readonly (readonly [name: string, value: Uint8Array | null])[]

/** A record whose data are bytes only. */
export interface DecodedRecord extends ProducerRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: HeaderPairs
  readonly timestamp: number
}

const readBytes = (reader: Reader): Uint8Array | null => {
  const length = reader.readVarint()
  return length < 0 ? null : reader.readView(length)
}

/** Throws MALFORMED_RESPONSE if the content is not a record: `subject` of `source`. */
export const decodeRecord = (
  { topic, partition, timestamp, content }: EncodedRecord,
  source: string,
  subject: string,
): DecodedRecord => {
  const reader = new Reader(content)
  reader.setSubject(source, subject)
  const key = readBytes(reader)
  const value = readBytes(reader)
  const count = reader.readVarint()
  const headers: [string, Uint8Array | null][] = []
  for (let index = 0; index < count; index++) {
    const name = Buffer.from(readBytes(reader) ?? []).toString()
    headers.push([name, readBytes(reader)])
  }
  return {
    topic,
    key,
    value,
    timestamp,
    ...(count === 0 ? {} : { headers }),
    ...(partition < 0 ? {} : { partition }),
  }
}
