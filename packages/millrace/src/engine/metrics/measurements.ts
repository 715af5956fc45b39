// Owns the counters of an engine since its start, and the distributions of times and sizes. It also
// publishes the events on diagnostics channels. Callers: the parts of the engine report to it; the
// producer's metrics() reads it. Invariants: it is called per request and batch, and per record
// only to count accepted records; the meanings are those of Java's producer-metrics.

import type { ProduceResponse } from '../../protocol/api/00-produce.ts'
import type { KafkaError } from '../../protocol/kafka-error.ts'
import { batchHeaderBytes } from '../../protocol/records/layout.ts'
import type { EventOrigin } from '../../runtime/diagnostics.ts'
import { Announcements, type TransactionEventName } from './engine-events.ts'
import { Histogram } from './histogram.ts'
import type {
  MeasuredBatch,
  MeasuredOutcome,
  MeasuredRequest,
  TopicMeasurements,
} from './measured.ts'

/** The smallest distinguished differences: of times in ms, and of sizes and counts. */
const perMillisecond = 1000
const whole = 1

/** What one broker received, and how it responded. */
export class BrokerMeasurements {
  requests = 0
  requestBytes = 0
  readonly requestLatencyMs = new Histogram(perMillisecond)
  readonly throttleTimeMs = new Histogram(whole)
}

export interface TransactionCounts {
  begun: number
  committed: number
  aborted: number
}

export class Measurements {
  readonly announcements: Announcements
  recordsSent = 0
  recordsDelivered = 0
  recordsFailed = 0
  recordsRetried = 0
  /**
   * Uncompressed size of records with their own fields; counted when a batch is sent or settled.
   */
  recordBytesSent = 0
  recordBytesDelivered = 0
  /** Batches completed for sending. */
  batches = 0
  requests = 0
  requestBytes = 0
  /** Sizes of batches at their first send: uncompressed, and as written to the socket. */
  batchPlainBytes = 0
  batchWireBytes = 0
  readonly batchBytes = new Histogram(whole)
  readonly recordsPerRequest = new Histogram(whole)
  readonly recordQueueTimeMs = new Histogram(perMillisecond)
  readonly requestLatencyMs = new Histogram(perMillisecond)
  readonly deliveryTimeMs = new Histogram(perMillisecond)
  readonly retryTimeMs = new Histogram(perMillisecond)
  readonly throttleTimeMs = new Histogram(whole)
  readonly transactions: TransactionCounts = { begun: 0, committed: 0, aborted: 0 }
  /** By node id. */
  readonly brokers = new Map<number, BrokerMeasurements>()

  constructor(origin: EventOrigin) {
    this.announcements = new Announcements(origin)
  }

  onRequestSent(request: MeasuredRequest, nowMs: number): void {
    const broker = this.broker(request.nodeId)
    let bytes = 0
    for (const chunk of request.chunks) bytes += chunk.length
    let records = 0
    for (const batch of request.batches) {
      records += batch.recordCount
      if (batch.sentAt < 0) this.#onFirstSent(batch, nowMs)
      else if (batch.attempts > 1) {
        this.recordsRetried += batch.recordCount
        batch.queue.topic.measurements.recordsRetried += batch.recordCount
      }
    }
    this.requests++
    this.requestBytes += bytes
    broker.requests++
    broker.requestBytes += bytes
    this.recordsPerRequest.record(records, nowMs)
    this.announcements.requestSent(request)
  }

  #onFirstSent(batch: MeasuredBatch, nowMs: number): void {
    const { recordCount, size, wireBytes } = batch
    const { measurements } = batch.queue.topic
    measurements.recordsSent += recordCount
    measurements.recordBytesSent += size - batchHeaderBytes
    this.recordBytesSent += size - batchHeaderBytes
    this.batchPlainBytes += size
    this.batchWireBytes += wireBytes
    this.batchBytes.record(wireBytes, nowMs)
    this.recordQueueTimeMs.record(nowMs - batch.createdAt, nowMs)
  }

  /** Called before the response is processed. `response` is null with acks 0. */
  onRequestCompleted(
    request: MeasuredRequest,
    response: ProduceResponse | null,
    nowMs: number,
  ): void {
    const broker = this.broker(request.nodeId)
    const latencyMs = nowMs - request.sentAt
    this.requestLatencyMs.record(latencyMs, nowMs)
    broker.requestLatencyMs.record(latencyMs, nowMs)
    const throttleTimeMs = response?.throttleTimeMs ?? 0
    this.throttleTimeMs.record(throttleTimeMs, nowMs)
    broker.throttleTimeMs.record(throttleTimeMs, nowMs)
    this.announcements.requestCompleted(request, latencyMs, throttleTimeMs)
  }

  onRequestFailed(
    request: MeasuredRequest,
    error: KafkaError,
    written: boolean,
    nowMs: number,
  ): void {
    this.announcements.requestFailed(request, error, written, nowMs - request.sentAt)
  }

  /** A record was added to a batch. */
  onRecordAppended(): void {
    this.recordsSent++
  }

  onBatchSealed(): void {
    this.batches++
  }

  /** The settles of this many records were called. */
  onRecordsSettled(delivered: number, failed: number): void {
    this.recordsDelivered += delivered
    this.recordsFailed += failed
  }

  /** A record was cancelled, and is not counted again with its batch. */
  onRecordCancelled(): void {
    this.recordsFailed++
  }

  /** A record was not accepted. */
  onRecordRefused(error: KafkaError): void {
    this.recordsFailed++
    this.announcements.recordFailed(error)
  }

  /** A record failed separately; `topic` is its topic, if known. */
  onRecordFailed(error: KafkaError, topic: TopicMeasurements | undefined): void {
    if (topic !== undefined) topic.recordsFailed++
    this.announcements.recordFailed(error)
  }

  /** The settles of all records of the batch were called. */
  onBatchSettled(outcome: MeasuredOutcome, nowMs: number): void {
    const { batch, error } = outcome
    const count = batch.keptRecordCount
    if (count === 0) return
    const { measurements } = batch.queue.topic
    const bytes = batch.size - batchHeaderBytes
    if (error !== null) measurements.recordsFailed += count
    else {
      measurements.recordsDelivered += count
      measurements.recordBytesDelivered += bytes
      this.recordBytesDelivered += bytes
      this.deliveryTimeMs.record(nowMs - batch.createdAt, nowMs)
      if (batch.attempts > 1) this.retryTimeMs.record(nowMs - batch.sentAt, nowMs)
    }
    this.announcements.batchSettled(outcome, count, bytes, nowMs)
  }

  /** The state of a transaction changed; `cause` is why it cannot be committed. */
  onTransaction(name: TransactionEventName, cause: KafkaError | null): void {
    const { transactions, announcements } = this
    if (name !== 'failed') transactions[name]++
    announcements.transaction(name, transactions.begun, cause)
  }

  broker(nodeId: number): BrokerMeasurements {
    let broker = this.brokers.get(nodeId)
    if (broker === undefined) {
      broker = new BrokerMeasurements()
      this.brokers.set(nodeId, broker)
    }
    return broker
  }
}
