// Who hears of the results of layer 2's asynchronous producers: the user's hooks for retries,
// metrics and alerts, or the default one, which logs failures.

import { FailureReporter } from '../producer/failure-reporter.ts'
import type { RecordMetadata } from '../producer/record.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { systemClock } from '../runtime/clock.ts'
import { consoleLogger } from '../runtime/logger.ts'
import type { Message } from './message.ts'

/**
 * Exactly one of the two is called for each message that was taken, in order per partition, never
 * inside a call of yours. They may be async: nobody waits for them, and a rejection is logged.
 *
 * `message.value` is the very value that was passed to `sendMessage`.
 */
export interface AsyncResultHandler {
  /** Told where a message is. */
  handleSuccess(message: Message, metadata: RecordMetadata): unknown
  /** Told why a message failed, and whether it may be in the log all the same. */
  handleError(error: KafkaError, message: Message): unknown
}

const toConsole = new FailureReporter(consoleLogger, null, systemClock)

/**
 * Logs failures, at most one line a second, and passes over successes. A producer that is given
 * this handler, or none, logs through its own `logger` (or tells its `onError`); called by other
 * code, as part of a handler of yours, it logs to the console.
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
