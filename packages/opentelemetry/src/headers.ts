// The context of a trace on its way through a record's headers. What the user gave is never
// changed: where something is added, the record gets headers of its own.

import { type Context, propagation, type TextMapSetter } from '@opentelemetry/api'
import type { RecordHeaders } from 'millrace'

type Pair = readonly [name: string, value: Uint8Array]

/** What a context adds to headers: the same for each record that comes with it. */
export type Carrier = readonly Pair[]

/** Bytes, made once for all records of a context: strings would be encoded again for each. */
const setter: TextMapSetter<Pair[]> = {
  set: (carrier, name, value) => {
    carrier.push([name, Buffer.from(value)])
  },
}

const isPairs = (headers: RecordHeaders): headers is readonly (readonly [string, never])[] =>
  Array.isArray(headers)

/** null = the context adds nothing. */
export const carrierOf = (context: Context): Carrier | null => {
  const carrier: Pair[] = []
  propagation.inject(context, carrier, setter)
  return carrier.length === 0 ? null : carrier
}

/** Remembers the last context: many records come with the same one. */
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
