// A record whose content is encoded as in a batch, as the user's own kind of record: key, value and
// headers are views of the bytes. Callers: the spool (SpoolFeeder, RecoveredBatches) and targets of
// dead letters.

import type { ProducerRecord } from '../engine/record.ts'
import { Reader } from '../protocol/bytes/reader.ts'

/** Key, value and headers as they are encoded in a batch, and what a batch says besides. */
export interface EncodedRecord {
  readonly topic: string
  /** -1 = none. */
  readonly partition: number
  readonly timestamp: number
  readonly content: Uint8Array
}

/** Headers as pairs: a name may repeat, and their order counts. */
export type HeaderPairs = readonly (readonly [name: string, value: Uint8Array | null])[]

/** A record with bytes of its own kind only. */
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

/** Throws MALFORMED_RESPONSE if the content is not a record's: `subject` of `source`. */
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
