// Converts a caller's value to protobufjs's value for a message, or rejects it with the field's
// path. protobufjs alone would write a Map or a Date as an empty value, truncate numbers, and drop
// unknown fields. The converters are made once per message type. Caller: formats/protobuf.ts.

import { types } from 'node:util'
import type { Enum, Field, MapField, Type } from 'protobufjs'
import {
  bytesOf,
  type Convert,
  checkFields,
  convertItems,
  emptyFor,
  enter,
  type FieldPath,
  isPlain,
  isRecord,
  readField,
  reject,
  textOf,
  wholeNumber,
} from './field-path.ts'
import { wellKnownForms } from './protobuf-well-known.ts'

const floatMax = 3.4028234663852886e38

const whole = (name: string, bits: number, isSigned: boolean): Convert => {
  const wrap = isSigned ? BigInt.asIntN : BigInt.asUintN
  const [min, max] = boundsOf(bits, isSigned)
  return (value, path) => {
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
      return (value as number) + 0
    }
    const number = wholeNumber(value)
    if (number !== undefined && wrap(bits, number) === number) return exact(number, !isSigned)
    const isUnsafe = bits === 64 && Number.isInteger(value) && !Number.isSafeInteger(value)
    return reject(path, isUnsafe ? `an ${name}, beyond ±2^53 a bigint` : `an ${name}`, value)
  }
}

/** The bounds of numbers that need no further check. */
const boundsOf = (bits: number, isSigned: boolean): readonly [min: number, max: number] => {
  const max = bits === 64 ? Number.MAX_SAFE_INTEGER : 2 ** (isSigned ? 31 : 32) - 1
  if (!isSigned) return [0, max]
  return [bits === 64 ? Number.MIN_SAFE_INTEGER : -(2 ** 31), max]
}

/** A number, or beyond 2^53 the two halves that protobufjs accepts. */
const exact = (value: bigint, unsigned: boolean): unknown => {
  const number = Number(value)
  if (Number.isSafeInteger(number)) return number
  const low = Number(BigInt.asIntN(32, value))
  return { low, high: Number(BigInt.asIntN(32, value >> 32n)), unsigned }
}

const numberOf = (name: string, isFloat: boolean): Convert => {
  return (value, path) => {
    if (typeof value !== 'number') return reject(path, `a ${name}`, value)
    const isTooLarge = isFloat && Number.isFinite(value) && Math.abs(value) > floatMax
    return isTooLarge ? reject(path, `a ${name} of 32 bits`, value) : value
  }
}

const scalars: ReadonlyMap<string, Convert> = new Map([
  ...['int32', 'sint32', 'sfixed32'].map((name) => [name, whole(name, 32, true)] as const),
  ...['uint32', 'fixed32'].map((name) => [name, whole(name, 32, false)] as const),
  ...['int64', 'sint64', 'sfixed64'].map((name) => [name, whole(name, 64, true)] as const),
  ...['uint64', 'fixed64'].map((name) => [name, whole(name, 64, false)] as const),
  ['float', numberOf('float', true)],
  ['double', numberOf('double', false)],
  ['bool', (value, path) => (typeof value === 'boolean' ? value : reject(path, 'a bool', value))],
  ['string', textOf],
  ['bytes', (value, path) => bytesOf(value) ?? reject(path, 'bytes (a Uint8Array)', value)],
])

const enumOf = (type: Enum): Convert => {
  const { values, name } = type
  const isClosed =
    (type as { _features?: { enum_type?: string } })._features?.enum_type === 'CLOSED'
  const numbers = new Set(Object.values(values))
  const names = Object.keys(values).slice(0, 20).join(', ')
  return (value, path) => {
    if (typeof value === 'string' && Object.hasOwn(values, value)) return values[value]
    const isNumber = Number.isInteger(value) && (value as number) === ((value as number) | 0)
    if (isNumber && (!isClosed || numbers.has(value as number))) return value
    return reject(path, `a ${name} (${names})`, value)
  }
}

interface FieldPlan {
  readonly name: string
  readonly convert: Convert
  readonly isRequired: boolean
  /** The name of the oneof that contains it. */
  readonly oneof: string | undefined
}

