// BatchError: the rejection of a sendBatch in which at least one message failed. It must contain
// every failed message by its index. Callers: kafka-producer.ts and batch-in-turn.ts.

import { type ErrorKind, KafkaError } from '../protocol/kafka-error.ts'

/** A message of a batch that failed, and its error. */
export interface BatchFailure {
  /** The index of the message in the array that was passed to `sendBatch`. */
  readonly index: number
  /** The error; its `persisted` says whether the message may be in the log. */
  readonly error: KafkaError
}

const marker = Symbol.for('millrace.BatchError')

/**
 * Of several failures, the first of these kinds decides, because retries do not help against them.
 */
const bySeverity: readonly ErrorKind[] = [
  'fatal',
  'refused',
  'usage',
  'rejected',
  'abortable',
  'aborted',
]

const decisive = (failures: readonly BatchFailure[]): KafkaError => {
  for (const kind of bySeverity) {
    const found = failures.find(({ error }) => error.kind === kind)
    if (found !== undefined) return found.error
  }
  return failures[0]!.error
}

/**
 * Some messages of a batch failed. `code` and `kind` are those of the most severe failure,
 * so `retriable` means that all failures are. `persisted` is `'no'` only if no message of the batch
 * can be in the log.
 *
 * @example
 * try {
 *   await producer.sendBatch(messages)
 * } catch (error) {
 *   if (!(error instanceof BatchError)) throw error
 *   for (const failure of error.failures) console.error(failure.index, failure.error.code)
 * }
 */
export class BatchError extends KafkaError {
  static {
    Object.defineProperty(this.prototype, 'name', { value: 'BatchError', configurable: true })
    Object.defineProperty(this.prototype, marker, { value: true })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && marker in value
  }

  /** The messages that failed, in ascending order of their indexes; never empty. */
  readonly failures: readonly BatchFailure[]
  /** Number of delivered messages; 0 in async mode, where callbacks get the results. */
  readonly delivered: number

  /** Created by `sendBatch`; `size` is the number of messages in the batch. */
  constructor(failures: readonly BatchFailure[], size: number, delivered: number) {
    const cause = decisive(failures)
    const first = failures[0]!
    const isClean =
      failures.length === size && failures.every((one) => one.error.persisted === 'no')
    super(
      cause.code,
      `${failures.length} of ${size} messages failed; the first at index ${first.index}: ` +
        `${first.error.code}: ${first.error.message}`,
      { kind: cause.kind, persisted: isClean ? 'no' : 'maybe', topic: cause.topic, cause },
    )
    this.failures = failures
    this.delivered = delivered
  }
}
