// Converts the bytes of an input record to a producer record; by default the bytes are the value.
// The returned object is reused for the next record, so the caller must not keep it. Callers:
// produce-command.ts, sending.ts, and json-format.ts.

import type { ProducerRecord, RecordData, RecordHeaders } from 'millrace'

/** A record object that is filled again for each input record. */
export interface ReusedRecord {
  topic: string
  key: RecordData | null
  value: RecordData | null
  headers: RecordHeaders | undefined
  partition: number | undefined
  timestamp: number | undefined
}

/** Returns a record, or null for a blank line. Throws a LineError. */
export type RecordFormat = (bytes: Uint8Array) => ProducerRecord | null

/** A Buffer that views the same bytes. */
export const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength)

/** The parts of a record that the command line sets for all records. */
export interface RecordDefaults {
  readonly topic: string
  readonly key: string | null
  readonly headers: readonly (readonly [key: string, value: string])[]
  readonly partition: number | undefined
}

export const reusedRecord = ({ topic, key, headers, partition }: RecordDefaults): ReusedRecord => ({
  topic,
  key,
  value: null,
  headers: headers.length === 0 ? undefined : headers,
  partition,
  timestamp: undefined,
})

export interface LineFormatOptions {
  readonly keyDelimiter: Buffer | undefined
  /** A value or a key with exactly these bytes is null. */
  readonly nullMarker: Buffer | undefined
}

/** The bytes are the value. With a key delimiter, the bytes before the first one are the key. */
export const lineFormat = (
  defaults: RecordDefaults,
  { keyDelimiter, nullMarker }: LineFormatOptions,
): RecordFormat => {
  const record = reusedRecord(defaults)
  const orNull = (bytes: Uint8Array): Uint8Array | null =>
    nullMarker?.equals(bytes) === true ? null : bytes
  if (keyDelimiter === undefined) {
    if (nullMarker === undefined) {
      return (bytes) => {
        record.value = bytes
        return record
      }
    }
    return (bytes) => {
      record.value = orNull(bytes)
      return record
    }
  }
  return (bytes) => {
    const end = bufferOf(bytes).indexOf(keyDelimiter)
    record.key = end < 0 ? defaults.key : orNull(bytes.subarray(0, end))
    record.value = orNull(end < 0 ? bytes : bytes.subarray(end + keyDelimiter.length))
    return record
  }
}
