// Parsers for values on the command line: each converts one argument to a value, or throws an
// InvalidArgumentError that names the expected form. It keeps no state. Callers: every command that
// declares arguments or flags.

import { InvalidArgumentError } from 'commander'

export interface TopicArgument {
  readonly name: string
  readonly partitions: number
}

const partitionsDefault = 6
const partitionsMax = 1000
const topicNameCharactersMax = 249

/** A parser of whole numbers from `min` to `max`. */
export const wholeNumber =
  (min: number, max: number) =>
  (word: string): number => {
    const value = Number(word)
    if (!/^\d+$/.test(word) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
    }
    return value
  }

export const topicName = (word: string): string => {
  const legal = /^[\w.-]+$/.test(word) && word !== '.' && word !== '..'
  if (!legal || word.length > topicNameCharactersMax) {
    throw new InvalidArgumentError(
      `It must have 1 to ${topicNameCharactersMax} letters, digits, '.', '-' or '_'.`,
    )
  }
  return word
}

/** `NAME` or `NAME:PARTITIONS`. */
export const topicArgument = (word: string): TopicArgument => {
  const colon = word.lastIndexOf(':')
  if (colon < 0) return { name: topicName(word), partitions: partitionsDefault }
  const partitions = wholeNumber(1, partitionsMax)(word.slice(colon + 1))
  return { name: topicName(word.slice(0, colon)), partitions }
}

/** The same for an option that may be repeated. */
export const topicArguments = (word: string, before: readonly TopicArgument[] | undefined) => {
  const topic = topicArgument(word)
  if (before?.some((other) => other.name === topic.name)) {
    throw new InvalidArgumentError(`The topic ${topic.name} is named twice.`)
  }
  return [...(before ?? []), topic]
}

/** The largest port number. */
export const portMax = 65_535

/** Parses `HOST:PORT`, or several of them separated by commas. An IPv6 address is in brackets. */
export const brokerList = (list: string): readonly string[] =>
  list.split(',').map((word) => {
    const match = /^(\[[\da-fA-F:.]+\]|[^\s:[\]]+):(\d+)$/.exec(word.trim())
    if (match === null || Number(match[2]) < 1 || Number(match[2]) > portMax) {
      throw new InvalidArgumentError(`It must be HOST:PORT, or several with commas between them.`)
    }
    return match[0]
  })

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', 0: '\0', '\\': '\\' }

/**
 * The bytes of an argument: `\n`, `\r`, `\t`, `\0`, `\\` and `\xNN` stand for bytes that can't be
 * typed.
 */
export const escapedBytes = (word: string): Buffer => {
  const parts: Buffer[] = []
  for (const [, hex, letter, plain] of word.matchAll(/\\x([\da-fA-F]{2})|\\(.?)|([^\\]+)/gs)) {
    if (hex !== undefined) parts.push(Buffer.from(hex, 'hex'))
    else if (plain !== undefined) parts.push(Buffer.from(plain))
    else if (escapes[letter ?? ''] !== undefined) parts.push(Buffer.from(escapes[letter!]!))
    else
      throw new InvalidArgumentError(
        `It must use only the escapes \\n \\r \\t \\0 \\\\ \\xNN, got \\${letter}.`,
      )
  }
  return Buffer.concat(parts)
}

export const delimiter = (word: string): Buffer => {
  const bytes = escapedBytes(word)
  if (bytes.length === 0) throw new InvalidArgumentError('It must be at least one character.')
  return bytes
}

/** A number above 0, such as records a second. */
export const positiveNumber = (word: string): number => {
  const value = Number(word)
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('It must be a number above 0.')
}

/** Parses `zstd` or `zstd:3`. The producer checks which levels exist. */
export const compressionArgument = (word: string): string | { type: string; level: number } => {
  const [type = '', level, ...rest] = word.split(':')
  if (level === undefined) return type
  if (rest.length > 0 || !/^-?\d+$/.test(level)) {
    throw new InvalidArgumentError('It must be TYPE or TYPE:LEVEL, such as zstd:3.')
  }
  return { type, level: Number(level) }
}

export const acksArgument = (word: string): 'all' | 0 | 1 => {
  if (word === 'all' || word === '-1') return 'all'
  if (word === '0' || word === '1') return word === '0' ? 0 : 1
  throw new InvalidArgumentError('It must be all, 1 or 0.')
}
