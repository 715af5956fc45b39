// What the engine measures of its work: counts since the beginning, and how times and sizes are
// spread. It is told per request and per batch, never per record (save the count of records that
// were taken), and passes the same moments on to whoever listens. Owned by Engine; read by the
// producer's metrics(). The meanings are those of Java's producer-metrics.

import type { ProduceResponse } from '../protocol/api/00-produce.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { batchHeaderBytes } from '../protocol/records/layout.ts'
import type { EventOrigin } from '../runtime/diagnostics.ts'
import { Announcements } from './announcements.ts'
import type { Batch } from './batch.ts'
import { Histogram } from './histogram.ts'
import type { ProduceInFlight } from './pump.ts'
import type { BatchOutcome } from './settlement.ts'
import { isUnderWay, type TransactionState } from './transaction-state.ts'

/** Smallest differences that are told apart: of times in ms, and of sizes and counts. */
const perMillisecond = 1000
const whole = 1

/** What one broker was sent, and how it answered. */
export class BrokerMeasurements {
  requests = 0
  requestBytes = 0
  readonly requestLatencyMs = new Histogram(perMillisecond)
  readonly throttleTimeMs = new Histogram(whole)
}

/** What became of the records of one topic. Owned by its TopicState. */
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
  /** Of records with their own few bytes, uncompressed; counted when a batch is sent or settled. */
  recordBytesSent = 0
  recordBytesDelivered = 0
  /** Batches sealed. */
  batches = 0
  requests = 0
  requestBytes = 0
  /** Batches as they were sent the first time: uncompressed, and as they went to the socket. */
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
  /** How the transaction that is being ended will have ended. */
  #endsIn: 'committing' | 'aborting' | null = null

  constructor(origin: EventOrigin) {
    this.announcements = new Announcements(origin)
  }

  onRequestSent(request: ProduceInFlight, nowMs: number): void {
    const broker = this.broker(request.pump.nodeId)
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
    request.number = ++this.requests
    this.requestBytes += bytes
    broker.requests++
    broker.requestBytes += bytes
    this.recordsPerRequest.record(records, nowMs)
    this.announcements.requestSent(request)
  }

  #onFirstSent(batch: Batch, nowMs: number): void {
    batch.sentAt = nowMs
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

  /** Before anything is made of the answer. `response` is null with acks 0. */
  onRequestAnswered(
    request: ProduceInFlight,
    response: ProduceResponse | null,
    nowMs: number,
  ): void {
    const broker = this.broker(request.pump.nodeId)
    const latencyMs = nowMs - request.sentAt
    this.requestLatencyMs.record(latencyMs, nowMs)
    broker.requestLatencyMs.record(latencyMs, nowMs)
    const throttleTimeMs = response?.throttleTimeMs ?? 0
    this.throttleTimeMs.record(throttleTimeMs, nowMs)
    broker.throttleTimeMs.record(throttleTimeMs, nowMs)
    this.announcements.requestAnswered(request, latencyMs, throttleTimeMs)
  }

  onRequestFailed(
    request: ProduceInFlight,
    error: KafkaError,
    written: boolean,
    nowMs: number,
  ): void {
    this.announcements.requestFailed(request, error, written, nowMs - request.sentAt)
  }

  /** A record was not taken. */
  onRecordRefused(error: KafkaError): void {
    this.recordsFailed++
    this.announcements.recordFailed(error)
  }

  /** A record failed by itself; `topic` is its own, where that is known. */
  onRecordFailed(error: KafkaError, topic: TopicMeasurements | undefined): void {
    if (topic !== undefined) topic.recordsFailed++
    this.announcements.recordFailed(error)
  }

  /** All records of the batch were told. */
  onBatchSettled(outcome: BatchOutcome, nowMs: number): void {
    const { batch, error } = outcome
    const count = batch.recordCount - (batch.dropped?.size ?? 0)
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

  /** A transaction goes from one state to another; `cause` is why it can't be committed. */
  onTransaction(from: TransactionState, to: TransactionState, cause: KafkaError | null): void {
    const { transactions, announcements } = this
    if (from === 'committing' || from === 'aborting') this.#endsIn = from
    if (to === 'open') announcements.transaction('begun', ++transactions.begun, null)
    else if (to === 'failed' || (to === 'fatal' && isUnderWay(from))) {
      this.#endsIn = null
      announcements.transaction('failed', transactions.begun, cause)
    } else if (this.#endsIn !== null && (to === 'ready' || to === 'uninitialized')) {
      const end = this.#endsIn === 'committing' ? 'committed' : 'aborted'
      this.#endsIn = null
      transactions[end]++
      announcements.transaction(end, transactions.begun, null)
    }
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
