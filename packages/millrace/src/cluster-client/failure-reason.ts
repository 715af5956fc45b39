// Owns the short text of a failed connection attempt, which follows an address in a list:
// `127.0.0.1:1 connection refused (ECONNREFUSED)`. Callers: link-failure.ts,
// diagnose/address-steps.ts. Invariant: the text does not repeat the name of the connection.

import { describeNetworkError } from '../net/connection-messages.ts'
import { KafkaError } from '../protocol/kafka-error.ts'

/** `name` is the connection's name: if the message begins with it, it is removed. */
export const failureReason = (error: Error, name: string): string => {
  if (!(error instanceof KafkaError)) return describeNetworkError(error)
  const { message } = error
  for (const prefix of [`Connecting to ${name} failed`, name]) {
    if (message.startsWith(prefix)) return message.slice(prefix.length).replace(/^:? /, '')
  }
  return message
}
