// Converts a value to JSON text without loss: a Map becomes an object, a Set an array, a Date text,
// and a bigint keeps its digits. A value that JSON.stringify would empty or drop (a promise as
// `{}`, NaN as null, a function) is rejected with the field's path. It is public for adapters.
// Callers: serializers.ts, the JSON Schema serializer, the Nest adapter.

import { types } from 'node:util'
import { printableText } from '../runtime/printable-text.ts'
import { describeValue, isPromise } from '../runtime/value-kinds.ts'

/** Jackson reads as deep. */
const depthMax = 1000

/** A longer path would leave no space for the rest of the message. */
const pathLengthMax = 500

/** How deep the fast check goes; a value that contains itself gets to this depth. */
const plainDepthMax = 100

type ToJson = (key: string) => unknown

const toJsonOf = (value: object | bigint): ToJson | undefined => {
  const { toJSON } = value as { toJSON?: unknown }
  return typeof toJSON === 'function' ? (toJSON as ToJson) : undefined
}

const tagOf = Object.prototype.toString

/** Of the common primitive values; it is inlined, and a call for each would cost a fifth more. */
const isLosslessPrimitive = (value: unknown): boolean =>
  typeof value === 'string' ||
  value === null ||
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value))

/**
 * Whether JSON.stringify writes all of an object or array. It is called for each record, so it has
 * no path and creates nothing; `for` with `in` is faster than Object.keys. An instance counts as
 * plain if it has fields and no content apart from them.
 */
const isPlainObject = (value: object, depth: number): boolean => {
  if (depth > plainDepthMax) return false
  if (Array.isArray(value)) return isPlainArray(value, depth)
  const prototype = Object.getPrototypeOf(value)
  const isUsual = prototype === Object.prototype
  if (!isUsual) {
    if (prototype === Date.prototype) return !Number.isNaN((value as Date).getTime())
    if (prototype === null || tagOf.call(value) !== '[object Object]') return false
    if (toJsonOf(value) !== undefined) return false
  }
  let hasFields = isUsual
  for (const name in value) {
    hasFields = true
    const member = (value as Record<string, unknown>)[name]
    if (isLosslessPrimitive(member) || member === undefined) continue
    if (typeof member !== 'object' || !isPlainObject(member as object, depth + 1)) return false
  }
  return hasFields
}

const isPlainArray = (items: readonly unknown[], depth: number): boolean => {
  for (let index = 0; index < items.length; index++) {
    const item = items[index]
    if (isLosslessPrimitive(item)) continue
    if (typeof item !== 'object' || !isPlainObject(item as object, depth + 1)) return false
  }
  return true
}

const isPlainData = (value: unknown): boolean =>
  typeof value === 'object' && value !== null ? isPlainObject(value, 0) : isLosslessPrimitive(value)

/** No instance of a class, also in another JavaScript context. */
const isLiteral = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

class JsonConverter {
  /** The names from the value to the current field. */
  readonly #path: (string | number)[] = []
  /** The objects that contain the current field. */
  readonly #ancestors: object[] = []
  hasBigints = false

