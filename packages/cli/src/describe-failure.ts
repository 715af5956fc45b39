// Turns an error into the one or two sentences that a user reads.

import { KafkaError } from 'millrace'

/** A failure whose message is already what the user should read. */
export class Failure extends Error {
  override readonly name = 'Failure'
}

/** As a sentence stands alone: it begins with a capital letter and ends with a full stop. */
const sentence = (text: string): string => {
  const begun = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}

export const describeFailure = (error: unknown): string => {
  if (error instanceof KafkaError) return `${sentence(error.message)} ${error.remedy}`
  if (error instanceof Error) return sentence(error.message)
  return sentence(String(error))
}
