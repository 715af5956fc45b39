// Owns the port to a spool. Invariant: records are on disk before they are in a batch, and the
// numbers of a batch are on disk before it is sent. Implementation: producer/spooling/. Callers:
// Accumulator, PartitionQueue, BrokerPump, EngineParts. Without a spool every caller has null.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { RecordEncoder } from '../batch/record-encoder.ts'
import type { SpoolAdmission } from '../dispatch/partition-queue.ts'
import type { RequestWriter } from '../dispatch/produce-in-flight.ts'
import type { Settle } from '../record.ts'
import type { BatchOutcome, RecordFailure } from './settlement.ts'

/**
 * How the engine appends a record to its batch, or lets it wait for its topic; false = no space.
 */
export interface SpoolIntake {
  append(encoder: RecordEncoder, settle: Settle | null, recordId: number): boolean
}

export interface RecordSpool extends SpoolAdmission, RequestWriter {
  /** Whether a record may be taken now. */
  readonly hasSpace: boolean
  /**
   * Takes the record, and passes it to the intake if all earlier records were passed. May throw.
   */
  take(encoder: RecordEncoder, settle: Settle | null, tag: number): void
  /** Resolves when the records taken so far are on disk; rejects if the spool has failed. */
  whenTaken(): Promise<undefined>
  /** Called at each step: passes records on disk to the intake, while it accepts them. */
  feed(): void
  /** All records of the batch were notified. */
  onBatchSettled(outcome: BatchOutcome): void
  /** A single record was notified of its failure. */
  onRecordFailed(failure: RecordFailure): void
  /** Whether records of the topic wait on disk for its metadata. */
  waitsFor(topic: string): boolean
  /** The metadata of the topic has changed. */
  onTopic(topic: string): void
  /** The records of the topic have failed: it does not exist, or its use is not allowed. */
  onTopicFailed(topic: string, error: KafkaError): void
}
