// What the engine tells whoever listens on node:diagnostics_channel: one channel for each kind of
// event, one event for each request, batch or lone record that it is about. Nothing is built while
// nobody listens. Called by Measurements, which sees the same moments. No event carries a key, a
// value, a header or a credential.

import type { KafkaError } from '../protocol/kafka-error.ts'
import { type EventOrigin, eventChannel } from '../runtime/diagnostics.ts'
import type { Batch } from './batch.ts'
import type { ProduceInFlight } from './pump.ts'
import type { BatchOutcome } from './settlement.ts'

/** One batch of a request. */
export interface SentBatch {
  readonly topic: string
  readonly partition: number
  readonly recordCount: number
  /** Size in the request, compressed where there is a codec. */
  readonly wireBytes: number
  /** 1 = the first attempt. */
  readonly attempt: number
}

/** `request.sent`: a Produce request was handed to its connection. */
export interface RequestSentEvent extends EventOrigin {
  /** Counts the requests of the producer from 1; the later events of a request have the same. */
  readonly requestNumber: number
  readonly nodeId: number
  /** For people: `127.0.0.1:9092 (node 1)`. */
  readonly broker: string
  /** Version of the Produce API. */
  readonly version: number
  readonly requestBytes: number
  readonly recordCount: number
  readonly batches: readonly SentBatch[]
}

/** `request.answered`: the broker answered; what it said of each batch follows in other events. */
export interface RequestAnsweredEvent extends RequestSentEvent {
  readonly latencyMs: number
  /** How long the broker wants to be left alone (KIP-219). */
  readonly throttleTimeMs: number
}

/** `request.failed`: no answer will come. */
export interface RequestFailedEvent extends RequestSentEvent {
  readonly error: KafkaError
  /** A byte of it may have reached the broker. */
  readonly written: boolean
  readonly elapsedMs: number
}

/** `batch.settled`: each record of a batch was told that it is delivered, or the error. */
export interface BatchSettledEvent extends EventOrigin {
  readonly topic: string
  readonly partition: number
  /** Node id of the partition's leader; -1 = none now. */
  readonly nodeId: number
  readonly recordCount: number
  /** Size of the records as they are in the batch, uncompressed. */
  readonly recordBytes: number
  readonly wireBytes: number
  /** Of the first record; -1 = not known (it failed, acks 0, the answer to a duplicate). */
  readonly baseOffset: number
  /** How often the batch was sent. */
  readonly attempts: number
  /** From the first record until now. */
  readonly elapsedMs: number
  /** From the first record until it was first sent; equals elapsedMs where it never was. */
  readonly queueTimeMs: number
  /** null = delivered. */
  readonly error: KafkaError | null
}

/**
 * `record.failed`: one record failed by itself: it was refused, its caller gave up, it waited too
 * long for room or its topic, or the broker named it. Those that fail with their batch are told in
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
  requestAnswered: eventChannel<RequestAnsweredEvent>('request.answered'),
  requestFailed: eventChannel<RequestFailedEvent>('request.failed'),
  batchSettled: eventChannel<BatchSettledEvent>('batch.settled'),
  recordFailed: eventChannel<RecordFailedEvent>('record.failed'),
  begun: eventChannel<TransactionEvent>('transaction.begun'),
  committed: eventChannel<TransactionEvent>('transaction.committed'),
  aborted: eventChannel<TransactionEvent>('transaction.aborted'),
  failed: eventChannel<TransactionEvent>('transaction.failed'),
}

const sentBatch = ({ queue, recordCount, wireBytes, attempts }: Batch): SentBatch => ({
  topic: queue.topic.name,
  partition: queue.partition,
  recordCount,
  wireBytes,
  attempt: attempts,
})

export class Announcements {
  readonly #origin: EventOrigin

  constructor(origin: EventOrigin) {
    this.#origin = origin
  }

  requestSent(request: ProduceInFlight): void {
    const channel = channels.requestSent
    if (channel.hasSubscribers) channel.publish(this.#request(request))
  }

  requestAnswered(request: ProduceInFlight, latencyMs: number, throttleTimeMs: number): void {
    const channel = channels.requestAnswered
    if (!channel.hasSubscribers) return
    channel.publish({ ...this.#request(request), latencyMs, throttleTimeMs })
  }

  requestFailed(
    request: ProduceInFlight,
    error: KafkaError,
    written: boolean,
    elapsedMs: number,
  ): void {
    const channel = channels.requestFailed
    if (!channel.hasSubscribers) return
    channel.publish({ ...this.#request(request), error, written, elapsedMs })
  }

  batchSettled(outcome: BatchOutcome, recordCount: number, recordBytes: number, now: number): void {
    const channel = channels.batchSettled
    if (!channel.hasSubscribers) return
    const { batch, error, baseOffset } = outcome
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
    const channel = channels[name]
    if (channel.hasSubscribers) channel.publish({ ...this.#origin, number, error })
  }

  #request(request: ProduceInFlight): RequestSentEvent {
    const { number, pump, link, version, chunks, batches } = request
    return {
      ...this.#origin,
      requestNumber: number,
      nodeId: pump.nodeId,
      broker: link.name,
      version,
      requestBytes: chunks.reduce((bytes, chunk) => bytes + chunk.length, 0),
      recordCount: batches.reduce((count, batch) => count + batch.recordCount, 0),
      batches: batches.map(sentBatch),
    }
  }
}
