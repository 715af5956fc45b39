// selectSerializer: several types of values in one topic. A function of the caller selects the
// serializer of each value, from this package or any other. It keeps no state. Callers:
// applications.

import type { Serializer, SerializerContext } from 'millrace'
import { typeError } from './client/registry-text.ts'
import { shown } from './values/field-path.ts'

/**
 * Combines several serializers: `select` returns the name of the serializer for a value.
 *
 * @example
 * selectSerializer<Event>((event) => event.kind, { placed: avroSerializer(…), paid: … })
 */
export const selectSerializer = <Value>(
  select: (value: Value, context: SerializerContext) => string,
  // biome-ignore lint/suspicious/noExplicitAny: each serializer takes a type of its own
  serializers: Readonly<Record<string, Serializer<any>>>,
): Serializer<Value> => {
  const byName = new Map(Object.entries(serializers))
  const names = [...byName.keys()].join(', ')
  return (value, context) => {
    const name = select(value, context)
    const serializer = byName.get(name)
    if (serializer !== undefined) return serializer(value, context)
    throw typeError(`the serializer must be one of ${names}, got ${shown(name)}`)
  }
}
