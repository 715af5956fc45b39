// Turns the failure of an attempt into the few words that go after an address in a list:
// `127.0.0.1:1 connection refused (ECONNREFUSED)`.

import { describeNetworkError } from '../net/connection-messages.ts'
import { KafkaError } from '../protocol/kafka-error.ts'

/** `name` is what the connection was called: a message that begins with it is cut there. */
export const failureReason = (error: Error, name: string): string => {
  if (!(error instanceof KafkaError)) return describeNetworkError(error)
  const { message } = error
  for (const prefix of [`Connecting to ${name} failed`, name]) {
    if (message.startsWith(prefix)) return message.slice(prefix.length).replace(/^:? /, '')
  }
  return message
}