  convert(value: unknown, key: string): unknown {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value
      case 'number':
        return Number.isFinite(value) ? value : this.#reject('a finite number', value)
      case 'bigint':
        return this.#bigint(value, key)
      case 'object':
        return value === null ? null : this.#object(value, key)
      default:
        return this.#reject('JSON data', value)
    }
  }

  /** Programs give BigInt.prototype a `toJSON`, which JSON.stringify calls. */
  #bigint(value: bigint, key: string): unknown {
    const toJson = toJsonOf(value)
    if (toJson !== undefined) return Reflect.apply(toJson, value, [key])
    this.hasBigints = true
    return value
  }

  #object(value: object, key: string): unknown {
    if (this.#ancestors.includes(value)) return this.#reject('data without itself in it', value)
    this.#ancestors.push(value)
    const toJson = toJsonOf(value)
    // An invalid Date and the bytes of a Buffer are rejected, although both have a toJSON.
    const isSpecial = toJson === undefined || types.isDate(value) || ArrayBuffer.isView(value)
    const converted = isSpecial ? this.#form(value, key) : this.#byToJson(value, toJson, key)
    this.#ancestors.pop()
    return converted
  }

  /** As with JSON.stringify, a `toJSON` of the result is not called. */
  #byToJson(value: object, toJson: ToJson, key: string): unknown {
    const made: unknown = Reflect.apply(toJson, value, [key])
    return typeof made === 'object' && made !== null
      ? this.#form(made, key)
      : this.convert(made, key)
  }

  #form(value: object, key: string): unknown {
    if (Array.isArray(value)) return this.#array(value)
    // Fast path for most objects: each check of #instance is a call into C++.
    const isUsual = Object.getPrototypeOf(value) === Object.prototype
    return isUsual ? this.#members(value as Record<string, unknown>) : this.#instance(value, key)
  }

  /** Instances without members and without a JSON form are rejected. */
  #instance(value: object, key: string): unknown {
    if (types.isDate(value)) return this.#date(value, key)
    if (types.isBoxedPrimitive(value)) return this.convert(value.valueOf(), key)
    if (types.isSet(value)) return this.#array([...value])
    if (types.isMap(value)) return this.#map(value)
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return this.#binary(value)
    if (isPromise(value)) return this.#reject('JSON data (is an await missing?)', value)
    const isEmpty = Object.keys(value).length === 0 && !isLiteral(value)
    return isEmpty
      ? this.#reject('JSON data', value)
      : this.#members(value as Record<string, unknown>)
  }

  #date(value: Date, key: string): unknown {
    if (Number.isNaN(value.getTime())) return this.#reject('a valid Date', value)
    return toJsonOf(value) === undefined ? value.toISOString() : value.toJSON(key)
  }

  /** Numbers become an array. Bytes have no usual form in JSON. */
  #binary(value: object): unknown {
    if (types.isTypedArray(value) && !types.isUint8Array(value)) {
      return this.#array(Array.from<unknown>(value))
    }
    return this.#reject('JSON data (bytes have to be encoded as text)', value)
  }

  /** Returns the array itself if no item has to be converted. */
  #array(items: readonly unknown[]): readonly unknown[] {
    let converted: unknown[] | null = null
    for (let index = 0; index < items.length; index++) {
      this.#enter(index)
      const item = this.convert(items[index], String(index))
      this.#path.pop()
      if (converted === null && item !== items[index]) converted = items.slice(0, index)
      converted?.push(item)
    }
    return converted ?? items
  }

  #map(value: Map<unknown, unknown>): object {
    const entries = [...value].map(([key, content]): [string, unknown] => {
      if (typeof key === 'string' || typeof key === 'number') return [String(key), content]
      const got = describeValue(key)
      throw new TypeError(`the keys of ${this.#place()} must be text, got ${got}`)
    })
    return this.#members(Object.fromEntries(entries))
  }

  /**
   * Returns the object itself if no member has to be converted. Members that are undefined are
   * omitted, as JSON.stringify does, and so is a `toJSON` of what a `toJSON` returned.
   */
  #members(from: Record<string, unknown>): object {
    const entries: [name: string, content: unknown][] = []
    const hasToJson = toJsonOf(from) !== undefined
    let isSame = !hasToJson
    for (const name of Object.keys(from)) {
      const content = from[name]
      if (content === undefined || (hasToJson && name === 'toJSON')) {
        isSame = false
        continue
      }
      this.#enter(name)
      const converted = this.convert(content, name)
      this.#path.pop()
      if (converted !== content) isSame = false
      entries.push([name, converted])
    }
    return isSame ? from : Object.fromEntries(entries)
  }

  #enter(name: string | number): void {
    if (this.#path.length >= depthMax) {
      const start = printableText(this.#path.slice(0, 5).join('.'), pathLengthMax)
      throw new TypeError(`${start}… must be nested at most ${depthMax} levels`)
    }
    this.#path.push(name)
  }

  #place(): string {
    return this.#path.length === 0
      ? 'the value'
      : printableText(this.#path.join('.'), pathLengthMax)
  }

  /** Throws `lines.0.price must be a finite number, got NaN`. */
  #reject(expectation: string, value: unknown): never {
    throw new TypeError(`${this.#place()} must be ${expectation}, got ${describeValue(value)}`)
  }
}

/** The same data with numbers in place of bigints, for a validator without bigint support. */
const withoutBigints = (data: unknown): unknown => {
  if (typeof data === 'bigint') return Number(data)
  if (Array.isArray(data)) return data.map(withoutBigints)
  if (typeof data !== 'object' || data === null) return data
  return Object.fromEntries(
    Object.entries(data).map(([name, content]) => [name, withoutBigints(content)]),
  )
}

/** JSON text in which bigints keep all of their digits. */
const textWithBigints = (data: unknown): string => {
  if (typeof data === 'bigint') return data.toString()
  if (Array.isArray(data)) return `[${data.map(textWithBigints).join(',')}]`
  if (typeof data !== 'object' || data === null) return JSON.stringify(data)
  const members = Object.entries(data).map(
    ([name, one]) => `${JSON.stringify(name)}:${textWithBigints(one)}`,
  )
  return `{${members.join(',')}}`
}

/**
 * JSON text that holds all of the value. A `Map` becomes an object, a `Set` an array, and a bigint
 * keeps its digits. Throws a TypeError that names the field if JSON has no form for it: NaN, bytes,
 * a promise, an instance without fields. `check` receives the converted data before it is written.
 *
 * @example
 * toJsonText({ tags: new Set(['a']) }) // '{"tags":["a"]}'
 */
export const toJsonText = (value: unknown, check?: (data: unknown) => void): string => {
  if (check === undefined && isPlainData(value)) return JSON.stringify(value)
  const converter = new JsonConverter()
  const data = converter.convert(value, '')
  const { hasBigints } = converter
  check?.(hasBigints ? withoutBigints(data) : data)
  return hasBigints ? textWithBigints(data) : JSON.stringify(data)
}
