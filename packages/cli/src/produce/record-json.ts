// Converts the parts of a record to JSON fields: text if the bytes are UTF-8, otherwise base64, so
// that every byte is preserved. json-format.ts must be able to read this form. Callers:
// dead-letter.ts, tail/record-writer.ts, and spool-command.ts.

import { isUtf8 } from 'node:buffer'

type RecordBytes = string | Uint8Array | null

const bytesOf = (data: string | Uint8Array): Buffer =>
  typeof data === 'string'
    ? Buffer.from(data)
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength)

/** `{ key: 'text' }`, `{ keyBase64: '…' }` or `{ key: null }`; `{}` if the data is undefined. */
export const dataField = (name: string, data: RecordBytes | undefined): object => {
  if (data === undefined) return {}
  if (data === null) return { [name]: null }
  const bytes = bytesOf(data)
  return isUtf8(bytes)
    ? { [name]: bytes.toString('utf8') }
    : { [`${name}Base64`]: bytes.toString('base64') }
}

const headerField = (data: RecordBytes): unknown => {
  if (data === null) return null
  const bytes = bytesOf(data)
  return isUtf8(bytes) ? bytes.toString('utf8') : { base64: bytes.toString('base64') }
}

/** Headers as pairs, because names may repeat and their order matters. */
export const headersField = (
  headers: readonly (readonly [name: string, value: RecordBytes])[],
): object => ({ headers: headers.map(([name, value]) => [name, headerField(value)]) })
