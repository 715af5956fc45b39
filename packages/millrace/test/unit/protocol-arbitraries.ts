// Values of a message, made from its schema: every field that the version has is random, the others
// have their defaults, so that what is decoded must equal what was encoded.

import fc from 'fast-check'
import type { FieldSchema, MessageSchema } from '../../src/protocol/schema/message.ts'
import { propertyName, zeroUuid } from '../../src/protocol/schema/message.ts'
import { holdsVersion, parseVersionRange } from '../../src/protocol/schema/version-range.ts'

const has = (text: string | undefined, version: number): boolean =>
  text !== undefined && holdsVersion(parseVersionRange(text), version)

const primitives: Record<string, fc.Arbitrary<unknown>> = {
  bool: fc.boolean(),
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  uint16: fc.integer({ min: 0, max: 65535 }),
  int32: fc.integer(),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  int64: fc.maxSafeInteger(),
  float64: fc.double(),
  string: fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: 'grapheme', maxLength: 10 })),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  bytes: fc.uint8Array({ maxLength: 40 }),
  records: fc.uint8Array({ maxLength: 40 }),
}

/** Any int64: a bigint where a number can't hold it. */
const producerId = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .map((id) => (Number.isSafeInteger(Number(id)) ? Number(id) : id))

/**
 * The value that a field has where it is omitted, computed here anew and not by the code under
 * test.
 */
export const defaultOf = (field: FieldSchema): unknown => {
  if (field.default !== undefined) return field.default
  if (field.type.startsWith('[]')) return []
  switch (field.type) {
    case 'bool':
      return false
    case 'string':
      return ''
    case 'uuid':
      return zeroUuid
    case 'bytes':
      return new Uint8Array(0)
    case 'records':
      return null
    default:
      return field.fields === undefined ? 0 : structDefault(field.fields)
  }
}

export const structDefault = (fields: readonly FieldSchema[]): Record<string, unknown> =>
  Object.fromEntries(fields.map((field) => [propertyName(field.name), defaultOf(field)]))

const typeArbitrary = (
  type: string,
  field: FieldSchema,
  version: number,
): fc.Arbitrary<unknown> => {
  if (type.startsWith('[]')) {
    return fc.array(typeArbitrary(type.slice(2), field, version), { maxLength: 3 })
  }
  if (field.entityType === 'producerId') return fc.oneof(fc.maxSafeInteger(), producerId)
  return primitives[type] ?? structArbitrary(field.fields ?? [], version)
}

const fieldArbitrary = (field: FieldSchema, version: number): fc.Arbitrary<unknown> => {
  if (!has(field.versions, version)) {
    return fc.constant(defaultOf(field))
  }
  const value = typeArbitrary(field.type, field, version)
  const nullable = has(field.nullableVersions, version)
  const orNull = nullable ? fc.option(value, { freq: 4 }) : value
  // The default deserves a turn: a tagged field is not written then.
  return has(field.taggedVersions, version)
    ? fc.oneof(orNull, fc.constant(defaultOf(field)))
    : orNull
}

const structArbitrary = (
  fields: readonly FieldSchema[],
  version: number,
): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(
    Object.fromEntries(
      fields.map((field) => [propertyName(field.name), fieldArbitrary(field, version)]),
    ),
    { noNullPrototype: true },
  )

/** A whole message of one version. */
export const messageArbitrary = (
  schema: MessageSchema,
  version: number,
): fc.Arbitrary<Record<string, unknown>> => structArbitrary(schema.fields, version)
