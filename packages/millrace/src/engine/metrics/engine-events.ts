// Owns the engine's events on node:diagnostics_channel: one channel per kind of event, one event
// per request, batch or single record. Caller: Measurements. Invariants: no event is created
// without subscribers; no event contains a key, a value, a header or a credential.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import { type EventOrigin, eventChannel } from '../../runtime/diagnostics.ts'
import type { MeasuredBatch, MeasuredOutcome, MeasuredRequest } from './measured.ts'
import { TransactionTracing } from './transaction-tracing.ts'

export type { TransactionTrace } from './transaction-tracing.ts'

/** One batch of a request. */
export interface SentBatch {
  readonly topic: string
  readonly partition: number
  readonly recordCount: number
  /** Size in the request, after compression. */
  readonly wireBytes: number
  /** 1 = the first attempt. */
  readonly attempt: number
}

/** `request.sent`: a Produce request was passed to its connection. */
export interface RequestSentEvent extends EventOrigin {
  /**
   * Counts the requests of the producer from 1; later events of the request have the same number.
   */
  readonly requestNumber: number
  readonly nodeId: number
  /** The broker's name in messages: `127.0.0.1:9092 (node 1)`. */
  readonly broker: string
  /** Version of the Produce API. */
  readonly version: number
  readonly requestBytes: number
  readonly recordCount: number
  readonly batches: readonly SentBatch[]
}

/** `request.completed`: the response arrived; each batch's result follows in a separate event. */
export interface RequestCompletedEvent extends RequestSentEvent {
  readonly latencyMs: number
  /** The throttle time of the broker (KIP-219). */
  readonly throttleTimeMs: number
}

/** `request.failed`: no response will arrive. */
export interface RequestFailedEvent extends RequestSentEvent {
  readonly error: KafkaError
  /** At least one byte may have reached the broker. */
  readonly written: boolean
  readonly elapsedMs: number
}

/** `batch.settled`: the callbacks of all records of a batch were called with their results. */
export interface BatchSettledEvent extends EventOrigin {
  readonly topic: string
  readonly partition: number
  /** Node id of the partition's leader; -1 = none now. */
  readonly nodeId: number
  readonly recordCount: number
  /** Size of the uncompressed records in the batch. */
  readonly recordBytes: number
  readonly wireBytes: number
  /** Offset of the first record; -1 = not known (it failed, acks 0, a duplicate). */
  readonly baseOffset: number
  /** The log start offset of the partition; -1 = not known. */
  readonly logStartOffset: number
  /** How often the batch was sent. */
  readonly attempts: number
  /** Milliseconds from the first record until now. */
  readonly elapsedMs: number
  /**
   * Milliseconds from the first record until the batch was first sent; equals elapsedMs if it never
   * was.
   */
  readonly queueTimeMs: number
  /** null = delivered. */
  readonly error: KafkaError | null
}

/**
 * `record.failed`: one record failed separately: it was rejected or cancelled, waited too long for
 * space or its topic, or the broker named it. Records that fail with their batch are in
 * `batch.settled`.
 */
export interface RecordFailedEvent extends EventOrigin {
  readonly error: KafkaError
}

export type TransactionEventName = 'begun' | 'committed' | 'aborted' | 'failed'

/** `transaction.begun`, `.committed`, `.aborted`, `.failed`. */
export interface TransactionEvent extends EventOrigin {
  /** Counts the transactions of the producer from 1. */
  readonly number: number
  /** Why it failed, and can only be aborted; null in the other events. */
  readonly error: KafkaError | null
}

const channels = {
  requestSent: eventChannel<RequestSentEvent>('request.sent'),
  requestCompleted: eventChannel<RequestCompletedEvent>('request.completed'),
  requestFailed: eventChannel<RequestFailedEvent>('request.failed'),
  batchSettled: eventChannel<BatchSettledEvent>('batch.settled'),
  recordFailed: eventChannel<RecordFailedEvent>('record.failed'),
  begun: eventChannel<TransactionEvent>('transaction.begun'),
  committed: eventChannel<TransactionEvent>('transaction.committed'),
  aborted: eventChannel<TransactionEvent>('transaction.aborted'),
  failed: eventChannel<TransactionEvent>('transaction.failed'),
}

const sentBatch = ({ queue, recordCount, wireBytes, attempts }: MeasuredBatch): SentBatch => ({
  topic: queue.topic.name,
  partition: queue.partition,
  recordCount,
  wireBytes,
  attempt: attempts,
})

export class Announcements {
  readonly #origin: EventOrigin
  readonly transactionTracing: TransactionTracing

  constructor(origin: EventOrigin) {
    this.#origin = origin
    this.transactionTracing = new TransactionTracing(origin)
  }

  requestSent(request: MeasuredRequest): void {
    const channel = channels.requestSent
    if (channel.hasSubscribers) channel.publish(this.#request(request))
  }

  requestCompleted(request: MeasuredRequest, latencyMs: number, throttleTimeMs: number): void {
    const channel = channels.requestCompleted
    if (!channel.hasSubscribers) return
    channel.publish({ ...this.#request(request), latencyMs, throttleTimeMs })
  }

  requestFailed(
    request: MeasuredRequest,
    error: KafkaError,
    written: boolean,
    elapsedMs: number,
  ): void {
    const channel = channels.requestFailed
    if (!channel.hasSubscribers) return
    channel.publish({ ...this.#request(request), error, written, elapsedMs })
  }

  batchSettled(
    outcome: MeasuredOutcome,
    recordCount: number,
    recordBytes: number,
    now: number,
  ): void {
    const channel = channels.batchSettled
    if (!channel.hasSubscribers) return
    const { batch, error, baseOffset, logStartOffset } = outcome
    const elapsedMs = now - batch.createdAt
    channel.publish({
      ...this.#origin,
      topic: batch.queue.topic.name,
      partition: batch.queue.partition,
      nodeId: batch.queue.leaderId,
      recordCount,
      recordBytes,
      wireBytes: batch.wireBytes,
      baseOffset,
      logStartOffset,
      attempts: batch.attempts,
      elapsedMs,
      queueTimeMs: batch.sentAt < 0 ? elapsedMs : batch.sentAt - batch.createdAt,
      error,
    })
  }

  recordFailed(error: KafkaError): void {
    const channel = channels.recordFailed
    if (channel.hasSubscribers) channel.publish({ ...this.#origin, error })
  }

  transaction(name: TransactionEventName, number: number, error: KafkaError | null): void {
    this.transactionTracing.onEvent(name, number, error)
    const channel = channels[name]
    if (channel.hasSubscribers) channel.publish({ ...this.#origin, number, error })
  }

  #request(request: MeasuredRequest): RequestSentEvent {
    const { number, nodeId, link, version, chunks, batches } = request
    return {
      ...this.#origin,
      requestNumber: number,
      nodeId,
      broker: link.name,
      version,
      requestBytes: chunks.reduce((bytes, chunk) => bytes + chunk.length, 0),
      recordCount: batches.reduce((count, batch) => count + batch.recordCount, 0),
      batches: batches.map(sentBatch),
    }
  }
}
