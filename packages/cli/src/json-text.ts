// Formats a value as one line of JSON in which every control character is escaped, so that data
// from a topic can't send control sequences to the terminal. Parsing the line returns the original
// value. Callers: runtime/terminal.ts, produce/dead-letter.ts, tail/, and spool-command.ts.

import { printableText } from 'millrace'

const beyondAscii = /[^ -~]/gu

/** Escapes each half of a surrogate pair by itself, as JSON requires. */
const escaped = (character: string): string =>
  [...Array(character.length).keys()]
    .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
    .join('')

/** JSON parsers lose digits of numbers above 2^53, so a bigint is written as text. */
const withoutBigints = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value

/**
 * The value as one line of JSON. Characters that `printableText` would escape are escaped in JSON's
 * own form, so that a parser returns the original value.
 */
export const jsonText = (value: unknown): string =>
  JSON.stringify(value, withoutBigints).replace(beyondAscii, (character) =>
    printableText(character) === character ? character : escaped(character),
  )
