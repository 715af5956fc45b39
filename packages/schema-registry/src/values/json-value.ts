// Converts a caller's value to plain JSON data before the schema check, so that the checked data is
// exactly the written data: a Date becomes text, a Map an object, and a Set an array. A value that
// JSON would drop or empty silently must be rejected with the field's path. Caller:
// formats/json-schema.ts.

import { types } from 'node:util'
import { typeError } from '../client/registry-text.ts'
import { enter, type FieldPath, isPlain, placeOf, reject, shown } from './field-path.ts'

/** Plain data, and whether it has integers that only text represents exactly. */
export interface JsonData {
  readonly data: unknown
  readonly hasBigints: boolean
}

const jsonData = 'JSON data'

type ToJson = (key: string) => unknown

class JsonConverter {
  readonly #path: FieldPath = []
  hasBigints = false

  convert(value: unknown, key: string): unknown {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value
      case 'number':
        return Number.isFinite(value) ? value : reject(this.#path, 'a finite number', value)
      case 'bigint':
        this.hasBigints = true
        return value
      case 'object':
        return value === null ? null : this.#object(value, key)
      default:
        return reject(this.#path, jsonData, value)
    }
  }

  #object(value: object, key: string): unknown {
    if (Array.isArray(value)) return this.#array(value)
    // Fast path for most objects: each check below is a call into C++.
    const isUsual = Object.getPrototypeOf(value) === Object.prototype
    const { toJSON } = value as { toJSON?: unknown }
    if (!isUsual && typeof toJSON !== 'function') {
      const special = this.#special(value, key)
      if (special !== undefined) return special
    }
    if (types.isDate(value)) return this.#date(value)
    if (ArrayBuffer.isView(value)) return this.#bytes(value)
    return typeof toJSON === 'function'
      ? this.#byToJson(value, toJSON as ToJson, key)
      : this.#members(value as Record<string, unknown>)
  }

  #date(value: Date): string {
    const isValid = !Number.isNaN(value.getTime())
    return isValid ? value.toISOString() : reject(this.#path, 'a valid Date', value)
  }

  #bytes(value: unknown): never {
    return reject(this.#path, 'JSON data (bytes have to be encoded as text)', value)
  }

  /** Objects without members and without a JSON form; undefined = an ordinary object. */
  #special(value: object, key: string): unknown {
    if (types.isBoxedPrimitive(value)) return this.convert(value.valueOf(), key)
    if (types.isAnyArrayBuffer(value)) return this.#bytes(value)
    if (types.isSet(value)) return this.#array([...value])
    if (types.isMap(value)) return this.#map(value)
    const isEmpty = Object.keys(value).length === 0 && !isPlain(value)
    return isEmpty && !ArrayBuffer.isView(value) ? reject(this.#path, jsonData, value) : undefined
  }

  #byToJson(value: object, toJSON: ToJson, key: string): unknown {
    const made = Reflect.apply(toJSON, value, [key])
    if (made === value) return reject(this.#path, jsonData, value)
    return this.convert(made, key)
  }

  /** Returns the array itself if no item has to be converted. */
  #array(items: readonly unknown[]): readonly unknown[] {
    let converted: unknown[] | null = null
    for (let index = 0; index < items.length; index++) {
      enter(this.#path, index)
      const item = this.convert(items[index], '')
      this.#path.pop()
      if (converted === null && item !== items[index]) converted = items.slice(0, index)
      converted?.push(item)
    }
    return converted ?? items
  }

  #map(value: Map<unknown, unknown>): object {
    const entries = [...value].map(([key, content]): [string, unknown] => {
      if (typeof key === 'string' || typeof key === 'number') return [String(key), content]
      const message = `the keys of ${placeOf(this.#path)} must be text, got ${shown(key)}`
      throw typeError(message)
    })
    return this.#members(Object.fromEntries(entries))
  }

  /**
   * Returns the object itself if no member has to be converted. Members that are undefined are
   * omitted, as JSON.stringify does.
   */
  #members(from: Record<string, unknown>): object {
    const names = Object.keys(from)
    let isSame = true
    const contents = names.map((name) => {
      const content = from[name]
      if (content === undefined) {
        isSame = false
        return undefined
      }
      enter(this.#path, name)
      const converted = this.convert(content, name)
      this.#path.pop()
      if (converted !== content) isSame = false
      return converted
    })
    if (isSame) return from
    const entries = names.map((name, index): [string, unknown] => [name, contents[index]])
    return Object.fromEntries(entries.filter(([, content]) => content !== undefined))
  }
}

/** Throws a TypeError with the field's path for a value without a JSON form. */
export const toJsonData = (value: unknown): JsonData => {
  const converter = new JsonConverter()
  const data = converter.convert(value, '')
  return { data, hasBigints: converter.hasBigints }
}

/** The same data with numbers in place of bigints, for a validator without bigint support. */
export const withoutBigints = (data: unknown): unknown => {
  if (typeof data === 'bigint') return Number(data)
  if (Array.isArray(data)) return data.map(withoutBigints)
  if (typeof data !== 'object' || data === null) return data
  return Object.fromEntries(
    Object.entries(data).map(([name, content]) => [name, withoutBigints(content)]),
  )
}

/** JSON text in which bigints keep all of their digits. */
export const jsonText = (data: unknown): string => {
  if (typeof data === 'bigint') return data.toString()
  if (Array.isArray(data)) return `[${data.map(jsonText).join(',')}]`
  if (typeof data !== 'object' || data === null) return JSON.stringify(data)
  const members = Object.entries(data)
  return `{${members.map(([name, one]) => `${JSON.stringify(name)}:${jsonText(one)}`).join(',')}}`
}
