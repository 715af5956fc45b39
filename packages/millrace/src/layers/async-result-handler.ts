// The result handler of layer 2's asynchronous producers: the interface that applications implement
// for retries, metrics, and alerts, and a default handler that logs failures. Each message must
// have exactly one call. Callers: async-producer.ts and batch-async-producer.ts.

import { FailureReporter } from '../producer/failure-reporter.ts'
import type { RecordMetadata } from '../producer/record.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { systemClock } from '../runtime/clock.ts'
import { printableLogger } from '../runtime/logger.ts'
import type { Message } from './message.ts'

/**
 * Exactly one of the two methods is called for each accepted message, in order per partition, never
 * synchronously within the application's own call. They may be async: they are not awaited, and a
 * rejection is logged.
 * `message.value` is the value that was passed to `sendMessage`.
 */
export interface AsyncResultHandler {
  /** Called when a message was delivered. */
  handleSuccess(message: Message, metadata: RecordMetadata): unknown
  /** Called when a message failed; `error.persisted` says whether it may be in the log. */
  handleError(error: KafkaError, message: Message): unknown
}

const toConsole = new FailureReporter(printableLogger(), null, systemClock)

/**
 * Logs failures, at most one line a second, and ignores successes. A producer with this handler, or
 * without a handler, reports failures to its `onError` or its `logger`. If your own handler calls
 * this one, it logs to the console.
 *
 * @example
 * const handler = { ...defaultAsyncResultHandler, handleSuccess: () => counter.increment() }
 */
export const defaultAsyncResultHandler: AsyncResultHandler = {
  handleSuccess() {},
  handleError(error) {
    toConsole.report(error)
  },
}
