// Converts a value that was read to JSON values: decimal text for bigints, ISO 8601 text for Dates,
// base64 for bytes, and names for numbers that JSON does not have. Caller: schema-deserializer.ts,
// for the option `output: 'json'`.

import { types } from 'node:util'
import { bytesOf } from './field-path.ts'

export const toJsonForm = (value: unknown): unknown => {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object' || value === null) return value
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  const bytes = bytesOf(value)
  if (bytes !== undefined) return bytes.toString('base64')
  if (Array.isArray(value)) return value.map(toJsonForm)
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, toJsonForm(one)]))
}
