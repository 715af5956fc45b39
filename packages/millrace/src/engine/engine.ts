// The engine: it owns the accumulator, a pump per broker, the sequencer, delivery and settlement,
// and is stepped from outside. `append`, `step`, and the events of the ports are its only entries;
// effects leave through ClusterPort, EngineHost and the settle callbacks. It knows no socket, timer
// or promise.
//
//   append ─▶ accumulator ─▶ partition queues ─▶ pumps ─▶ links
//                                   ▲                       │ answers
//   callbacks ◀── settlement ◀── delivery ◀─────────────────┘

import type { ProduceResponse } from '../protocol/api/00-produce.ts'
import {
  type ErrorCode,
  isRefusal,
  type KafkaError,
  type Persisted,
} from '../protocol/kafka-error.ts'
import type { EventOrigin } from '../runtime/diagnostics.ts'
import { Accumulator, type Place } from './accumulator.ts'
import type { Batch } from './batch.ts'
import { errorOfBatch, persistedOf, withCause } from './batch-errors.ts'
import { Deadlines } from './deadlines.ts'
import { Delivery } from './delivery.ts'
import { Expiry } from './expiry.ts'
import { FlushGenerations } from './flush-generations.ts'
import { FlushTrigger } from './flush-trigger.ts'
import { Measurements } from './measurements.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { PartitionerFactory } from './partitioner.ts'
import type { ClusterPort, EngineEvents, ProducerIdentity, TopicView } from './ports.ts'
import { Preparation } from './preparation.ts'
import { topicIdFrom } from './produce-request.ts'
import { type ProduceInFlight, Pump } from './pump.ts'
import type { ProducerRecord, Settle } from './record.ts'
import { Sequencer } from './sequencer.ts'
import type { EngineHost, EngineSettings, FlushSettings } from './settings.ts'
import { type BatchOutcome, type RecordFailure, Settlement } from './settlement.ts'
import type { TopicState } from './topic-state.ts'
import { TransactionManager } from './transaction-manager.ts'
import { Unsettled } from './unsettled.ts'
import { WaitingRecord } from './waiting-line.ts'

export class Engine implements EngineEvents {
  readonly settings: EngineSettings
  readonly host: EngineHost
  readonly cluster: ClusterPort
  readonly generations = new FlushGenerations()
  readonly deadlines = new Deadlines()
  readonly sequencer: Sequencer
  readonly settlement: Settlement
  readonly accumulator: Accumulator
  readonly delivery: Delivery
  readonly preparation: Preparation
  /** Null without a transactional id. */
  readonly transactions: TransactionManager | null
  readonly measurements: Measurements
  readonly #pumps = new Map<number, Pump>()
  readonly #flushTrigger: FlushTrigger | null
  readonly #unsettled: Unsettled
  readonly #expiry: Expiry
  #awake = false

