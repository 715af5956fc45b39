// Turns an error into the one or two sentences that a user reads.

import { KafkaError } from 'millrace'

/** A failure whose message is already what the user should read. */
export class Failure extends Error {
  override readonly name = 'Failure'
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

export const describeFailure = (error: unknown): string => {
  if (error instanceof KafkaError) return `${sentence(error.message)} ${error.remedy}`
  if (error instanceof Error) return sentence(error.message)
  return sentence(String(error))
}
