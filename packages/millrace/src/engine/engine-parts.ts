// Owns the parts of an engine: it creates each with the parts that it needs, and connects their
// events. Callers: Engine; unit tests read the parts directly. Invariant: only this file knows all
// parts.

import type { KafkaError } from '../protocol/kafka-error.ts'
import type { EventOrigin } from '../runtime/diagnostics.ts'
import { BufferPool } from './batch/buffer-pool.ts'
import { MemoryBudget } from './batch/memory-budget.ts'
import { Accumulator, type AccumulatorEvents } from './buffer/accumulator.ts'
import { FlushTrigger } from './buffer/flush-trigger.ts'
import { RecordCancellation } from './buffer/record-cancellation.ts'
import { TopicDirectory } from './buffer/topic-directory.ts'
import type { LeaderFacts } from './buffer/topic-state.ts'
import { WaitingRecords } from './buffer/waiting-records.ts'
import { Deadlines } from './deadlines.ts'
import { BatchFailures } from './delivery/batch-failures.ts'
import type { DeadLetterPort } from './delivery/dead-letter-port.ts'
import { Delivery } from './delivery/delivery.ts'
import { FlushGenerations } from './delivery/flush-generations.ts'
import { IncompleteBatches } from './delivery/incomplete-batches.ts'
import type { RecordSpool } from './delivery/record-spool.ts'
import { type BatchOutcome, Settlement, type SettlementEvents } from './delivery/settlement.ts'
import { BatchPreparation, type BatchPreparationEvents } from './dispatch/batch-preparation.ts'
import type { ReleaseTime } from './dispatch/broker-pump.ts'
import { type DispatchEvents, Dispatcher } from './dispatch/dispatcher.ts'
import type { PartitionQueue } from './dispatch/partition-queue.ts'
import { ProducerIdentityState } from './dispatch/producer-identity-state.ts'
import { Measurements } from './metrics/measurements.ts'
import type { PartitionerFactory } from './partitioner/partitioner-contract.ts'
import type { ClusterPort, ProducerIdentity } from './ports.ts'
import type { EngineHost, EngineSettings } from './settings.ts'
import type { TransactionEffects } from './transactions/transaction-effects.ts'
import { TransactionManager } from './transactions/transaction-manager.ts'

/** The environment of an engine. */
export interface EngineSurroundings {
  readonly settings: EngineSettings
  readonly host: EngineHost
  readonly cluster: ClusterPort
  readonly makePartitioner: PartitionerFactory
  readonly origin: EventOrigin
  /** Null without the option spool. */
  readonly spool: RecordSpool | null
  /** Null without the option deadLetter. */
  readonly deadLetters: DeadLetterPort | null
}

export class EngineParts {
  readonly settings: EngineSettings
  readonly host: EngineHost
  readonly cluster: ClusterPort
  readonly deadlines: Deadlines
  readonly generations: FlushGenerations
  readonly measurements: Measurements
  readonly identityState: ProducerIdentityState
  /** Null without a transactional id. */
  readonly transactions: TransactionManager | null
  readonly pool: BufferPool
  readonly budget: MemoryBudget
  readonly settlement: Settlement
  readonly incomplete: IncompleteBatches
  readonly dispatcher: Dispatcher
  readonly failures: BatchFailures
  readonly delivery: Delivery
  readonly topics: TopicDirectory
  readonly leaders: LeaderFacts
  readonly flushTrigger: FlushTrigger | null
  readonly accumulator: Accumulator
  readonly cancellation: RecordCancellation
  readonly spool: RecordSpool | null
  #isAwake = false

