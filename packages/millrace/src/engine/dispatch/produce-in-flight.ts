// Owns one Produce request between its writing and its response or failure. Callers: BrokerPump
// creates it; the broker's link calls `onResponse` or `onFailure`. Invariant: exactly one of them
// is called, once. Afterwards it holds neither batches nor bytes: errors refer to the objects whose
// methods were running when they were made, and a caller may keep an error for long.

import { type ProduceResponse, topicIdFrom } from '../../protocol/api/00-produce.ts'
import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { BrokerLink, ProduceCall } from '../ports.ts'
import type { EngineSettings } from '../settings.ts'
import type { QueuedBatch, TransactionAdmission } from './partition-queue.ts'
import { encodeProduceRequest } from './produce-request.ts'

/** Receives the events of requests. */
export interface RequestEvents {
  onRequestSent(request: ProduceInFlight): void
  /** `response` is null with acks 0. */
  onRequestCompleted(request: ProduceInFlight, response: ProduceResponse | null): void
  /** `written` = at least one byte may have reached the broker. */
  onRequestFailed(request: ProduceInFlight, error: KafkaError, written: boolean): void
}

/** Writes requests after the numbers of all their batches are on disk. */
export interface RequestWriter {
  send(request: ProduceInFlight): void
}

/** The common context of all requests of an engine. */
export interface RequestContext {
  readonly settings: EngineSettings
  /** null = there are no transactions. */
  readonly transactions: TransactionAdmission | null
  /** null = requests are written at once. */
  readonly spool: RequestWriter | null
  readonly events: RequestEvents
}

/**
 * The last version of Produce for which AddPartitionsToTxn adds the partitions to a transaction.
 */
const versionMaxOfTransactions1 = 11

/** Later versions identify topics by id, and add partitions to a transaction themselves. */
const versionMax = (
  link: BrokerLink,
  batches: readonly QueuedBatch[],
  transactions: TransactionAdmission | null,
): number => {
  const ofTransactions =
    transactions === null || transactions.version2 ? topicIdFrom : versionMaxOfTransactions1
  let version = Math.min(link.produceVersion, ofTransactions)
  for (const batch of batches) {
    if (!batch.queue.topic.hasId) version = Math.min(version, topicIdFrom - 1)
  }
  return version
}

export class ProduceInFlight implements ProduceCall {
  /** Counts the requests of the producer from 1. */
  readonly number: number
  readonly link: BrokerLink
  readonly sentAt: number
  readonly version: number
  readonly chunks: Uint8Array[]
  readonly expectsResponse: boolean
  #batches: readonly QueuedBatch[]
  readonly #events: RequestEvents
  readonly #onEnded: (request: ProduceInFlight, hasResponse: boolean) => void

  constructor(
    number: number,
    link: BrokerLink,
    batches: readonly QueuedBatch[],
    sentAt: number,
    { settings, transactions, events }: RequestContext,
    onEnded: (request: ProduceInFlight, hasResponse: boolean) => void,
  ) {
    const { acks, requestTimeoutMs, transactionalId } = settings
    this.number = number
    this.link = link
    this.#batches = batches
    this.sentAt = sentAt
    this.version = versionMax(link, batches, transactions)
    this.chunks = encodeProduceRequest(
      this.version,
      acks,
      requestTimeoutMs,
      batches,
      transactionalId,
    )
    this.expectsResponse = acks !== 0
    this.#events = events
    this.#onEnded = onEnded
  }

  get nodeId(): number {
    return this.link.nodeId
  }

  /** Empty after the response or failure. */
  get batches(): readonly QueuedBatch[] {
    return this.#batches
  }

  onResponse(response: ProduceResponse | null): void {
    this.#onEnded(this, true)
    this.#events.onRequestCompleted(this, response)
    this.#release()
  }

  onFailure(error: KafkaError, written: boolean): void {
    this.#onEnded(this, false)
    this.#events.onRequestFailed(this, error, written)
    this.#release()
  }

  /** The connection has the same array of chunks, and does not write it any more. */
  #release(): void {
    this.#batches = []
    this.chunks.length = 0
  }
}
