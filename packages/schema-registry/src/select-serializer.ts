// Several types of values in one topic: a function says which serializer takes a value. Combines
// serializers of all kinds, this package's and others.

import type { Serializer, SerializerContext } from 'millrace'
import { shown } from './values/field-path.ts'

/**
 * Makes one serializer of several: `select` names the one that takes the value.
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
    throw new TypeError(`the serializer must be one of ${names}, got ${shown(name)}`)
  }
}
