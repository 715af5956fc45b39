// ApiError: an error with one of Kafka's error numbers. The parts of the cluster throw it, and the
// api handlers convert it to the error code of a response. It must not reach users of the cluster.
// Callers: api/, cluster-state.ts, faults.ts, and in-process-cluster.ts.

import { type BrokerErrorName, errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'

/**
 * A request that can't be carried out, with Kafka's error number. It is only used inside the
 * cluster.
 */
export class ApiError extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

const isErrorName = (name: string): name is BrokerErrorName => Object.hasOwn(errorNumber, name)

/** Kafka's error number for a number or a name. Throws INVALID_ARGUMENT for an unknown name. */
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
