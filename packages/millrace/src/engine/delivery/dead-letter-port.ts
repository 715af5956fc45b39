// Owns the port to dead letters: the handling of a record that was accepted and has failed.
// Implementation: producer/dead-letters/. Callers: Settlement, WaitingRecords, Delivery. Invariant:
// without the option `deadLetter` every caller has null, and the failure is reported.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { Settle } from '../record.ts'

/** A record that failed. */
export interface FailedRecord {
  readonly topic: string
  /** -1 = it was not in a batch of a partition yet. */
  readonly partition: number
  readonly timestamp: number
  /** Key, value and headers in the encoding of a batch: a view that is valid during the call. */
  readonly content: Uint8Array
}

export interface DeadLetterPort {
  /** Whether a record of the topic that fails with this error becomes a dead letter. */
  wants(topic: string, error: KafkaError): boolean
  /**
   * The record becomes a dead letter. The port calls its settle once, with the error, when the dead
   * letter was stored or could not be stored. Does not throw.
   */
  take(record: FailedRecord, error: KafkaError, settle: Settle | null, tag: number): void
}
