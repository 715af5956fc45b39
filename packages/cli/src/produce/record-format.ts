// What a record of the input is made into: by default its bytes are the value as they are. The
// record that comes back is used at once and not kept, so one object serves for all.

import type { ProducerRecord, RecordData, RecordHeaders } from 'millrace'

/** A record that may be filled anew. */
export interface DraftRecord {
  topic: string
  key: RecordData | null
  value: RecordData | null
  headers: RecordHeaders | undefined
  partition: number | undefined
  timestamp: number | undefined
}

/** Makes a record of bytes; null = nothing to send (a blank line). Throws a LineError. */
export type RecordFormat = (bytes: Uint8Array) => ProducerRecord | null

/** The same bytes with the methods of a Buffer. */
export const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength)

/** What the command line says of all records. */
export interface RecordDefaults {
  readonly topic: string
  readonly key: string | null
  readonly headers: readonly (readonly [key: string, value: string])[]
  readonly partition: number | undefined
}

export const draftOf = ({ topic, key, headers, partition }: RecordDefaults): DraftRecord => ({
  topic,
  key,
  value: null,
  headers: headers.length === 0 ? undefined : headers,
  partition,
  timestamp: undefined,
})

export interface LineFormatOptions {
  readonly keyDelimiter: Buffer | undefined
  /** A value (or key) of exactly these bytes is null. */
  readonly nullMarker: Buffer | undefined
}

/** The bytes are the value; with a key delimiter, what stands before the first one is the key. */
export const lineFormat = (
  defaults: RecordDefaults,
  { keyDelimiter, nullMarker }: LineFormatOptions,
): RecordFormat => {
  const record = draftOf(defaults)
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
