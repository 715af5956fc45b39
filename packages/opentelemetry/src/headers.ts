// The context of a trace on its way through a record's headers. What the user gave is never
// changed: where something is added, the record gets headers of its own.

import { type Context, propagation, type TextMapSetter } from '@opentelemetry/api'
import type { Headers } from 'millrace'

type Carrier = Record<string, string>

const setter: TextMapSetter<Carrier> = {
  set: (carrier, key, value) => {
    carrier[key] = value
  },
}

const isPairs = (headers: Headers): headers is readonly (readonly [string, never])[] =>
  Array.isArray(headers)

/**
 * The headers with the context in them; those of an older context, which come with records that are
 * passed on, are replaced. The same headers where there is nothing to add.
 */
export const inject = (context: Context, headers: Headers | undefined): Headers | undefined => {
  const carrier: Carrier = {}
  propagation.inject(context, carrier, setter)
  const names = Object.keys(carrier)
  if (names.length === 0) return headers
  if (headers === undefined) return carrier
  if (!isPairs(headers)) return { ...headers, ...carrier }
  const others = headers.filter(([name]) => !Object.hasOwn(carrier, name))
  return [...others, ...Object.entries(carrier)]
}
