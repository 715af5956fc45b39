// Owns the reading of records that the caller passes in an array or as arguments, where a getter or
// a proxy can throw. Callers: sendBatch of all senders, both layers. Invariant: a record that
// cannot be read is rejected as any other invalid record, and the others are sent.

import type { ProducerRecord } from '../engine/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { messageOf } from '../runtime/value-kinds.ts'

/** The results of so many records take 700 MB; a stream has no such limit. */
const lengthMax = 2 ** 24

/** A record that throws `cause` when the producer reads it. */
export const unreadableRecord = (cause: unknown): ProducerRecord => ({
  get topic(): string {
    throw cause
  },
  value: null,
})

/** The element at `index`. */
export const recordAt = (records: readonly ProducerRecord[], index: number): ProducerRecord => {
  try {
    return records[index]!
  } catch (cause) {
    return unreadableRecord(cause)
  }
}

/** Throws INVALID_ARGUMENT unless it is an array of at most `lengthMax` records. */
export const checkRecords = (name: string, records: unknown): void => {
  let length: unknown
  let isArray = false
  try {
    isArray = Array.isArray(records)
    if (isArray) length = (records as readonly unknown[]).length
  } catch (cause) {
    const message = `${name} could not be read: ${messageOf(cause)}`
    throw new KafkaError('INVALID_ARGUMENT', message, { cause })
  }
  if (!isArray) {
    const message = `${name} must be an array of records, got ${typeof records}`
    throw new KafkaError('INVALID_ARGUMENT', message)
  }
  if (Number.isInteger(length) && (length as number) >= 0 && (length as number) <= lengthMax) return
  throw new KafkaError(
    'INVALID_ARGUMENT',
    `${name} must have at most ${lengthMax} records, got ${String(length)}`,
  )
}
