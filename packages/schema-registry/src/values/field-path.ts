// Shared by the converters of all formats: the path of the current field, rejections that name it,
// and access to the fields of an object. A value whose content is not in fields (a Date, a Map, an
// instance without fields) must be rejected, not written as an empty record. Callers: values/ and
// formats/.

import { types } from 'node:util'
import { printableText } from 'millrace'
import { typeError } from '../client/registry-text.ts'

/**
 * The names from the value to the current field. A converter pushes before it descends, and pops.
 */
export type FieldPath = (string | number)[]

/** Checks a value and converts it to the form that the format's library writes. */
export type Convert = (value: unknown, path: FieldPath) => unknown

/** The depth at which values that refer to themselves are rejected. */
const depthMax = 100

const shownMax = 60

/** A longer path would leave no space for the rest of the message. */
const placeMax = 500

const cut = (text: string): string =>
  printableText(text.length > shownMax ? `${text.slice(0, shownMax)}…` : text)

const classOf = (value: object): string => {
  const made = Object.getPrototypeOf(value)?.constructor
  return typeof made === 'function' && made.name !== '' ? made.name : 'object'
}

/** A value in an error message: short, without control characters. */
export const shown = (value: unknown): string => {
  if (typeof value === 'string') return cut(JSON.stringify(value.slice(0, shownMax + 1)))
  if (typeof value === 'bigint') return cut(`${value}n`)
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : `${value}`
  if (Array.isArray(value)) return `an array of ${value.length}`
  const name = classOf(value)
  return name === 'Object' || name === 'object' ? 'an object' : cut(`an instance of ${name}`)
}

export const placeOf = (path: FieldPath): string =>
  path.length === 0 ? 'the value' : printableText(path.join('.'), placeMax)

/** Throws `lines.0.sku must be a string, got 7`. */
export const reject = (path: FieldPath, expectation: string, value: unknown): never => {
  throw typeError(`${placeOf(path)} must be ${expectation}, got ${shown(value)}`)
}

/** Throws if the path is so long that the value most likely refers to itself. */
export const enter = (path: FieldPath, name: string | number): void => {
  if (path.length >= depthMax) {
    throw typeError(`${placeOf(path.slice(0, 5))}… must be nested at most ${depthMax} levels`)
  }
  path.push(name)
}

/** Objects whose content is not in fields: as a record they would be empty. */
const isExotic = (value: object): boolean =>
  Array.isArray(value) ||
  ArrayBuffer.isView(value) ||
  types.isAnyArrayBuffer(value) ||
  types.isDate(value) ||
  types.isRegExp(value) ||
  types.isMap(value) ||
  types.isSet(value) ||
  types.isWeakMap(value) ||
  types.isWeakSet(value) ||
  types.isPromise(value) ||
  types.isBoxedPrimitive(value)

/** A plain object, also of another JavaScript context. */
export const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Whether fields can be read from a value. */
export const isRecord = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== 'object' || value === null) return false
  // Fast path for most values: each check below is a call into C++.
  if (Object.getPrototypeOf(value) === Object.prototype) return true
  return !isExotic(value)
}

/** A field by name: an own property, or a getter of the class. Never one of Object.prototype. */
export const readField = (value: Record<string, unknown>, name: string): unknown => {
  if (Object.hasOwn(value, name)) return value[name]
  if (isPlain(value)) return undefined
  for (let owner = Object.getPrototypeOf(value); owner !== null; ) {
    const next = Object.getPrototypeOf(owner)
    if (next !== null && Object.hasOwn(owner, name) && name !== 'constructor') return value[name]
    owner = next
  }
  return undefined
}

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(same, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row.at(-1)!
}

const simple = (name: string): string => name.replaceAll(/[_-]/g, '').toLowerCase()

const nearest = (name: string, names: readonly string[]): string | undefined => {
  if (name.length > 100) return undefined
  const near = names.map((one) => [distance(simple(name), simple(one)), one] as const)
  const [best] = near.sort(([a], [b]) => a - b)
  return best !== undefined && best[0] <= 2 ? best[1] : undefined
}

/**
 * Throws if the value has a field that the schema does not have, or if an instance of a class has
 * no field of the schema: its content would be lost.
 */
export const checkFields = (
  value: Record<string, unknown>,
  schemaName: string,
  names: ReadonlyMap<string, unknown>,
  path: FieldPath,
  found: number,
): void => {
  // Faster than Object.keys, which creates an array for each record.
  for (const name in value) {
    if (names.has(name) || value[name] === undefined || !Object.hasOwn(value, name)) continue
    const near = nearest(name, [...names.keys()])
    const hint = near === undefined ? '' : `. Did you mean ${JSON.stringify(near)}?`
    const place = path.length === 0 ? '' : `${placeOf(path)}: `
    throw typeError(`${place}${schemaName} has no field ${cut(JSON.stringify(name))}${hint}`)
  }
  if (found === 0 && names.size > 0 && !isPlain(value)) {
    reject(path, `an object with the fields of ${schemaName}`, value)
  }
}

/** Creates an empty object for these fields, without a prototype if one is named `__proto__`. */
export const emptyFor = (names: ReadonlyMap<string, unknown>): (() => Record<string, unknown>) =>
  names.has('__proto__') ? () => Object.create(null) : () => ({})

/** Converts the items of a list, with the index of each in the path. */
export const convertItems = (
  items: ArrayLike<unknown>,
  convert: Convert,
  path: FieldPath,
): unknown[] => {
  const converted = new Array<unknown>(items.length)
  for (let index = 0; index < items.length; index++) {
    enter(path, index)
    converted[index] = convert(items[index], path)
    path.pop()
  }
  return converted
}

/** Bytes as a Buffer; undefined for anything else. */
export const bytesOf = (value: unknown): Buffer | undefined => {
  if (Buffer.isBuffer(value)) return value
  if (types.isUint8Array(value)) {
    const { buffer, byteOffset, byteLength } = value as Uint8Array
    return Buffer.from(buffer, byteOffset, byteLength)
  }
  return types.isAnyArrayBuffer(value) ? Buffer.from(value as ArrayBuffer) : undefined
}

/** Text that UTF-8 can encode. */
export const textOf: Convert = (value, path) => {
  if (typeof value !== 'string') return reject(path, 'a string', value)
  // Available in Node since 20, but not declared in TypeScript's library for ES2023.
  const isWellFormed = (value as string & { isWellFormed(): boolean }).isWellFormed()
  return isWellFormed ? value : reject(path, 'text without lone surrogates', value)
}

/** An integer within bounds, from a number, a bigint, decimal text, or a Long. */
export const wholeNumber = (value: unknown): bigint | undefined => {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
  if (typeof value === 'string') return /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined
  const { low, high, unsigned } = (value ?? {}) as Record<string, unknown>
  if (typeof value !== 'object' || !Number.isInteger(low) || !Number.isInteger(high)) return
  const whole = (BigInt(high as number) << 32n) | BigInt((low as number) >>> 0)
  return unsigned === true ? BigInt.asUintN(64, whole) : BigInt.asIntN(64, whole)
}
