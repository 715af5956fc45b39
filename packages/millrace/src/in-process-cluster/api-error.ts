// Errors in Kafka's own numbers: what the cluster's parts throw, and the api handlers respond
// with.

import { type BrokerErrorName, errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'

/**
 * A request that can't be carried out, with Kafka's number of the reason. Never leaves the broker.
 */
export class ApiError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

const isErrorName = (name: string): name is BrokerErrorName => Object.hasOwn(errorNumber, name)

/**
 * Kafka's number of an error, by number or name. Throws INVALID_ARGUMENT for an unknown name.
 */
export const errorCodeOf = (error: number | string): number => {
  if (typeof error === 'string') {
    if (isErrorName(error)) return errorNumber[error]
  } else if (Number.isInteger(error) && error !== 0) {
    return error
  }
  throw new KafkaError(
    'INVALID_ARGUMENT',
    `error must be the name or number of a Kafka error, got ${JSON.stringify(error)}`,
  )
}
