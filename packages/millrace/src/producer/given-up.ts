// The error of a record whose caller stopped waiting for it: by its signal, or by its own time
// limit.

import type { ProducerRecord } from '../engine/record.ts'
import { KafkaError, type Persisted } from '../protocol/kafka-error.ts'
import type { WaitOptions } from './wait.ts'

/** `trouble` is what has kept the record from being delivered until then, where that is known. */
export const givenUpError = (
  record: ProducerRecord | null,
  options: WaitOptions,
  why: 'aborted' | 'timeout',
  persisted: Persisted,
  trouble: KafkaError | null = null,
): KafkaError => {
  const fate = persisted === 'no' ? 'it was not sent' : 'it may have been written'
  const context = { persisted, topic: record?.topic, cause: trouble ?? undefined }
  const reason = trouble === null ? '' : `: ${trouble.message}`
  return why === 'timeout'
    ? new KafkaError(
        'DELIVERY_TIMEOUT',
        `not delivered within ${options.timeoutMs} ms; ${fate}${reason}`,
        context,
      )
    : new KafkaError('ABORTED', `aborted by its signal; ${fate}`, {
        ...context,
        cause: options.signal?.reason,
      })
}
