// Owns the checks of values from the caller: whether a value is an error or a promise, also from
// another JavaScript context, and how a message shows it. In Jest each test file has its own
// context, in which an error of Node is not an `instanceof Error`. Callers: all of millrace
// (test/tidy.test.ts). Invariant: `textOf`, `messageOf` and `describeValue` never throw, although
// the caller can throw anything, also an object whose getters throw.

import { inspect, types } from 'node:util'

/** The result of `read`; undefined if a getter or a proxy of the caller throws. */
export const readable = <Value>(read: () => Value): Value | undefined => {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** An error of this context or of another. */
export const isError = (value: unknown): value is Error =>
  types.isNativeError(value) || readable(() => value instanceof Error) === true

/** A promise of this context, of another, or of a library. */
// biome-ignore lint/suspicious/noExplicitAny: what it resolves to is known from the value's type
export const isPromise = (value: unknown): value is Promise<any> => {
  if (typeof value !== 'object' || value === null) return false
  try {
    if (value instanceof Promise) return true
    const { then, catch: rejected } = value as Partial<Promise<unknown>>
    return typeof then === 'function' && typeof rejected === 'function'
  } catch {
    return false
  }
}

/** `String(value)`. */
export const textOf = (value: unknown): string =>
  readable(() => String(value)) ?? 'a value without text'

/** The message of an error; any other thrown value as text. */
export const messageOf = (thrown: unknown): string =>
  isError(thrown)
    ? (readable(() => textOf(thrown.message)) ?? 'an error without a message')
    : textOf(thrown)

/** The fields of an object in one line, as util.inspect shows them. */
export const fieldsOf = (value: object): string =>
  readable(() => inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY })) ??
  textOf(value)

const shownCharactersMax = 100

/** A value for an error message: text in quotes and cut, an object by its class. */
export const describeValue = (value: unknown): string => {
  if (typeof value === 'string') {
    const isLong = value.length > shownCharactersMax
    return JSON.stringify(isLong ? `${value.slice(0, shownCharactersMax)}…` : value)
  }
  if (typeof value === 'object' && value !== null) return classOf(value) ?? 'an object'
  if (typeof value === 'bigint') return `${value}n`
  return typeof value === 'function' ? 'a function' : String(value)
}

/** The name of the object's class, if it has one. */
export const classOf = (value: object): string | undefined => {
  const name: unknown = readable(() => value.constructor?.name)
  return typeof name === 'string' && name !== '' ? name : undefined
}
