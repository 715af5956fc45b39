// The parts of a record as fields of JSON: text where the bytes are UTF-8, else base64, so that
// every byte comes back. json-format.ts reads this form; dead letters and `tail` write it.

import { isUtf8 } from 'node:buffer'

type RecordBytes = string | Uint8Array | null

const bytesOf = (data: string | Uint8Array): Buffer =>
  typeof data === 'string'
    ? Buffer.from(data)
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength)

/** `{ key: 'text' }`, `{ keyBase64: '…' }` or `{ key: null }`; nothing if there is none. */
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

/** As pairs: a name may repeat, and their order counts. */
export const headersField = (
  headers: readonly (readonly [name: string, value: RecordBytes])[],
): object => ({ headers: headers.map(([name, value]) => [name, headerField(value)]) })
