// Owns the types of requests, batches and results that the measurements read, and the counters of
// one topic. Callers: Measurements and engine-events.ts; the engine's classes match these types.
// Invariant: metrics/ depends on no other folder of the engine.

import type { KafkaError } from '../../protocol/kafka-error.ts'

/** The results of one topic's records. Written by Measurements. */
export class TopicMeasurements {
  /** Records in batches that were sent for the first time. */
  recordsSent = 0
  recordBytesSent = 0
  recordsDelivered = 0
  recordBytesDelivered = 0
  recordsFailed = 0
  /** Records in batches that were sent again. */
  recordsRetried = 0
}

interface MeasuredPartition {
  readonly topic: { readonly name: string; readonly measurements: TopicMeasurements }
  readonly partition: number
  readonly leaderId: number
}

export interface MeasuredBatch {
  readonly queue: MeasuredPartition
  readonly recordCount: number
  /** The number of records that were not cancelled. */
  readonly keptRecordCount: number
  readonly size: number
  readonly wireBytes: number
  readonly attempts: number
  readonly createdAt: number
  /** -1 = not yet. */
  readonly sentAt: number
}

export interface MeasuredRequest {
  /** Counts the requests of the producer from 1. */
  readonly number: number
  readonly nodeId: number
  readonly link: { readonly name: string }
  readonly version: number
  readonly chunks: readonly Uint8Array[]
  readonly batches: readonly MeasuredBatch[]
  readonly sentAt: number
}

export interface MeasuredOutcome {
  readonly batch: MeasuredBatch
  /** null = delivered. */
  readonly error: KafkaError | null
  /** Offset of the first record; -1 = unknown. */
  readonly baseOffset: number
  /** The log start offset of the partition; -1 = unknown. */
  readonly logStartOffset: number
}
