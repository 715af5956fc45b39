// Owns the failing of batches: one that cannot be delivered, expired ones, and all of them when a
// broker refuses the client, a topic or a producer id is not available, or a transaction or the
// producer ends. Callers: Delivery, TransactionEffects, Engine. Invariant: a sequence number of a
// failed batch becomes a gap. Waiting records are failed by the accumulator.

import { brokerError } from '../../protocol/errors.ts'
import { type ErrorCode, KafkaError } from '../../protocol/kafka-error.ts'
import { batchContext, deliveryTimeout, errorOfBatch } from '../batch/batch-errors.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { QueuedBatch } from '../dispatch/partition-queue.ts'
import type { ProducerIdentityState } from '../dispatch/producer-identity-state.ts'
import { withCause } from '../errors.ts'
import type { BrokerLink, ClusterPort } from '../ports.ts'
import type { EngineHost, EngineSettings } from '../settings.ts'
import type { TransactionManager } from '../transactions/transaction-manager.ts'
import type { IncompleteBatches } from './incomplete-batches.ts'
import type { Settlement } from './settlement.ts'

/** The parts of the engine that failing a batch needs. */
export interface BatchFailureParts {
  readonly settings: EngineSettings
  readonly host: EngineHost
  readonly cluster: ClusterPort
  readonly identityState: ProducerIdentityState
  readonly incomplete: IncompleteBatches
  readonly settlement: Settlement
  readonly dispatcher: Dispatcher
  /** Null without a transactional id. */
  readonly transactions: TransactionManager | null
}

export class BatchFailures {
  readonly #parts: BatchFailureParts

  constructor(parts: BatchFailureParts) {
    this.#parts = parts
  }

  /** What prevents the delivery of the batch, as far as known. */
  blockingError(batch: QueuedBatch): KafkaError | null {
    const { cluster, identityState, transactions } = this.#parts
    const { leaderId } = batch.queue
    if (leaderId < 0) return cluster.metadataError ?? this.#noLeader(batch)
    const link = cluster.link(leaderId)
    // What keeps the broker from accepting requests now came after the last attempt.
    const unavailable = link === undefined || link.ready ? null : link.lastError
    return (
      unavailable ??
      batch.lastError ??
      // It waits for an earlier batch of the partition, which fails.
      batch.queue.lastError ??
      identityState.lastError ??
      transactions?.blockingError(batch.queue) ??
      link?.lastError ??
      cluster.metadataError ??
      (link === undefined ? null : this.#unresponsive(link))
    )
  }

  #noLeader({ queue, lastError }: QueuedBatch): KafkaError {
    const { topic, partition } = queue
    return brokerError(this.#parts.cluster.leaderErrorCode(topic.name, partition), {
      api: 'Metadata',
      topic: topic.name,
      partition,
      cause: lastError ?? undefined,
    })
  }

  /** The broker is connected and has requests without a response, and others wait for those. */
  #unresponsive({ name, nodeId }: BrokerLink): KafkaError | null {
    const count = this.#parts.dispatcher.requestsInFlightOf(nodeId)
    if (count === 0) return null
    const requests = count === 1 ? 'a Produce request' : `${count} Produce requests`
    const message = `${name} has not responded to ${requests} yet`
    return new KafkaError('REQUEST_TIMEOUT', message, { broker: name, api: 'Produce' })
  }

  /** Fails every record of the batch. Its sequence number, if assigned, is a gap from now on. */
  fail(batch: QueuedBatch, error: KafkaError): void {
    const { queue } = batch
    // While the batch is in flight, its response shows whether there is a gap.
    if (batch.baseSequence >= 0 && !batch.isInFlight) queue.sequenceNumbers.wantRestart()
    queue.remove(batch)
    const unknown = { baseOffset: -1, logAppendTime: -1, logStartOffset: -1 }
    this.#parts.settlement.settleBatch({ batch, error, ...unknown })
    this.#parts.dispatcher.offer(queue)
  }

  /** Fails the batch with an error that is not specific to it. */
  failBecause(batch: QueuedBatch, error: KafkaError): void {
    this.fail(batch, errorOfBatch(batch, this.#parts.host.now(), error))
  }

  /** The delivery timeout of the batch has passed; `cause` is what prevented its delivery. */
  expire(batch: QueuedBatch, now: number, cause: KafkaError | null): void {
    this.fail(batch, deliveryTimeout(batch, now, this.#parts.settings.deliveryTimeoutMs, cause))
  }

  /** Fails the expired batches. */
  expireDue(now: number): void {
    for (const batch of this.#parts.incomplete.takeExpired(now)) {
      if (batch.state !== 'settled') this.expire(batch, now, this.blockingError(batch))
    }
  }

  failCompression(batch: QueuedBatch, cause: Error): void {
    const context = { ...batchContext(batch, this.#parts.host.now()), cause }
    const message = `A batch could not be compressed: ${cause.message}`
    this.fail(batch, new KafkaError('COMPRESSION_FAILED', message, context))
  }

  /** Fails all batches that are not in flight; with `leaderId` only those for that leader. */
  failUnsent(error: KafkaError, leaderId?: number): void {
    for (const batch of this.#parts.incomplete.list()) {
      if (batch.state === 'inFlight') continue
      if (leaderId === undefined || batch.queue.leaderId === leaderId) {
        this.failBecause(batch, error)
      }
    }
  }

  /** Fails all batches; those in flight may be in the log. */
  failEverything(error: KafkaError): void {
    for (const batch of this.#parts.incomplete.list()) this.failBecause(batch, error)
  }

  /**
   * Like `failEverything`, with an error for each batch: its cause is `cause`, or else what
   * prevented its delivery.
   */
  failEach(code: ErrorCode, message: string, cause: Error | null): void {
    const now = this.#parts.host.now()
    for (const batch of this.#parts.incomplete.list()) {
      const blockingError = cause ?? this.blockingError(batch)
      this.fail(batch, withCause(code, message, batchContext(batch, now), blockingError))
    }
  }
}
