// What becomes of batches that were sent: it reads the answers, asks `judge`, and settles, retries,
// splits or restarts. Called by the pump's requests; settles through Settlement, never by itself.

import type { ProduceResponse } from '../protocol/api/00-produce.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { backoffDelayMs } from '../runtime/backoff.ts'
import { AnswerFinder, type PartitionAnswer } from './answer-finder.ts'
import type { Batch } from './batch.ts'
import { batchContext, deliveryTimeout, errorOfBatch } from './batch-errors.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { ClusterPort } from './ports.ts'
import type { Preparation } from './preparation.ts'
import type { ProduceInFlight } from './pump.ts'
import { keepRecords, splitInTwo } from './rebuild.ts'
import type { Sequencer } from './sequencer.ts'
import type { EngineHost, EngineSettings } from './settings.ts'
import type { Settlement } from './settlement.ts'
import { isMendable } from './transaction-errors.ts'
import type { TransactionManager } from './transaction-manager.ts'
import { judge, makesMetadataStale, provesNotWritten } from './verdict.ts'

/** After a refusal for its size, batches of a topic are not kept below this. */
const splitBatchBytesMin = 16 * 1024

export interface DeliveryOwner {
  readonly settings: EngineSettings
  readonly host: EngineHost
  readonly cluster: ClusterPort
  readonly sequencer: Sequencer
  readonly settlement: Settlement
  readonly transactions: TransactionManager | null
  readonly pool: BufferPool
  /** The partition may have something to send again. */
  offer(queue: PartitionQueue): void
  /** Looks at the partition again at this moment. */
  offerAt(queue: PartitionQueue, at: number): void
  /** A batch lost records, or two came of one. */
  onCostChange(difference: number): void
  onPiece(batch: Batch): void
  readonly preparation: Preparation
}

export class Delivery {
  readonly #owner: DeliveryOwner
  /** Attempts beyond the first, errors, splits: for metrics. */
  retriedBatches = 0
  splitBatches = 0
  /** Drawn for each answer: batches that came back together wait together, and leave together. */
  #jitter = 0

  constructor(owner: DeliveryOwner) {
    this.#owner = owner
  }

  onAnswered(request: ProduceInFlight, response: ProduceResponse | null): void {
    this.#jitter = this.#owner.host.random()
    if (response === null) for (const batch of request.batches) this.#onUnacknowledged(batch)
    else {
      const finder = new AnswerFinder(response, request.version)
      const answers = request.batches.map((batch) => finder.find(batch))
      this.#applyLeaderHints(request, answers, response)
      for (const [index, batch] of request.batches.entries()) {
        this.#onAnswer(request, batch, answers[index]!)
      }
    }
  }

