// The context of a trace on its way through a record's headers. What the user gave is never
// changed: where something is added, the record gets headers of its own.

import { type Context, propagation, type TextMapSetter } from '@opentelemetry/api'
import type { Headers } from 'millrace'

export type Carrier = Record<string, string>

const setter: TextMapSetter<Carrier> = {
  set: (carrier, key, value) => {
    carrier[key] = value
  },
}

const isPairs = (headers: Headers): headers is readonly (readonly [string, never])[] =>
  Array.isArray(headers)

/** What a context adds to headers; null = nothing. */
const carrierOf = (context: Context): Carrier | null => {
  const carrier: Carrier = {}
  propagation.inject(context, carrier, setter)
  return Object.keys(carrier).length === 0 ? null : Object.freeze(carrier)
}

/** The last context that records came with: many come with the same one. */
export class CarrierCache {
  #context: Context | null = null
  #carrier: Carrier | null = null

  of(context: Context): Carrier | null {
    if (context !== this.#context) {
      this.#context = context
      this.#carrier = carrierOf(context)
    }
    return this.#carrier
  }
}

/**
 * The headers with the context's; those of an older context, which come with records that are
 * passed on, are replaced.
 */
export const addCarrier = (carrier: Carrier, headers: Headers | undefined): Headers => {
  if (headers === undefined) return carrier
  if (!isPairs(headers)) return { ...headers, ...carrier }
  const others = headers.filter(([name]) => !Object.hasOwn(carrier, name))
  return [...others, ...Object.entries(carrier)]
}

export const inject = (context: Context, headers: Headers | undefined): Headers | undefined => {
  const carrier = carrierOf(context)
  return carrier === null ? headers : addCarrier(carrier, headers)
}