  constructor(surroundings: EngineSurroundings) {
    const { settings, host, cluster, makePartitioner, origin, spool, deadLetters } = surroundings
    const { bufferMemoryBytes, idempotent } = settings
    const wake = (): void => this.wake()
    const deadlines = new Deadlines()
    const generations = new FlushGenerations()
    const measurements = new Measurements(origin)
    const pool = new BufferPool(largestBatchBytes(settings), Math.floor(bufferMemoryBytes / 2))
    const budget = new MemoryBudget(bufferMemoryBytes, settings.waitingMemoryBytes, () =>
      this.accumulator.onMemoryFreed(),
    )
    const { transactions: coordinator } = cluster
    const requestProducerId = (current: ProducerIdentity): void => cluster.initProducerId(current)
    const identityState = new ProducerIdentityState(
      idempotent,
      coordinator === null ? requestProducerId : null,
    )
    const base = { settings, host, cluster, deadlines, generations, measurements, identityState }
    const transactions =
      coordinator === null
        ? null
        : new TransactionManager(coordinator, { ...base, effects: this.#transactionEffects() })
    const settlement = new Settlement(this.#settlementEvents(), deadLetters)
    const incomplete = new IncompleteBatches(generations)
    const preparation = new BatchPreparation(cluster, pool, budget, this.#preparationEvents())
    const releaseTimeOf = (queue: PartitionQueue, now: number): ReleaseTime =>
      this.#releaseTimeOf(queue, now)
    const dispatcher = new Dispatcher({
      ...base,
      preparation,
      transactions,
      spool,
      releaseTimeOf,
      isFull: () => this.#isFull,
      events: this.#dispatchEvents(),
    })
    const middle = { ...base, pool, budget, incomplete, settlement, dispatcher }
    const failures = new BatchFailures({ ...middle, transactions })
    const waiting = new WaitingRecords({ ...middle, wake })
    this.spool = spool
    this.settings = settings
    this.host = host
    this.cluster = cluster
    this.deadlines = deadlines
    this.generations = generations
    this.measurements = measurements
    this.identityState = identityState
    this.transactions = transactions
    this.pool = pool
    this.budget = budget
    this.settlement = settlement
    this.incomplete = incomplete
    this.dispatcher = dispatcher
    this.failures = failures
    this.delivery = new Delivery({ ...middle, transactions, preparation, failures, spool })
    this.topics = new TopicDirectory(makePartitioner, settings)
    this.leaders = this.#leaderFacts()
    this.flushTrigger = FlushTrigger.of(settings, host, deadlines, incomplete, {
      onReleased: () => dispatcher.endLingers(),
      wake,
    })
    const { topics } = this
    const events = this.#accumulatorEvents()
    this.accumulator = new Accumulator({ ...middle, topics, waiting, spool, events })
    this.cancellation = new RecordCancellation(waiting, settlement, measurements, wake)
  }

  // ── Operations on all parts ────────────────────────────────────────────────────────────────────

  /** Requests a step from the host. */
  wake(): void {
    if (this.#isAwake) return
    this.#isAwake = true
    this.host.wake()
  }

  /** The requested step begins. */
  beginStep(): void {
    this.#isAwake = false
  }

  /** Every record is settled, every callback has run, and no request is in flight. */
  get isDrained(): boolean {
    const { generations, settlement, dispatcher } = this
    return generations.outstanding === 0 && settlement.idle && dispatcher.requestsInFlight === 0
  }

  /**
   * Calls `done` when all records taken so far are settled; open batches do not linger for it.
   * Returns a function that forgets `done`.
   */
  flush(done: () => void): () => void {
    this.flushTrigger?.release()
    const forget = this.generations.endGeneration(done)
    this.dispatcher.endLingers()
    if (this.settlement.idle) this.generations.notify()
    this.wake()
    return forget
  }

  /** Fails all records that are not in flight. */
  failUnsent(error: KafkaError): void {
    this.accumulator.failAllWaiting(() => error)
    this.failures.failUnsent(error)
  }

  /** Fails all unsettled records; those in flight may be in the log. */
  failEverything(error: KafkaError): void {
    this.accumulator.failAllWaiting(() => error)
    this.failures.failEverything(error)
    this.wake()
  }

  /** Every partition with an unsettled batch may have something to send. */
  offerAll(): void {
    for (const batch of this.incomplete.list()) this.dispatcher.offer(batch.queue)
    this.wake()
  }

  #releaseTimeOf(queue: PartitionQueue, now: number): ReleaseTime {
    const open = queue.open!
    if (queue.releaseOpen || open.flushGeneration < this.generations.current) return 'now'
    if (this.#isFull) return 'now'
    const { lingerMs } = queue.topic
    if (this.flushTrigger === null) {
      if (lingerMs > 0 && now < open.createdAt + lingerMs) return 'later'
    } else if (this.flushTrigger.holds(open)) return 'later'
    // A batch that was created during this step is newer than the step's time.
    return this.accumulator.isFilling || now < open.createdAt ? 'nextStep' : 'now'
  }

  get #isFull(): boolean {
    return !this.accumulator.hasSpace || this.budget.isWindowFull
  }

  #leaderFacts(): LeaderFacts {
    const { dispatcher, cluster } = this
    const { rack } = this.settings
    return {
      isAvailable: (nodeId) => dispatcher.isAvailable(nodeId),
      isNear: (nodeId) => rack !== null && cluster.rackOf(nodeId) === rack,
    }
  }

  // ── Events of the parts ────────────────────────────────────────────────────────────────────────

  #transactionEffects(): TransactionEffects {
    return {
      now: () => this.host.now(),
      isDrained: () => this.isDrained,
      flush: (done) => this.flush(done),
      failUnsent: (error) => this.failUnsent(error),
      failEverything: (error) => this.failEverything(error),
      offerAll: () => this.offerAll(),
      wake: () => this.wake(),
    }
  }

  #preparationEvents(): BatchPreparationEvents {
    return {
      onReady: (batch) => this.dispatcher.offer(batch.queue),
      onEmptied: (batch) => {
        const unknown = { baseOffset: -1, logAppendTime: -1, logStartOffset: -1 }
        this.settlement.settleBatch({ batch, error: null, ...unknown })
        // The batches after it may be sent now.
        this.dispatcher.offer(batch.queue)
      },
      onCompressionFailed: (batch, cause) => {
        this.failures.failCompression(batch, cause)
        this.wake()
      },
    }
  }

  #dispatchEvents(): DispatchEvents {
    return {
      onSealed: (batch) => {
        this.flushTrigger?.onBatchSealed(batch)
        this.measurements.onBatchSealed()
      },
      onRequestSent: (request) => {
        this.transactions?.onProduceSent()
        this.measurements.onRequestSent(request, request.sentAt)
      },
      onRequestCompleted: (request, response) => {
        this.measurements.onRequestCompleted(request, response, this.host.now())
        this.delivery.onResponse(request, response)
        this.settlement.runAfterResponse(this.dispatcher.requestsInFlight)
        this.generations.notify()
        this.wake()
      },
      onRequestFailed: (request, error, written) => {
        this.measurements.onRequestFailed(request, error, written, this.host.now())
        this.delivery.onFailed(request, error, written)
        this.wake()
      },
      onAvailability: () => {
        for (const topic of this.topics.all()) topic.onAvailability(this.leaders)
      },
      wake: () => this.wake(),
    }
  }

