// Turns the failure of an attempt into the few words that go after an address in a list:
// `127.0.0.1:1 connection refused (ECONNREFUSED)`.

import { describeNetworkError } from '../net/connection-words.ts'
import { KafkaError } from '../protocol/kafka-error.ts'

/** `name` is what the connection was called: errors that begin with it are told without it. */
export const failureReason = (error: Error, name: string): string => {
  if (!(error instanceof KafkaError)) return describeNetworkError(error)
  const prefix = `Connecting to ${name} failed`
  const { message } = error
  if (!message.startsWith(prefix)) return message
  return message.slice(prefix.length).replace(/^:? /, '')
}
