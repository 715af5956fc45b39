// The engine's port to dead letters: what becomes of a record that was taken and failed for good.
// Implemented by the producer (producer/dead-letters/), called by Settlement. Without the option
// every caller holds null instead, and the record's failure is reported.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { Settle } from '../record.ts'

/** A record that failed. */
export interface FailedRecord {
  readonly topic: string
  /** -1 = it was in no partition's batch yet. */
  readonly partition: number
  readonly timestamp: number
  /** Key, value and headers as they are encoded in a batch: a view, valid during the call. */
  readonly content: Uint8Array
}

export interface DeadLetterPort {
  /** Whether a record of the topic that fails with this error becomes a dead letter. */
  wants(topic: string, error: KafkaError): boolean
  /**
   * The record becomes a dead letter. The port calls its settle once, with the error, when the dead
   * letter is stored or could not be. Does not throw.
   */
  take(record: FailedRecord, error: KafkaError, settle: Settle | null, tag: number): void
}