  #accumulatorEvents(): AccumulatorEvents {
    const { flushTrigger, measurements, identityState, deadlines } = this
    const wake = (): void => this.wake()
    return {
      onBatchCreated: (batch) => {
        if (flushTrigger !== null) {
          flushTrigger.onBatchOpened(batch)
          // While the batch is held there is time to get the producer id that its request needs.
          identityState.want()
        }
        const { lingerMs } = batch.queue.topic
        if (lingerMs > 0) {
          const { queue, createdAt } = batch
          deadlines.add(createdAt + lingerMs, () => this.dispatcher.endLinger(queue))
        }
        // Its partition may be listed already, for a batch that was removed.
        this.wake()
      },
      onAppended:
        flushTrigger === null
          ? () => measurements.onRecordAppended()
          : (batch, bytes, since) => {
              measurements.onRecordAppended()
              flushTrigger.onAppended(batch, bytes, since)
            },
      onFull: () => {
        flushTrigger?.release()
        this.wake()
      },
      wake,
    }
  }

  #settlementEvents(): SettlementEvents {
    return {
      onUnobservedFailure: (error) => this.host.onUnobservedFailure(error),
      onCallbackError: (error) => this.host.onCallbackError(error),
      onBatchSettled: (outcome) => this.#onBatchSettled(outcome),
      onFailureNotified: (failure) => {
        const { flushGeneration, error } = failure
        this.spool?.onRecordFailed(failure)
        if (flushGeneration >= 0) this.generations.leave(flushGeneration)
        const topic = this.topics.find(error.topic ?? '')?.topic
        this.measurements.onRecordFailed(error, topic?.measurements)
      },
      onRecordsSettled: (delivered, failed) =>
        this.measurements.onRecordsSettled(delivered, failed),
      onFailed: (error) => this.transactions?.onRecordFailed(error),
      continueLater: () => this.wake(),
    }
  }

  #onBatchSettled(outcome: BatchOutcome): void {
    const { batch, error } = outcome
    this.spool?.onBatchSettled(outcome)
    this.measurements.onBatchSettled(outcome, this.host.now())
    this.flushTrigger?.onBatchGone(batch)
    this.incomplete.delete(batch)
    const { cost } = batch
    // A buffer that a socket may still read is left to the garbage collector.
    if (error === null || batch.attempts === 0) this.pool.release(batch.buffer)
    batch.forgetSettles()
    this.budget.release(cost)
  }
}

const largestBatchBytes = ({ batchBytes, topics }: EngineSettings): number =>
  Math.max(batchBytes, ...[...topics.values()].map((topic) => topic.batchBytes))