  constructor(
    settings: EngineSettings,
    host: EngineHost,
    cluster: ClusterPort,
    makePartitioner: PartitionerFactory,
    origin: EventOrigin = { producer: host, clientId: '' },
  ) {
    this.settings = settings
    this.measurements = new Measurements(origin)
    this.host = host
    this.cluster = cluster
    const { transactions } = cluster
    this.sequencer = new Sequencer(
      settings.idempotent,
      transactions === null ? (id) => cluster.initProducerId(id) : null,
    )
    this.transactions = transactions === null ? null : new TransactionManager(this, transactions)
    this.settlement = new Settlement({
      onUnclaimedFailure: (error) => host.onUnclaimedFailure(error),
      onCallbackError: (error) => host.onCallbackError(error),
      onBatchSettled: (outcome) => this.#onBatchSettled(outcome),
      onFailureTold: ({ flushGeneration, error }) => {
        if (flushGeneration >= 0) this.generations.leave(flushGeneration)
        const topic = this.accumulator.topic(error.topic ?? '')
        this.measurements.onRecordFailed(error, topic?.measurements)
      },
      onRecordsSettled: (delivered, failed) => this.#onRecordsSettled(delivered, failed),
      onFailed: (error) => this.transactions?.onRecordFailed(error),
      continueLater: () => this.wake(),
    })
    this.accumulator = new Accumulator(this, makePartitioner)
    this.delivery = new Delivery(this)
    this.preparation = new Preparation(this)
    this.#unsettled = new Unsettled({
      now: () => host.now(),
      fail: (batch, error) => this.delivery.fail(batch, error),
      troubleOf: (batch) => this.troubleOfBatch(batch),
    })
    this.#expiry = new Expiry(this)
    this.#flushTrigger =
      settings.flush === null || !holdsBack(settings.flush)
        ? null
        : new FlushTrigger(settings.flush, {
            deadlines: this.deadlines,
            now: () => host.now(),
            startDeadline: (batch) => this.#startDeadline(batch),
            wake: () => this.wake(),
          })
  }

  get pool() {
    return this.accumulator.pool
  }

  // ── Entries ────────────────────────────────────────────────────────────────────────────────────

  /** Takes the record if there is room now; false = not taken, and host.onRoom follows. */
  tryAppend(record: ProducerRecord, settle: Settle | null): boolean {
    return this.accumulator.tryAppend(record, settle)
  }

  /** Takes the record, at the latest when its turn comes. Throws past the bounds of the line. */
  append(record: ProducerRecord, settle: Settle | null): Place {
    return this.accumulator.append(record, settle)
  }

  /**
   * The caller gives up on a record that was taken: `'no'` = it is dropped, it will never be sent;
   * `'maybe'` = it is on its way and its fate is its batch's. The settle is not called by this;
   * whoever abandons must ignore a later call.
   */
  abandon(place: Place, settle: Settle, tag = 0): Persisted {
    const fate = this.#abandon(place, settle, tag)
    if (fate !== 'dropped') return fate
    this.measurements.recordsFailed++
    return 'no'
  }

  /**
   * As `abandon`, but the settle is called with the error, in a later turn, before whatever waits
   * for the record in flush(). It must ignore a later call.
   */
  giveUp(place: Place, settle: Settle, makeError: (persisted: Persisted) => KafkaError): void {
    if (place instanceof WaitingRecord && place.batch === null) {
      if (!place.gone) this.accumulator.failWaiting(place, makeError('no'))
      return
    }
    const fate = this.#abandon(place, settle, 0)
    // What is not dropped is counted with its batch.
    if (fate !== 'dropped') this.measurements.recordsFailed--
    const error = makeError(fate === 'dropped' ? 'no' : fate)
    this.failRecord({ settle, tag: 0, error, flushGeneration: -1 })
  }

  /** `dropped` = it is not in the log and won't be; otherwise its batch decides, or has decided. */
  #abandon(place: Place, settle: Settle, tag: number): Persisted | 'dropped' {
    const batch = place instanceof WaitingRecord ? place.batch : place
    if (batch === null) {
      const waiting = place as WaitingRecord
      // It has failed, and is counted when that is told.
      if (waiting.gone) return 'no'
      this.accumulator.abandonWaiting(waiting)
      return 'dropped'
    }
    const home = batch.homeOf(settle, tag)
    if (home === null) return 'maybe'
    if (home.state === 'settled') return home.attempts === 0 ? 'no' : 'maybe'
    if (persistedOf(home) === 'maybe') return 'maybe'
    home.drop(settle, tag)
    return 'dropped'
  }

  /**
   * Calls `done` once everything taken so far is settled, at once when nothing is left; open
   * batches do not linger for it.
   */
  flush(done: () => void): void {
    this.#flushTrigger?.release()
    this.generations.endGeneration(done)
    if (this.settlement.idle) this.generations.tell()
    this.wake()
  }

  /** What keeps a record that was taken from being delivered, as far as known. */
  troubleOf(place: Place): KafkaError | null {
    const batch = place instanceof WaitingRecord ? place.batch : place
    if (batch !== null) return this.troubleOfBatch(batch)
    const topic = this.accumulator.topic((place as WaitingRecord).draft.topic)
    return topic?.failure ?? this.cluster.metadataError
  }

  /** Every batch that is not settled; settling one while walking is safe. */
  unsettled(): Batch[] {
    return this.#unsettled.list()
  }

  troubleOfBatch(batch: Batch): KafkaError | null {
    const link = this.cluster.link(batch.queue.leaderId)
    return (
      batch.lastError ?? this.sequencer.lastError ?? link?.lastError ?? this.cluster.metadataError
    )
  }

  /** Does what is due and writes what may be written; returns the moment of the next call. */
  step(): number {
    this.#awake = false
    const now = this.host.now()
    this.deadlines.fireDue(now)
    this.#expiry.run(now)
    this.accumulator.startTurn()
    this.accumulator.letIn()
    this.transactions?.step()
    for (const pump of this.#pumps.values()) pump.drain(now)
    this.settlement.run()
    this.generations.tell()
    return Math.min(this.deadlines.next, this.#expiry.next)
  }

  /**
   * Fails everything that is not settled; what is in flight may be in the log. Each names `cause`,
   * or else what kept it.
   */
  failAll(code: ErrorCode, message: string, cause: Error | null): void {
    const trouble = cause ?? this.cluster.metadataError
    this.accumulator.failAllWaiting(() => withCause(code, message, {}, trouble))
    this.#unsettled.failEach(code, message, cause)
    this.settlement.runAll()
    this.generations.tell()
  }

  /** Nothing that was taken is unsettled, everybody was told, and no request is in flight. */
  get isDrained(): boolean {
    return this.generations.outstanding === 0 && this.settlement.idle && this.requestsInFlight === 0
  }

  /** Fails what is not in flight. */
  failUnsent(error: KafkaError): void {
    this.accumulator.failAllWaiting(() => error)
    this.#unsettled.failUnsent(error)
  }

  /** Fails all that is not settled; what is in flight may be in the log. */
  failEverything(error: KafkaError): void {
    this.accumulator.failAllWaiting(() => error)
    this.#unsettled.failEverything(error)
    this.wake()
  }

  wake(): void {
    if (this.#awake) return
    this.#awake = true
    this.host.wake()
  }

  get unsettledBatches(): number {
    return this.#unsettled.size
  }

  get pumps(): IterableIterator<Pump> {
    return this.#pumps.values()
  }

  get requestsInFlight(): number {
    let count = 0
    for (const pump of this.#pumps.values()) count += pump.requestsInFlight
    return count
  }

  // ── Events of the cluster ──────────────────────────────────────────────────────────────────────

  onTopic(view: TopicView): void {
    const topic = this.accumulator.topicFor(view.name)
    const before = topic.queues.map((queue) => queue.leaderId)
    topic.update(view, this.sequencer, {
      inFlightMax: this.#inFlightMaxPerPartition,
      transactions: this.transactions,
    })
    for (const [index, queue] of topic.queues.entries()) {
      if (queue.leaderId === before[index]) continue
      this.#pumps.get(before[index] ?? -1)?.withdraw(queue)
      this.offer(queue)
    }
    this.accumulator.releasePending(topic)
    this.wake()
  }

  /**
   * Not idempotent, order holds only with one batch of a partition in flight, unless nothing is
   * retried.
   */
  get #inFlightMaxPerPartition(): number {
    const { idempotent, retries, acks, maxInFlightRequests } = this.settings
    return idempotent || retries === 0 || acks === 0 ? maxInFlightRequests : 1
  }

  onTopicFailed(name: string, error: KafkaError, final: boolean): void {
    const topic = this.accumulator.topic(name)
    if (topic === undefined) return
    const now = this.host.now()
    topic.failure = error
    if (topic.missingSince < 0) topic.missingSince = now
    const until = topic.missingSince + this.settings.unknownTopicTimeoutMs
    if (final || (error.code === 'UNKNOWN_TOPIC' && now >= until && !topic.known)) {
      this.accumulator.failPending(topic, () => error)
      if (final) this.#failTopic(topic, error)
    }
    this.wake()
  }

  #failTopic(topic: TopicState, error: KafkaError): void {
    for (const queue of topic.queues) {
      for (const batch of queue.batches()) {
        if (batch.state !== 'settled')
          this.delivery.fail(batch, errorOfBatch(batch, this.host.now(), error))
      }
    }
  }

  onLinkReady(_nodeId: number): void {
    this.wake()
  }

  onLinkDown(nodeId: number, error: KafkaError): void {
    // The leader is there and does not let us in: waiting would not help.
    if (isRefusal(error)) this.#unsettled.failUnsent(error, nodeId)
    this.wake()
  }

  onProducerId(identity: ProducerIdentity): void {
    this.sequencer.onIdentity(identity)
    this.offerAll()
  }

  onProducerIdFailed(error: KafkaError): void {
    this.sequencer.onFailed(error)
    this.#unsettled.failUnsent(error)
    this.wake()
  }

  onRequestAnswered(request: ProduceInFlight, response: ProduceResponse | null): void {
    this.measurements.onRequestAnswered(request, response, this.host.now())
    this.delivery.onAnswered(request, response)
    this.settlement.run()
    this.generations.tell()
    this.wake()
  }

  onRequestFailed(request: ProduceInFlight, error: KafkaError, written: boolean): void {
    this.measurements.onRequestFailed(request, error, written, this.host.now())
    this.delivery.onFailed(request, error, written)
    this.wake()
  }

  // ── What the parts ask of the engine ───────────────────────────────────────────────────────────

  offer(queue: PartitionQueue): void {
    if (queue.leaderId < 0) {
      if (!queue.isEmpty) this.cluster.refreshTopic(queue.topic.name, 'stale')
      return
    }
    let pump = this.#pumps.get(queue.leaderId)
    if (pump === undefined) {
      pump = new Pump(queue.leaderId, this)
      this.#pumps.set(queue.leaderId, pump)
    }
    pump.offer(queue)
    this.wake()
  }

  offerAt(queue: PartitionQueue, at: number): void {
    this.deadlines.add(at, () => this.offer(queue))
  }

  offerAll(): void {
    for (const batch of this.#unsettled.list()) this.offer(batch.queue)
    this.wake()
  }

  /** Versions above name topics by id, and add partitions to a transaction by themselves. */
  get produceVersionMax(): number {
    const { transactions } = this
    return transactions === null || transactions.version2 ? topicIdFrom : produceVersionMaxV1
  }

  mayRelease(queue: PartitionQueue, now: number): boolean {
    const open = queue.open!
    if (queue.releaseOpen || open.flushGeneration < this.generations.current) return true
    if (!this.accumulator.hasRoom) return true
    if (this.#flushTrigger !== null) return this.#flushTrigger.covers(open)
    return now >= open.createdAt + this.settings.lingerMs
  }

  seal(queue: PartitionQueue): void {
    const batch = queue.seal()
    this.#flushTrigger?.onBatchSealed(batch)
    this.measurements.batches++
    this.preparation.prepare(batch)
    this.offer(queue)
  }

  onBatchCreated(batch: Batch): void {
    if (this.#flushTrigger !== null) {
      this.#flushTrigger.onBatchOpened(batch)
      // While the batch is held there is time to get what its sending would wait for.
      this.sequencer.want()
    }
    this.#unsettled.add(batch)
    this.#expiry.watch(batch)
    if (this.settings.lingerMs > 0) {
      this.deadlines.add(batch.createdAt + this.settings.lingerMs, () => this.wake())
    }
    // Its partition may be listed already, for a batch that is gone.
    this.wake()
  }

  onPiece(batch: Batch): void {
    this.generations.enter(batch.flushGeneration)
    this.#unsettled.add(batch)
    this.#expiry.watch(batch)
  }

  onCostChange(difference: number): void {
    this.accumulator.giveBack(difference)
  }

  onAppended(batch: Batch, bytes: number, since: number | null): void {
    this.measurements.recordsSent++
    this.#flushTrigger?.onAppended(batch, bytes, since)
  }

  #startDeadline(batch: Batch): void {
    batch.deadline = this.host.now() + this.settings.deliveryTimeoutMs
    this.#expiry.watch(batch)
  }

  onFull(): void {
    this.#flushTrigger?.release()
    this.wake()
  }

  onLeftLine(): void {
    this.wake()
  }

  onWaiting(until: number): void {
    this.#expiry.watchWaiting(until)
    this.wake()
  }

  onRequestSent(request: ProduceInFlight): void {
    this.transactions?.onProduceSent()
    this.measurements.onRequestSent(request, request.sentAt)
  }

  failRecord(failure: RecordFailure): void {
    this.settlement.failRecord(failure)
    this.wake()
  }

  #onBatchSettled(outcome: BatchOutcome): void {
    const { batch, error } = outcome
    this.measurements.onBatchSettled(outcome, this.host.now())
    this.#unsettled.delete(batch)
    this.#flushTrigger?.onBatchGone(batch)
    if (this.#unsettled.size === 0) this.#expiry.rest()
    const { cost } = batch
    // A buffer that a socket might still read is left to the garbage collector.
    if (error === null || batch.attempts === 0) this.pool.release(batch.buffer)
    this.generations.leave(batch.flushGeneration)
    batch.forgetSettles()
    this.accumulator.giveBack(cost)
  }

  #onRecordsSettled(delivered: number, failed: number): void {
    this.measurements.recordsDelivered += delivered
    this.measurements.recordsFailed += failed
  }
}

/** The last version of Produce that leaves a transaction's partitions to AddPartitionsToTxn. */
const produceVersionMaxV1 = 11

/** With a limit of records alone, batches are smaller, and leave as they would without it. */
const holdsBack = ({ records, bytes, intervalMs }: FlushSettings): boolean =>
  records + bytes + intervalMs > 0
