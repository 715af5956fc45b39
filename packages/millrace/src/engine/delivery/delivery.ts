// Owns the handling of responses and failed requests: it calls `actionFor` for each batch, and
// delivers, retries, splits or restarts it. Caller: Engine. Invariant: batches settle through
// Settlement and BatchFailures only.

import type { ProduceResponse } from '../../protocol/api/00-produce.ts'
import { brokerError, errorNumber } from '../../protocol/errors.ts'
import { KafkaError } from '../../protocol/kafka-error.ts'
import { backoffDelayMs } from '../../runtime/backoff.ts'
import { batchContext } from '../batch/batch-errors.ts'
import { keepRecords, splitInTwo } from '../batch/batch-rebuild.ts'
import type { BufferPool } from '../batch/buffer-pool.ts'
import type { MemoryBudget } from '../batch/memory-budget.ts'
import { RecordCursor } from '../batch/record-cursor.ts'
import type { BatchPreparation } from '../dispatch/batch-preparation.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { PartitionQueue, QueuedBatch } from '../dispatch/partition-queue.ts'
import type { ProduceInFlight } from '../dispatch/produce-in-flight.ts'
import type { ProducerIdentityState } from '../dispatch/producer-identity-state.ts'
import type { ClusterPort } from '../ports.ts'
import type { EngineHost, EngineSettings } from '../settings.ts'
import { isRecoverable } from '../transactions/transaction-errors.ts'
import type { TransactionManager } from '../transactions/transaction-manager.ts'
import { actionFor, makesMetadataStale, provesNotWritten, renewsIdentity } from './batch-action.ts'
import type { BatchFailures } from './batch-failures.ts'
import type { FailedRecord } from './dead-letter-port.ts'
import type { IncompleteBatches } from './incomplete-batches.ts'
import type { RecordSpool } from './record-spool.ts'
import { type PartitionResponse, ResponseIndex } from './response-index.ts'
import type { Settlement } from './settlement.ts'

type RecordError = PartitionResponse['recordErrors'][number]

/** The parts of the engine that delivery needs. */
export interface DeliveryParts {
  readonly settings: EngineSettings
  readonly host: EngineHost
  readonly cluster: ClusterPort
  readonly identityState: ProducerIdentityState
  /** Null without a transactional id. */
  readonly transactions: TransactionManager | null
  readonly pool: BufferPool
  readonly budget: MemoryBudget
  readonly preparation: BatchPreparation
  readonly dispatcher: Dispatcher
  readonly incomplete: IncompleteBatches
  readonly settlement: Settlement
  readonly failures: BatchFailures
  /** Null without the option spool. */
  readonly spool: RecordSpool | null
}

export class Delivery {
  readonly #parts: DeliveryParts
  #retriedBatches = 0
  #splitBatches = 0
  /** Drawn once per response, so that batches that were rejected together are retried together. */
  #jitter = 0

  constructor(parts: DeliveryParts) {
    this.#parts = parts
  }

  /** Attempts after the first one. */
  get retriedBatches(): number {
    return this.#retriedBatches
  }

  get splitBatches(): number {
    return this.#splitBatches
  }

  onResponse(request: ProduceInFlight, response: ProduceResponse | null): void {
    const { batches } = request
    if (response === null) for (const batch of batches) this.#onUnacknowledged(batch)
    else {
      this.#jitter = this.#parts.host.random()
      const index = new ResponseIndex(response, request.version, batches.length)
      const parts = batches.map((batch) => index.find(batch))
      for (let position = 0; position < batches.length; position++) {
        this.#applyLeaderHint(batches[position]!, parts[position]!, response)
      }
      for (let position = 0; position < batches.length; position++) {
        this.#onPartitionResponse(request, batches[position]!, parts[position]!)
      }
    }
  }