type Is = (one: unknown) => one is Type

/** Creates the converters of messages, once per type, because messages may refer to themselves. */
export class ProtobufConverters {
  readonly #made = new Map<Type, Convert>()
  readonly #isMessage: Is

  constructor(isMessage: Is) {
    this.#isMessage = isMessage
  }

  of(type: Type): Convert {
    const made = this.#made.get(type)
    if (made !== undefined) return made
    let convert: Convert | undefined
    this.#made.set(type, (value, path) => convert!(value, path))
    const message = this.#message(type)
    const form = wellKnownForms.get(type.fullName)
    convert = form === undefined ? message : (value, path) => message(form(value, path), path)
    this.#made.set(type, convert)
    return convert
  }

  #message(type: Type): Convert {
    const plans = type.fieldsArray.map((field) => this.#plan(field))
    const names = new Map(plans.map((plan) => [plan.name, plan]))
    const name = type.fullName.slice(1)
    const empty = emptyFor(names)
    return (value, path) => {
      if (!isRecord(value)) return reject(path, `an object with the fields of ${name}`, value)
      const converted = empty()
      let found = 0
      for (const plan of plans) {
        const content = readField(value, plan.name)
        if (content === undefined || content === null) {
          if (plan.isRequired) reject([...path, plan.name], 'set: it is required', content)
          continue
        }
        found++
        enter(path, plan.name)
        converted[plan.name] = plan.convert(content, path)
        path.pop()
        if (plan.oneof !== undefined) checkOneof(plan, names, converted, path)
      }
      checkFields(value, name, names, path, found)
      return converted
    }
  }

  #plan(field: Field): FieldPlan {
    field.resolve()
    const single = this.#single(field)
    const convert = field.map
      ? mapOf(scalars.get((field as unknown as MapField).keyType)!, single)
      : field.repeated
        ? listOf(single)
        : single
    const { partOf } = field
    const oneof = partOf !== null && partOf.oneof.length > 1 ? partOf.name : undefined
    return { name: field.name, convert, isRequired: field.required, oneof }
  }

  #single(field: Field): Convert {
    const { resolvedType, type } = field
    if (resolvedType === null) return scalars.get(type)!
    return this.#isMessage(resolvedType) ? this.of(resolvedType) : enumOf(resolvedType as Enum)
  }
}

const checkOneof = (
  { name, oneof }: FieldPlan,
  names: ReadonlyMap<string, FieldPlan>,
  converted: object,
  path: FieldPath,
): void => {
  const set = Object.keys(converted).filter((one) => names.get(one)?.oneof === oneof)
  if (set.length < 2) return
  reject([...path, oneof!], `one field only (${set.join(', ')} are set)`, name)
}

const listOf =
  (convert: Convert): Convert =>
  (value, path) => {
    if (Array.isArray(value)) return convertItems(value, convert, path)
    const isList = types.isSet(value) || types.isTypedArray(value)
    if (!isList) return reject(path, 'an array', value)
    return convertItems(Array.from(value as Iterable<unknown>), convert, path)
  }

/** Keys of an object are text; numbers and booleans are parsed from it. */
const keyOf = (key: unknown): unknown => (key === 'true' ? true : key === 'false' ? false : key)

const mapOf =
  (convertKey: Convert, convert: Convert): Convert =>
  (value, path) => {
    const isMap = types.isMap(value)
    if (!isMap && !isRecord(value)) return reject(path, 'a Map or an object', value)
    const entries = isMap ? [...value] : Object.entries(value)
    if (entries.length === 0 && !isMap && !isPlain(value)) {
      return reject(path, 'a Map or an object', value)
    }
    const converted: Record<string, unknown> = Object.create(null)
    for (const [key, content] of entries) {
      enter(path, String(key))
      const checkedKey = convertKey(convertKey === scalars.get('bool') ? keyOf(key) : key, path)
      const name =
        typeof checkedKey === 'object' ? String(wholeNumber(checkedKey)) : `${checkedKey}`
      converted[name] = convert(content, path)
      path.pop()
    }
    return converted
  }
