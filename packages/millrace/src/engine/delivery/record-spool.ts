// The engine's port to a spool: records are on disk before they are in a batch, and a batch's
// numbers are on disk before it is sent. Implemented by the producer's spool (producer/spooling/),
// called by Accumulator, PartitionQueue, BrokerPump and EngineParts. Without a spool every caller
// holds null instead.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { RecordEncoder } from '../batch/record-encoder.ts'
import type { SpoolGate } from '../dispatch/partition-queue.ts'
import type { RequestWriter } from '../dispatch/produce-in-flight.ts'
import type { Settle } from '../record.ts'
import type { BatchOutcome, RecordFailure } from './settlement.ts'

/** How the engine puts a record into its batch, or lets it wait for its topic; false = no space. */
export interface SpoolIntake {
  append(draft: RecordEncoder, settle: Settle | null, recordId: number): boolean
}

export interface RecordSpool extends SpoolGate, RequestWriter {
  /** Whether a record may be taken now. */
  readonly hasSpace: boolean
  /** Takes the record, and gives it to the intake if all before it were given. May throw. */
  take(draft: RecordEncoder, settle: Settle | null, tag: number): void
  /** Resolves when what was taken so far is on disk; rejects when the spool has failed. */
  whenTaken(): Promise<undefined>
  /** Each step: gives records that wait on disk to the intake, while it takes them. */
  feed(): void
  /** All records of the batch were notified. */
  onBatchSettled(outcome: BatchOutcome): void
  /** A single record was notified that it failed. */
  onRecordFailed(failure: RecordFailure): void
  /** Whether records of the topic wait on disk for its metadata. */
  waitsFor(topic: string): boolean
  /** There is news of the topic. */
  onTopic(topic: string): void
  /** The topic's records have failed: it does not exist, or must not be used. */
  onTopicFailed(topic: string, error: KafkaError): void
}
