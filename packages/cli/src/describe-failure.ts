// Converts an error to the one or two sentences that a command prints, and defines Failure, an
// error whose message is ready to print. Callers: run-program.ts and every command. A stack trace
// is never printed.

import { KafkaError, printableText } from 'millrace'

/** An error whose message can be printed as it is. */
export class Failure extends Error {
  override readonly name = 'Failure'
}

/**
 * Whether the text begins with the name of a call, a field, or an option: `connect()`, `lingerMs`.
 */
const isCodeName = (word: string): boolean => /^[a-z]+[A-Z.(]/.test(word)

/**
 * Makes a sentence of a message: a capital letter first, except before a name of code, and a full
 * stop at the end.
 */
const sentence = (text: string): string => {
  const [first = ''] = text.split(' ', 1)
  const begun = isCodeName(first) ? text : text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}

export const describeFailure = (error: unknown): string => {
  // The message of a KafkaError has its control characters escaped already.
  if (error instanceof KafkaError) return `${sentence(error.message)} ${error.remedy}`
  return sentence(printableText(error instanceof Error ? error.message : String(error)))
}
