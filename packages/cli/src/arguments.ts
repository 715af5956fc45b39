// Values on the command line: each parser turns a word into a value or says what it wanted.

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
      `A topic's name has 1 to ${topicNameCharactersMax} letters, digits, '.', '-' or '_'.`,
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

/** For an option that may be repeated. */
export const topicArguments = (word: string, before: readonly TopicArgument[] | undefined) => {
  const topic = topicArgument(word)
  if (before?.some((other) => other.name === topic.name)) {
    throw new InvalidArgumentError(`The topic ${topic.name} is named twice.`)
  }
  return [...(before ?? []), topic]
}

const portMax = 65_535

/** `HOST:PORT`, or several with commas between them. An IPv6 address stands in brackets. */
export const brokerList = (words: string): readonly string[] =>
  words.split(',').map((word) => {
    const match = /^(\[[\da-fA-F:.]+\]|[^\s:[\]]+):(\d+)$/.exec(word.trim())
    if (match === null || Number(match[2]) < 1 || Number(match[2]) > portMax) {
      throw new InvalidArgumentError(`It must be HOST:PORT, or several with commas between them.`)
    }
    return match[0]
  })
