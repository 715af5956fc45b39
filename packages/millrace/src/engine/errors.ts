// Owns the errors of the engine that are not specific to a batch. Callers: batch-errors.ts,
// BatchFailures, Engine, the producer's lifecycle. Invariant: the message contains that of the
// cause.

import { type ErrorCode, type ErrorContext, KafkaError } from '../protocol/kafka-error.ts'
import { messageOf } from '../runtime/value-kinds.ts'

/** The error with what prevented the delivery of the record until then as its cause, if known. */
export const withCause = (
  code: ErrorCode,
  message: string,
  context: ErrorContext,
  cause: Error | null,
): KafkaError =>
  cause === null
    ? new KafkaError(code, message, context)
    : new KafkaError(code, `${message}: ${messageOf(cause)}`, { ...context, cause })
