// What a sendBatch that was not wholly successful rejects with: every message that failed, by its
// index.

import { type ErrorKind, KafkaError } from '../protocol/kafka-error.ts'

/** A message of a batch that was not sent, and why. */
export interface BatchFailure {
  /** Its place in the array that was passed in. */
  readonly index: number
  /** Why it failed; its `persisted` says whether it may be in the log. */
  readonly error: KafkaError
}

const marker = Symbol.for('millrace.BatchError')

/**
 * Of several reasons the one that decides what can be done: what can't be mended by trying again.
 */
const gravest: readonly ErrorKind[] = ['fatal', 'usage', 'rejected', 'abortable', 'aborted']

const decisive = (failures: readonly BatchFailure[]): KafkaError => {
  for (const kind of gravest) {
    const found = failures.find(({ error }) => error.kind === kind)
    if (found !== undefined) return found.error
  }
  return failures[0]!.error
}

/**
 * Some messages of a batch failed. `code` and `kind` are those of the gravest failure, so
 * `retriable` means that all of them are; `persisted` is `'no'` only where nothing of the batch may
 * be in the log.
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

  /** The messages that failed, by index, ascending; never empty. */
  readonly failures: readonly BatchFailure[]
  /** How many were delivered. 0 where results are told later: those taken reach the callbacks. */
  readonly delivered: number

  /** Made by `sendBatch`; `size` is how many messages the batch had. */
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
