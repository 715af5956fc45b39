// JSON as the commands print it: a terminal that shows it is not commanded by what it holds.

import { printableText } from 'millrace'

const beyondAscii = /[^ -~]/gu

/** Each half of a pair by itself, as JSON has it. */
const escaped = (character: string): string =>
  [...Array(character.length).keys()]
    .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
    .join('')

/** JSON's readers lose digits of numbers past 2^53: those are text. */
const withoutBigints = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value

/**
 * The value as JSON in one line. What `printableText` escapes is escaped here in JSON's own way:
 * who parses it gets the value as it was.
 */
export const jsonText = (value: unknown): string =>
  JSON.stringify(value, withoutBigints).replace(beyondAscii, (character) =>
    printableText(character) === character ? character : escaped(character),
  )