  /** With acks 0: the operating system has accepted the bytes, and no response follows. */
  #onUnacknowledged(batch: QueuedBatch): void {
    batch.queue.removeInFlight(batch)
    this.#deliver(batch, -1, -1, -1)
  }

  onFailed(request: ProduceInFlight, error: KafkaError, written: boolean): void {
    this.#jitter = this.#parts.host.random()
    for (const batch of request.batches) {
      batch.queue.removeInFlight(batch)
      if (written) batch.markMaybeWritten()
      else if (batch.state !== 'settled') batch.discountAttempt()
      this.#retryOrFail(batch, error, written)
    }
  }

  #onPartitionResponse(
    request: ProduceInFlight,
    batch: QueuedBatch,
    response: PartitionResponse | null,
  ): void {
    const { queue } = batch
    const wasFirst = queue.isFirst(batch)
    queue.removeInFlight(batch)
    if (response === null) {
      batch.markMaybeWritten()
      this.#retryOrFail(batch, missingPartition(request, batch), true)
      return
    }
    const { errorCode } = response
    if (errorCode === errorNumber.NONE) {
      this.#onAcknowledged(batch, response)
      return
    }
    if (batch.state === 'settled') {
      // It failed while it was in flight: only its sequence number still matters.
      if (isDuplicate(errorCode)) queue.onAcknowledged()
      else queue.sequenceNumbers.wantRestart()
      this.#parts.dispatcher.offer(queue)
      return
    }
    if (!provesNotWritten(errorCode)) batch.markMaybeWritten()
    if (makesMetadataStale(errorCode)) this.#requestLeader(queue, request.nodeId)
    this.#apply(request, batch, response, wasFirst)
  }

  #onAcknowledged(batch: QueuedBatch, response: PartitionResponse): void {
    const { queue } = batch
    const { baseOffset, logAppendTimeMs, logStartOffset } = response
    this.#parts.transactions?.onAcknowledged(batch)
    queue.onAcknowledged()
    // If it failed while it was in flight, only its sequence number still matters.
    if (batch.isPieceOfMaybeWritten && batch.state !== 'settled') queue.clearPieceMaybeWritten()
    this.#deliver(batch, baseOffset, logAppendTimeMs, logStartOffset)
  }

  /** A response of a former leader says nothing about the known leader. */
  #requestLeader({ topic, partition, leaderId }: PartitionQueue, nodeId: number): void {
    const rejectedPartition = nodeId === leaderId ? partition : undefined
    this.#parts.cluster.refreshTopic(topic.name, 'stale', rejectedPartition)
  }

  #apply(
    request: ProduceInFlight,
    batch: QueuedBatch,
    response: PartitionResponse,
    isFirst: boolean,
  ): void {
    const { queue } = batch
    const { failures } = this.#parts
    const { errorCode } = response
    const action = actionFor(errorCode, {
      idempotent: this.#parts.settings.idempotent,
      transactional: this.#parts.transactions !== null,
      isFirst,
      startsEpoch: batch.baseSequence === 0,
      maybeInLog: batch.maybeInLog || queue.maybeInLog,
      canFailIfMaybeWritten: this.#parts.spool === null,
      maybeWritten: batch.maybeWritten,
      isPieceOfMaybeWritten: batch.isPieceOfMaybeWritten,
      recordCount: batch.recordCount,
      hasOtherCodec: batch.codecId > 0 && queue.topic.hasOtherCodec(batch.codecId),
      namedCount: namedRecords(batch, response).size,
      leaderMoved: queue.leaderId >= 0 && queue.leaderId !== request.nodeId,
    })
    switch (action) {
      case 'duplicate':
        queue.onAcknowledged()
        this.#deliver(batch, -1, -1, -1)
        return
      case 'retry':
      case 'redirect':
        this.#retryOrFail(
          batch,
          this.#errorOfResponse(request, batch, response),
          // Leaders that redirect the batch to each other would receive it without a pause.
          action === 'retry' || batch.lastError?.brokerCode === errorCode,
        )
        return
      case 'restart':
      case 'renew':
        this.#restart(batch, this.#errorOfResponse(request, batch, response), action)
        return
      case 'epochRejected':
        this.#onEpochRejected(batch, this.#errorOfResponse(request, batch, response))
        return
      case 'split':
        this.#split(batch)
        return
      case 'recompress':
        this.#recompress(batch)
        return
      case 'dropNamed':
        this.#dropNamed(request, batch, response)
        return
      case 'fail':
        failures.fail(batch, errorOfPiece(batch, this.#errorOfResponse(request, batch, response)))
        return
      default:
        action satisfies never
    }
  }

  #deliver(
    batch: QueuedBatch,
    baseOffset: number,
    logAppendTime: number,
    logStartOffset: number,
  ): void {
    if (batch.state !== 'settled') {
      const outcome = { batch, error: null, baseOffset, logAppendTime, logStartOffset }
      this.#parts.settlement.settleBatch(outcome)
    }
    this.#parts.dispatcher.offer(batch.queue)
  }

  /** Retries with the same number, unless the deadline or the retries are used up. */
  #retryOrFail(batch: QueuedBatch, error: KafkaError, backOff: boolean): void {
    const { queue } = batch
    const { settings, host, dispatcher, failures } = this.#parts
    const now = host.now()
    if (batch.state === 'settled') {
      queue.sequenceNumbers.wantRestart()
      dispatcher.offer(queue)
      return
    }
    if (batch.attempts > settings.retries) {
      failures.failBecause(batch, error)
      return
    }
    batch.setLastError(error)
    batch.queue.lastError = error
    if (now >= batch.deadline) {
      failures.expire(batch, now, error)
      return
    }
    this.#retriedBatches++
    queue.reenqueue(batch)
    if (!backOff) queue.backOff(0)
    else {
      const until = now + this.#backoffMs(batch.attempts)
      queue.backOff(until)
      dispatcher.offerAt(queue, until)
    }
    dispatcher.offer(queue)
  }

  #backoffMs(attempts: number): number {
    const { retryBackoffMs, retryBackoffMaxMs } = this.#parts.settings
    const range = { initialMs: retryBackoffMs, maxMs: retryBackoffMaxMs }
    return backoffDelayMs(range, Math.max(0, attempts - 1), this.#jitter)
  }

  /**
   * The broker cannot append the first batch. No unsettled batch of the partition is in the log,
   * because a broker accepts a batch only after the batches before it.
   */
  #restart(batch: QueuedBatch, error: KafkaError, action: 'restart' | 'renew'): void {
    const { queue } = batch
    queue.sequenceNumbers.wantRestart()
    const { identityState } = this.#parts
    if (action === 'renew' && batch.producerId === identityState.identity.producerId) {
      identityState.renew()
    }
    batch.markNotWritten()
    queue.markWaitingNotWritten()
    this.#retryOrFail(batch, error, true)
  }

  /** The batch waits in its queue until the transaction fails or the producer is fenced. */
  #onEpochRejected(batch: QueuedBatch, error: KafkaError): void {
    this.#retryOrFail(batch, error, false)
    this.#parts.transactions?.onEpochRejected(error, batch)
  }

  /**
   * Too large for the broker: the batch is split in two, and later batches are smaller. This
   * attempt does not count.
   */
  #split(batch: QueuedBatch): void {
    const { queue } = batch
    const { pool, budget, preparation, dispatcher, incomplete } = this.#parts
    queue.topic.shrinkBatches(batch.size)
    const costBefore = batch.cost
    batch.discountAttempt()
    const later = splitInTwo(batch, pool)
    incomplete.addPiece(later)
    budget.release(costBefore - batch.cost - later.cost)
    this.#splitBatches++
    queue.reenqueueSealed(batch)
    queue.reenqueueSealed(later)
    preparation.prepare(batch)
    preparation.prepare(later)
    dispatcher.offer(queue)
  }

  /**
   * The broker does not support the codec: the batch is compressed with the topic's next codec, and
   * keeps its number.
   */
  #recompress(batch: QueuedBatch): void {
    const { queue } = batch
    const { preparation, dispatcher } = this.#parts
    queue.topic.rejectCodec(batch.codecId)
    batch.discountAttempt()
    queue.reenqueueSealed(batch)
    preparation.prepare(batch)
    dispatcher.offer(queue)
  }

  /** KIP-467: the named records fail, and the others are sent again with new sequence numbers. */
  #dropNamed(request: ProduceInFlight, batch: QueuedBatch, response: PartitionResponse): void {
    const { queue } = batch
    const { pool, budget, preparation, dispatcher, settlement } = this.#parts
    const named = namedRecords(batch, response)
    const contents = new RecordContents(batch)
    for (const [index, entry] of [...named].sort(([a], [b]) => a - b)) {
      const message = entry.batchIndexErrorMessage ?? response.errorMessage
      const error = this.#errorOfResponse(request, batch, response, message)
      const isDead = settlement.wantsDeadLetter(queue.topic.name, error)
      settlement.failRecord({
        settle: batch.settleOf(index),
        tag: batch.tagOf(index),
        error,
        flushGeneration: -1,
        deadLetter: isDead ? contents.copyOf(index) : undefined,
      })
    }
    budget.release(keepRecords(batch, (index) => !named.has(index), pool))
    queue.dropNumber(batch)
    batch.restartAttempts()
    queue.reenqueueSealed(batch)
    preparation.prepare(batch)
    dispatcher.offer(queue)
  }

  #errorOfResponse(
    request: ProduceInFlight,
    batch: QueuedBatch,
    response: PartitionResponse,
    brokerMessage = response.errorMessage,
  ): KafkaError {
    const { transactions, host } = this.#parts
    const isStale = response.errorCode === errorNumber.INVALID_PRODUCER_EPOCH
    const isRenewed = isStale || (transactions === null && renewsIdentity(response.errorCode))
    const isRecovered = transactions !== null && isRecoverable(response.errorCode)
    return brokerError(response.errorCode, {
      kind: isRenewed ? 'retriable' : isRecovered ? 'abortable' : undefined,
      ...batchContext(batch, host.now()),
      broker: request.link.name,
      brokerMessage: brokerMessage ?? undefined,
      cause: connectionFailure(batch.lastError),
    })
  }

  #applyLeaderHint(
    { queue }: QueuedBatch,
    part: PartitionResponse | null,
    response: ProduceResponse,
  ): void {
    if (part === null || part.errorCode === errorNumber.NONE) return
    const { leaderId, leaderEpoch } = part.currentLeader
    if (leaderId < 0) return
    const node = response.nodeEndpoints.find(({ nodeId }) => nodeId === leaderId)
    this.#parts.cluster.applyLeaderHint({
      topic: queue.topic.name,
      partition: queue.partition,
      leaderId,
      leaderEpoch,
      endpoint: node === undefined ? null : { host: node.host, port: node.port, rack: node.rack },
    })
  }
}

