// Values that were read, in a form that JSON can hold: decimal text for bigints, ISO 8601 for
// Dates, base64 for bytes, names for numbers that JSON lacks. Used by the deserializer for tools.

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
