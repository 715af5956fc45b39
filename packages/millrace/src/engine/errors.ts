// Errors of the engine that are not a batch's own. Callers: BatchFailures, WaitingRecords,
// Producer.

import { type ErrorCode, type ErrorContext, KafkaError } from '../protocol/kafka-error.ts'
import { messageOf } from '../runtime/value-kinds.ts'

/** The error, with what kept the record from being delivered until then, where that is known. */
export const withCause = (
  code: ErrorCode,
  message: string,
  context: ErrorContext,
  cause: Error | null,
): KafkaError =>
  cause === null
    ? new KafkaError(code, message, context)
    : new KafkaError(code, `${message}: ${messageOf(cause)}`, { ...context, cause })