const noRecords: ReadonlyMap<number, RecordError> = new Map()

/** The records of the batch that the response names (KIP-467), by their index in the batch. */
const namedRecords = (
  { recordCount }: QueuedBatch,
  { recordErrors }: PartitionResponse,
): ReadonlyMap<number, RecordError> => {
  if (recordErrors.length === 0) return noRecords
  const named = new Map<number, RecordError>()
  for (const entry of recordErrors) {
    const { batchIndex } = entry
    if (batchIndex >= 0 && batchIndex < recordCount) named.set(batchIndex, entry)
  }
  return named
}

/** Copies records of a batch that is rebuilt; the caller requests them in order. */
class RecordContents {
  readonly #batch: QueuedBatch
  readonly #cursor: RecordCursor
  #next = 0

  constructor(batch: QueuedBatch) {
    this.#batch = batch
    this.#cursor = new RecordCursor(batch)
  }

  copyOf(index: number): FailedRecord {
    for (; this.#next <= index; this.#next++) this.#cursor.next()
    const { topic, partition } = this.#batch.queue
    const { timestamp, content } = this.#cursor
    return { topic: topic.name, partition, timestamp, content: Buffer.from(content) }
  }
}

/** The original batch, of which this batch is a part, may be in the log. */
const errorOfPiece = ({ isPieceOfMaybeWritten }: QueuedBatch, error: KafkaError): KafkaError => {
  if (!isPieceOfMaybeWritten) return error
  const message =
    `${error.message}; the batch was split after an attempt without a response, and may be in ` +
    'the log as a whole'
  return new KafkaError(error.code, message, { ...error, cause: error.cause })
}

const isDuplicate = (error: number): boolean => error === errorNumber.DUPLICATE_SEQUENCE_NUMBER

const missingPartition = ({ link }: ProduceInFlight, { queue }: QueuedBatch): KafkaError =>
  new KafkaError(
    'MALFORMED_RESPONSE',
    `The Produce response of ${link.name} must have one result for ` +
      `${queue.topic.name}-${queue.partition}`,
    { topic: queue.topic.name, partition: queue.partition, broker: link.name, api: 'Produce' },
  )

/**
 * The connection failure of an earlier attempt, which explains some responses. The error of an
 * earlier response is not kept: a chain of errors would keep all earlier ones in memory.
 */
const connectionFailure = (error: KafkaError | null): KafkaError | undefined =>
  error === null || error.brokerCode !== undefined ? undefined : error
