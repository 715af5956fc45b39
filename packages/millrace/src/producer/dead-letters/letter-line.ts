// Owns the JSON line of a failed record. Caller: FileTarget. Invariant: `millrace produce` can read
// the line.

import { isUtf8 } from 'node:buffer'
import type { FailedRecord } from '../../engine/engine.ts'
import type { KafkaError } from '../../protocol/kafka-error.ts'
import { decodeRecord } from '../decoded-record.ts'

const bufferOf = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** `{ key: 'text' }`, `{ keyBase64: '…' }` or `{ key: null }`. */
const dataField = (name: string, data: Uint8Array | null): object => {
  if (data === null) return { [name]: null }
  const bytes = bufferOf(data)
  return isUtf8(bytes)
    ? { [name]: bytes.toString('utf8') }
    : { [`${name}Base64`]: bytes.toString('base64') }
}

const headerField = (data: Uint8Array | null): unknown => {
  if (data === null) return null
  const bytes = bufferOf(data)
  return isUtf8(bytes) ? bytes.toString('utf8') : { base64: bytes.toString('base64') }
}

/** The record and its error as one line. */
export const letterLine = (record: FailedRecord, error: KafkaError): string => {
  const {
    topic,
    key,
    value,
    headers = [],
    partition,
    timestamp,
  } = decodeRecord(record, 'dead letter', record.topic)
  const { code, persisted, message, kind, brokerError, attempts } = error
  const letter = {
    topic,
    ...(key === null ? {} : dataField('key', key)),
    ...dataField('value', value),
    ...(headers.length === 0
      ? {}
      : { headers: headers.map(([name, data]) => [name, headerField(data)]) }),
    ...(partition === undefined ? {} : { partition }),
    timestamp,
    error: { code, persisted, message, kind, brokerError, attempts },
  }
  return `${JSON.stringify(letter)}\n`
}
