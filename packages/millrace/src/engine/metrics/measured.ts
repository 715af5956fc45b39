// What the measurements read of requests, batches and their results, and the counts of one topic.
// The engine's own classes fit these types, so metrics/ knows no other module of the engine.

import type { KafkaError } from '../../protocol/kafka-error.ts'

/** What became of the records of one topic. Written by Measurements. */
export class TopicMeasurements {
  /** In batches that were sent, the first time. */
  recordsSent = 0
  recordBytesSent = 0
  recordsDelivered = 0
  recordBytesDelivered = 0
  recordsFailed = 0
  /** In batches that were sent again. */
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
  /** Without the records that were cancelled. */
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
  /** The first offset that the partition still holds; -1 = unknown. */
  readonly logStartOffset: number
}
