// Turns an error into the one or two sentences that a user reads.

import { KafkaError, printableText } from 'millrace'

/** A failure whose message is already what the user should read. */
export class Failure extends Error {
  override readonly name = 'Failure'
}

/** The name of a call, a field or an option: `connect()`, `record.topic`, `lingerMs`. */
const isCodeName = (word: string): boolean => /^[a-z]+[A-Z.(]/.test(word)

/**
 * As a sentence stands alone: it begins with a capital letter, unless it begins with a name of
 * code, and ends with a full stop.
 */
const sentence = (text: string): string => {
  const [first = ''] = text.split(' ', 1)
  const begun = isCodeName(first) ? text : text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}

export const describeFailure = (error: unknown): string => {
  // Its message is printable already.
  if (error instanceof KafkaError) return `${sentence(error.message)} ${error.remedy}`
  return sentence(printableText(error instanceof Error ? error.message : String(error)))
}
