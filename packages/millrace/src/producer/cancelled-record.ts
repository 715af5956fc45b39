// Owns the error of a record whose caller stopped waiting, because of its signal or its own time
// limit. Callers: Sending, Submission, SerializationLimit. Invariant: it says whether the record
// may be in the log.

import type { ProducerRecord } from '../engine/record.ts'
import { KafkaError, type Persisted } from '../protocol/kafka-error.ts'
import { readable } from '../runtime/value-kinds.ts'
import { reasonOf, type WaitOptions } from './wait.ts'

/** The topic of the record, if it can be read: a getter of the application may throw. */
export const topicForError = (record: ProducerRecord | null): string | undefined => {
  const topic: unknown = readable(() => record?.topic)
  return typeof topic === 'string' ? topic : undefined
}

/** `blockingError` is what has prevented the delivery of the record, if known. */
export const cancelledError = (
  topic: string | undefined,
  options: WaitOptions,
  why: 'aborted' | 'timeout',
  persisted: Persisted,
  blockingError: KafkaError | null = null,
): KafkaError => {
  const outcome = persisted === 'no' ? 'it was not written' : 'it may have been written'
  const context = { persisted, topic, cause: blockingError ?? undefined }
  const reason = blockingError === null ? '' : `: ${blockingError.message}`
  return why === 'timeout'
    ? new KafkaError(
        'TIMEOUT',
        `The record was not delivered within ${options.timeoutMs} ms (timeoutMs of the call); ` +
          `${outcome}${reason}`,
        context,
      )
    : new KafkaError('ABORTED', `The send was aborted by its signal; ${outcome}`, {
        ...context,
        cause: reasonOf(options.signal),
      })
}
