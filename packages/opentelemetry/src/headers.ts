// Injects the trace context into the headers of a record. The headers that the caller passed must
// not be changed: if the context adds headers, the record gets a new list. Callers:
// open-telemetry.ts and spans.ts.

import { type Context, propagation, type TextMapSetter } from '@opentelemetry/api'
import type { RecordHeaders } from 'millrace'

type Pair = readonly [name: string, value: Uint8Array]

/** The headers that a context adds, the same for each of its records. */
export type Carrier = readonly Pair[]

/** Stores values as bytes, once per context: strings would be encoded again for each record. */
const setter: TextMapSetter<Pair[]> = {
  set: (carrier, name, value) => {
    carrier.push([name, Buffer.from(value)])
  },
}

const isPairs = (headers: RecordHeaders): headers is readonly (readonly [string, never])[] =>
  Array.isArray(headers)

/** null = the context adds no headers. */
export const carrierOf = (context: Context): Carrier | null => {
  const carrier: Pair[] = []
  propagation.inject(context, carrier, setter)
  return carrier.length === 0 ? null : carrier
}

/** Caches the carrier of the last context, because many records have the same one. */
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
 * The record's headers with those of the context. Headers of an older context, such as those of a
 * forwarded record, are replaced.
 */
export const addCarrier = (
  carrier: Carrier | null,
  headers: RecordHeaders | undefined,
): RecordHeaders | undefined => {
  if (carrier === null) return headers
  if (headers === undefined) return carrier
  if (!isPairs(headers)) return { ...headers, ...Object.fromEntries(carrier) }
  const others = headers.filter(([name]) => carrier.every(([ours]) => ours !== name))
  return [...others, ...carrier]
}
