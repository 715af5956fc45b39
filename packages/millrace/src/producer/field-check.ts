// Owns the check of an object that a caller passes as an argument: it is read once, and a
// misspelled field is rejected, because it would change what the call does. Callers: Producer's
// purge and streams, Admin, the layers. Invariant: what cannot be read is an error of the call, not
// the error of a getter or a proxy.

import { type ErrorCode, KafkaError } from '../protocol/kafka-error.ts'
import { nearestName } from '../runtime/nearest-name.ts'
import { ownFields } from '../runtime/own-fields.ts'
import { describeValue, messageOf } from '../runtime/value-kinds.ts'

const unknownField = (what: string, name: string, names: readonly string[]): KafkaError => {
  const nearest = nearestName(name, names)
  const kind = what === 'options' ? 'option' : 'field'
  const hint =
    nearest === undefined ? `the ${kind}s are ${names.join(', ')}` : `did you mean "${nearest}"?`
  const which = what === 'options' ? '' : ` of ${what}`
  const message = `Unknown ${kind} ${describeValue(name)}${which}: ${hint}`
  return new KafkaError('INVALID_ARGUMENT', message)
}

const notAnObject = (what: string, given: unknown): KafkaError =>
  new KafkaError('INVALID_ARGUMENT', `${what} must be an object, got ${describeValue(given)}`)

/**
 * The result of `read`, which reads what a caller passed as `what`. An error of a getter or of a
 * proxy becomes an error of the call; also `Array.isArray` throws for a revoked proxy.
 */
export const readArgument = <Value>(
  what: string,
  read: () => Value,
  code: ErrorCode = 'INVALID_ARGUMENT',
): Value => {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof KafkaError) throw cause
    throw new KafkaError(code, `${what} could not be read: ${messageOf(cause)}`, { cause })
  }
}

/** An object whose own fields can be read; it may have more fields than the caller uses. */
export const checkReadable = <Value extends object>(what: string, given: Value): Value => {
  if (typeof given !== 'object' || given === null) throw notAnObject(what, given)
  return readArgument(what, () => ({ ...given }))
}

/**
 * A copy of the object's fields. Throws INVALID_ARGUMENT if it is not an object, cannot be read, or
 * has a field that is not in `names`. `what` is the subject of the message.
 */
export const checkFields = <Value extends object>(
  what: string,
  given: Value,
  names: readonly (keyof Value & string)[],
): Value => {
  if (typeof given !== 'object' || given === null) throw notAnObject(what, given)
  return readArgument(what, () => {
    const fields: Partial<Value> = {}
    const own = ownFields(given)
    const unknown = Object.keys(own).find((name) => !(names as readonly string[]).includes(name))
    if (unknown !== undefined) throw unknownField(what, unknown, names)
    for (const name of names) if (own[name] !== undefined) fields[name] = own[name]
    return fields as Value
  })
}
