// The plain forms of Protobuf's well-known types that callers may use in place of their messages: a
// Date for a Timestamp, and plain values for wrappers. Struct and Any have no plain form and must
// be given as messages. Caller: protobuf-value.ts.

import { types } from 'node:util'
import { type Convert, isRecord, reject } from './field-path.ts'

const timestamp: Convert = (value, path) => {
  if (!types.isDate(value)) return value
  const time = value.getTime()
  if (Number.isNaN(time)) return reject(path, 'a valid Date', value)
  const seconds = Math.floor(time / 1000)
  return { seconds, nanos: (time - seconds * 1000) * 1_000_000 }
}

/** Accepts `5` for `{ value: 5 }`. */
const wrapper: Convert = (value) => (isRecord(value) ? value : { value })

const wrapped = ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes']

/** By full name with a leading dot, as in protobufjs. */
export const wellKnownForms: ReadonlyMap<string, Convert> = new Map([
  ['.google.protobuf.Timestamp', timestamp],
  ...wrapped.map((name) => [`.google.protobuf.${name}Value`, wrapper] as const),
])
