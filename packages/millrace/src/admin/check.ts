// Checks the arguments of Admin's methods. An invalid one must be rejected with the name of its
// field before any request is sent. It keeps no state. Callers: the parts of Admin.

import { types } from 'node:util'
import { readArgument } from '../producer/field-check.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { printableText } from '../runtime/printable-text.ts'
import { describeValue } from '../runtime/value-kinds.ts'

const int32Max = 2 ** 31 - 1

const wrong = (name: string, expectation: string, value: unknown): KafkaError => {
  const got = typeof value === 'string' ? `"${printableText(value)}"` : describeValue(value)
  return new KafkaError('INVALID_ARGUMENT', `${name} must be ${expectation}, got ${got}`)
}

/** A string that is not empty. */
export const checkText = (name: string, value: unknown): string => {
  if (typeof value === 'string' && value !== '') return value
  throw wrong(name, 'a text that is not empty', value)
}

/** An integer within bounds. */
export const checkWhole = (
  name: string,
  value: unknown,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): number => {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number
  }
  throw wrong(name, `a whole number from ${min} to ${max}`, value)
}

export const checkPartition = (value: unknown): number =>
  checkWhole('partition', value, 0, int32Max)

/** One of the texts. */
export const checkOneOf = <Text extends string>(
  name: string,
  value: unknown,
  texts: readonly Text[],
): Text => {
  if (texts.includes(value as Text)) return value as Text
  throw wrong(name, `one of ${texts.join(', ')}`, value)
}

export const checkBoolean = (name: string, value: unknown): boolean => {
  if (typeof value === 'boolean') return value
  throw wrong(name, 'true or false', value)
}

export const checkArray = <Item>(name: string, value: readonly Item[]): readonly Item[] => {
  const items = readArgument(name, () => (Array.isArray(value) ? Array.from(value) : null))
  if (items !== null) return items
  throw wrong(name, 'an array', value)
}

/** A plain array would have no keys, and a plain object could not be iterated. */
export const checkMap = <Key, Value>(
  name: string,
  value: ReadonlyMap<Key, Value>,
): ReadonlyMap<Key, Value> => {
  if (types.isMap(value)) return value
  throw wrong(name, 'a Map', value)
}

/** The settings of an object literal by name: a Map would look empty. */
export const checkSettings = (
  name: string,
  value: unknown,
): readonly { readonly name: string; readonly value: string }[] =>
  readArgument(name, () => settingsOf(name, value))

const settingsOf = (name: string, value: unknown) => {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const prototype: unknown = isObject ? Object.getPrototypeOf(value) : undefined
  const isPlain =
    isObject && (prototype === null || Object.getPrototypeOf(prototype as object) === null)
  if (!isPlain) throw wrong(name, 'an object of settings by name', value)
  return Object.entries(value as object).map(([key, text]) => {
    if (typeof text === 'string') return { name: key, value: text }
    throw wrong(`${name}["${printableText(key)}"]`, 'a string', text)
  })
}

/** The time of a bound `{ timestamp }`. */
export const checkTimestamp = (name: string, bound: unknown): number => {
  const read = (): unknown => (bound as { timestamp?: unknown } | null | undefined)?.timestamp
  return checkWhole(`${name}.timestamp`, readArgument(name, read), 0)
}

/** An offset, a time, or one of the names, where reading begins or ends. */
export const checkOffsetBound = (
  name: string,
  bound: unknown,
  names: readonly string[],
  min = -Number.MAX_SAFE_INTEGER,
): void => {
  if (typeof bound === 'number') checkWhole(name, bound, min)
  else if (typeof bound === 'object' && bound !== null) {
    checkTimestamp(name, bound)
  } else if (!names.includes(bound as string)) {
    throw wrong(name, `${names.join(', ')}, an offset or { timestamp }`, bound)
  }
}