  /** acks 0: the operating system has the bytes, and that is all that will ever be known. */
  #onUnacknowledged(batch: Batch): void {
    batch.queue.land(batch)
    this.#deliver(batch, -1, -1)
  }

  onFailed(request: ProduceInFlight, error: KafkaError, written: boolean): void {
    this.#jitter = this.#owner.host.random()
    for (const batch of request.batches) {
      batch.queue.land(batch)
      if (written) batch.maybeWritten = true
      else if (batch.state !== 'settled') batch.attempts--
      this.#retryOrFail(batch, error, written)
    }
  }

  #onAnswer(request: ProduceInFlight, batch: Batch, answer: PartitionAnswer | null): void {
    const { queue } = batch
    const wasFirst = queue.isFirst(batch)
    queue.land(batch)
    if (answer === null) {
      batch.maybeWritten = true
      this.#retryOrFail(batch, missingAnswer(request, batch), true)
      return
    }
    const { errorCode } = answer
    if (errorCode === errorNumber.NONE) this.#owner.transactions?.onAcknowledged(batch)
    if (batch.state === 'settled') {
      // It was given up while in flight: only its number still matters.
      if (errorCode !== errorNumber.NONE && !isDuplicate(errorCode)) queue.numbering.wantRestart()
      else queue.onAcknowledged()
      this.#owner.offer(queue)
      return
    }
    if (errorCode !== errorNumber.NONE && !provesNotWritten(errorCode)) batch.maybeWritten = true
    if (makesMetadataStale(errorCode)) this.#owner.cluster.refreshTopic(queue.topic.name, 'stale')
    this.#apply(request, batch, answer, wasFirst)
  }

  #apply(request: ProduceInFlight, batch: Batch, answer: PartitionAnswer, isFirst: boolean): void {
    const { queue } = batch
    const named = answer.recordErrors.length
    const verdict = judge(answer.errorCode, {
      idempotent: this.#owner.settings.idempotent,
      transactional: this.#owner.transactions !== null,
      isFirst,
      recordCount: batch.recordCount,
      namedCount: named,
      leaderMoved: queue.leaderId >= 0 && queue.leaderId !== request.pump.nodeId,
    })
    switch (verdict) {
      case 'delivered':
        queue.onAcknowledged()
        this.#deliver(batch, answer.baseOffset, answer.logAppendTimeMs)
        return
      case 'duplicate':
        queue.onAcknowledged()
        this.#deliver(batch, -1, -1)
        return
      case 'retry':
      case 'redirect':
        this.#retryOrFail(batch, this.#answerError(request, batch, answer), verdict === 'retry')
        return
      case 'restart':
      case 'renew':
        this.#restart(batch, this.#answerError(request, batch, answer), verdict)
        return
      case 'epochRefused':
        this.#onEpochRefused(batch, this.#answerError(request, batch, answer))
        return
      case 'split':
        this.#split(batch)
        return
      case 'dropNamed':
        this.#dropNamed(request, batch, answer)
        return
      case 'fail':
        this.fail(batch, this.#answerError(request, batch, answer))
        return
      default:
        verdict satisfies never
    }
  }

  #deliver(batch: Batch, baseOffset: number, logAppendTime: number): void {
    if (batch.state !== 'settled') {
      this.#owner.settlement.settleBatch({ batch, error: null, baseOffset, logAppendTime })
    }
    this.#owner.offer(batch.queue)
  }

  /** Another attempt under the same number, unless the batch's time or its retries are used up. */
  #retryOrFail(batch: Batch, error: KafkaError, backOff: boolean): void {
    const { queue } = batch
    const now = this.#owner.host.now()
    if (batch.state === 'settled') {
      queue.numbering.wantRestart()
      this.#owner.offer(queue)
      return
    }
    if (batch.attempts > this.#owner.settings.retries) {
      this.fail(batch, errorOfBatch(batch, now, error))
      return
    }
    batch.lastError = error
    if (now >= batch.deadline) {
      this.fail(batch, deliveryTimeout(batch, now, this.#owner.settings.deliveryTimeoutMs, error))
      return
    }
    this.retriedBatches++
    queue.putBack(batch)
    if (!backOff) queue.backoffUntil = 0
    else {
      queue.backoffUntil = now + this.#backoffMs(batch.attempts)
      this.#owner.offerAt(queue, queue.backoffUntil)
    }
    this.#owner.offer(queue)
  }

  #backoffMs(attempts: number): number {
    const { retryBackoffMs, retryBackoffMaxMs } = this.#owner.settings
    const range = { initialMs: retryBackoffMs, maxMs: retryBackoffMaxMs }
    return backoffDelayMs(range, Math.max(0, attempts - 1), this.#jitter)
  }

  /**
   * The broker can't place the first batch: nothing of the partition that is unsettled is in the
   * log, for the broker takes a batch only behind the ones before it.
   */
  #restart(batch: Batch, error: KafkaError, verdict: 'restart' | 'renew'): void {
    const { queue } = batch
    queue.numbering.wantRestart()
    if (verdict === 'renew' && batch.producerId === this.#owner.sequencer.identity.producerId) {
      this.#owner.sequencer.renew()
    }
    batch.maybeWritten = false
    for (const behind of queue.waiting) behind.maybeWritten = false
    this.#retryOrFail(batch, error, true)
  }

  /** The batch waits in its queue: the transaction goes on to fail, or the producer is fenced. */
  #onEpochRefused(batch: Batch, error: KafkaError): void {
    this.#retryOrFail(batch, error, false)
    this.#owner.transactions?.onEpochRefused(error, batch)
  }

  /**
   * Too large for the broker: two halves, and smaller batches from now on. Not counted as an
   * attempt.
   */
  #split(batch: Batch): void {
    const { queue } = batch
    const { topic } = queue
    topic.batchBytes = Math.max(
      splitBatchBytesMin,
      Math.min(topic.batchBytes, Math.ceil(batch.size / 2)),
    )
    const costBefore = batch.cost
    const second = splitInTwo(batch, this.#owner.pool)
    this.#owner.onPiece(second)
    this.#owner.onCostChange(costBefore - batch.cost - second.cost)
    this.splitBatches++
    batch.attempts--
    second.attempts = batch.attempts
    queue.putBackSealed(batch)
    queue.putBackSealed(second)
    this.#owner.preparation.prepare(batch)
    this.#owner.preparation.prepare(second)
    this.#owner.offer(queue)
  }

  /** KIP-467: the named records fail, the innocent ones are sent again under new numbers. */
  #dropNamed(request: ProduceInFlight, batch: Batch, answer: PartitionAnswer): void {
    const { queue } = batch
    const named = new Map(answer.recordErrors.map((entry) => [entry.batchIndex, entry]))
    for (const [index, entry] of named) {
      if (index < 0 || index >= batch.recordCount) continue
      const words = entry.batchIndexErrorMessage ?? answer.errorMessage
      const error = this.#answerError(request, batch, answer, words)
      this.#owner.settlement.failRecord({
        settle: batch.settleOf(index),
        tag: batch.tagOf(index),
        error,
        flushGeneration: -1,
      })
    }
    this.#owner.onCostChange(
      keepRecords(batch, (index) => !named.has(index), this.#owner.pool, true),
    )
    queue.dropNumber(batch)
    batch.attempts = 0
    queue.putBackSealed(batch)
    this.#owner.preparation.prepare(batch)
    this.#owner.offer(queue)
  }

  /** Fails every record of the batch. A number that was given out is a gap from now on. */
  fail(batch: Batch, error: KafkaError): void {
    // Still in flight, its answer will say whether there is a gap.
    if (batch.baseSequence >= 0 && !batch.queue.inFlight.includes(batch)) {
      batch.queue.numbering.wantRestart()
    }
    batch.queue.removeWaiting(batch)
    if (batch.queue.open === batch) batch.queue.open = null
    const outcome = { batch, error, baseOffset: -1, logAppendTime: -1 }
    this.#owner.settlement.settleBatch(outcome)
    this.#owner.offer(batch.queue)
  }

  #answerError(
    request: ProduceInFlight,
    batch: Batch,
    answer: PartitionAnswer,
    brokerMessage = answer.errorMessage,
  ): KafkaError {
    // On Produce a stale epoch is no fencing: the producer goes on under a new id.
    const isStale = answer.errorCode === errorNumber.INVALID_PRODUCER_EPOCH
    const isMended = this.#owner.transactions !== null && isMendable(answer.errorCode)
    return brokerError(answer.errorCode, {
      kind: isStale ? 'retriable' : isMended ? 'abortable' : undefined,
      ...batchContext(batch, this.#owner.host.now()),
      broker: request.link.name,
      brokerMessage: brokerMessage ?? undefined,
      cause: batch.lastError ?? undefined,
    })
  }

  #applyLeaderHints(
    request: ProduceInFlight,
    answers: readonly (PartitionAnswer | null)[],
    response: ProduceResponse,
  ): void {
    for (const [index, answer] of answers.entries()) {
      if (answer === null || answer.errorCode === errorNumber.NONE) continue
      const { leaderId, leaderEpoch } = answer.currentLeader
      if (leaderId < 0) continue
      const { queue } = request.batches[index]!
      const node = response.nodeEndpoints.find(({ nodeId }) => nodeId === leaderId)
      this.#owner.cluster.applyLeaderHint({
        topic: queue.topic.name,
        partition: queue.partition,
        leaderId,
        leaderEpoch,
        endpoint: node === undefined ? null : { host: node.host, port: node.port },
      })
    }
  }
}

const isDuplicate = (error: number): boolean => error === errorNumber.DUPLICATE_SEQUENCE_NUMBER

const missingAnswer = ({ link }: ProduceInFlight, { queue }: Batch): KafkaError =>
  new KafkaError(
    'MALFORMED_RESPONSE',
    `${link.name} answered a Produce request without ${queue.topic.name}-${queue.partition}`,
    { topic: queue.topic.name, partition: queue.partition, broker: link.name, api: 'Produce' },
  )
