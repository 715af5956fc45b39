// The engine: what the producer and the cluster client talk to. It is stepped from outside:
// records, `step` and the events of the cluster are its entries; effects leave through ClusterPort,
// EngineHost and the records' settles. It knows no socket, timer or promise, and its parts know
// nothing of it.
//
//   append ─▶ buffer/ ─▶ batch/ ─▶ dispatch/ ─▶ links of the cluster client
//                                                        │ responses
//   settles ◀── delivery/ ◀──────────────────────────────┘

import {
  type ErrorCode,
  isRefusal,
  type KafkaError,
  type Persisted,
} from '../protocol/kafka-error.ts'
import type { EventOrigin } from '../runtime/diagnostics.ts'
import type { RecordEncoder } from './batch/record-encoder.ts'
import { type RestorableBatch, restoreBatch } from './buffer/batch-restoration.ts'
import { type PurgeScope, purge } from './buffer/purge.ts'
import { SpooledHandle } from './buffer/spooled-handle.ts'
import { TopicNews } from './buffer/topic-news.ts'
import { type RecordHandle, type WaitingCaller, WaitingRecord } from './buffer/waiting-record.ts'
import type { Deadlines } from './deadlines.ts'
import type { DeadLetterPort } from './delivery/dead-letter-port.ts'
import type { RecordSpool } from './delivery/record-spool.ts'
import type { PartitionQueue, QueuedBatch } from './dispatch/partition-queue.ts'
import { EngineParts } from './engine-parts.ts'
import { EngineReadings } from './engine-readings.ts'
import { withCause } from './errors.ts'
import type { PartitionerFactory } from './partitioner/partitioner-contract.ts'
import type {
  ClusterPort,
  EngineEvents,
  PartitionView,
  ProducerIdentity,
  TopicView,
} from './ports.ts'
import type { ProducerRecord, Settle } from './record.ts'
import type { EngineHost, EngineSettings } from './settings.ts'
import type { TransactionManager } from './transactions/transaction-manager.ts'

export { RecordEncoder } from './batch/record-encoder.ts'
export type { PurgeScope } from './buffer/purge.ts'
export type { EntryQueue } from './buffer/waiting-queue.ts'
export type { RecordHandle, WaitingCaller } from './buffer/waiting-record.ts'
export type { DeadLetterPort, FailedRecord } from './delivery/dead-letter-port.ts'
export type { RecordSpool, SpoolIntake } from './delivery/record-spool.ts'
export type { BatchOutcome, RecordFailure } from './delivery/settlement.ts'
export type { PartitionQueue, QueuedBatch } from './dispatch/partition-queue.ts'
export type { ProduceInFlight } from './dispatch/produce-in-flight.ts'
export type { TransactionDone } from './transactions/transaction-callers.ts'
export type { TransactionManager } from './transactions/transaction-manager.ts'

export class Engine implements EngineEvents {
  /** For unit tests and the simulator: nothing else looks behind the engine. */
  readonly parts: EngineParts
  readonly settings: EngineSettings
  /** Moments at which a call of the producer's must be looked at again. */
  readonly deadlines: Deadlines
  /** The producer's transactions; null without a transactional id. */
  readonly transactions: TransactionManager | null
  readonly readings: EngineReadings
  readonly #topicNews: TopicNews

  constructor(
    settings: EngineSettings,
    host: EngineHost,
    cluster: ClusterPort,
    makePartitioner: PartitionerFactory,
    origin: EventOrigin = { producer: host, clientId: '' },
    spool: RecordSpool | null = null,
    deadLetters: DeadLetterPort | null = null,
  ) {
    const surroundings = { settings, host, cluster, makePartitioner, origin, spool, deadLetters }
    const parts = new EngineParts(surroundings)
    this.parts = parts
    this.settings = settings
    this.deadlines = parts.deadlines
    this.transactions = parts.transactions
    this.readings = new EngineReadings(parts)
    this.#topicNews = new TopicNews(parts)
  }

  now(): number {
    return this.parts.host.now()
  }

  /** Milliseconds since the epoch. */
  wallTime(): number {
    return this.parts.host.wallTime()
  }

  /** Asks the host for a step. */
  wake(): void {
    this.parts.wake()
  }

  /** Does what is due and writes what may be written; returns the moment of the next call. */
  step(): number {
    const { host, deadlines, failures, accumulator, transactions, dispatcher, settlement } =
      this.parts
    this.parts.beginStep()
    const now = host.now()
    deadlines.fireDue(now)
    failures.expireDue(now)
    accumulator.expireWaiting(now)
    this.#topicNews.limitTopics()
    accumulator.startTurn()
    accumulator.admitWaiting()
    this.parts.spool?.feed()
    transactions?.step()
    dispatcher.drain(now)
    settlement.run()
    this.parts.generations.notify()
    return Math.min(deadlines.next, this.parts.incomplete.nextDeadline, accumulator.nextExpiry)
  }

  // ── Records ────────────────────────────────────────────────────────────────────────────────────

  /** A record would be taken now, and no other waits for space before it. */
  get hasSpace(): boolean {
    return this.parts.accumulator.hasSpace
  }

  /** `tryAppend` would take a record now. */
  get mayEnqueue(): boolean {
    return this.parts.accumulator.mayEnqueue
  }

  /** The host's onSpace follows once `mayEnqueue` is true. */
  requestSpace(): void {
    this.parts.accumulator.requestSpace()
  }

  /** Takes the record if there is space now; false = not taken, and host.onSpace follows. */
  tryAppend(record: ProducerRecord, settle: Settle | null): boolean {
    return this.parts.accumulator.tryAppend(record, settle)
  }

  /** Takes the record, at the latest when its turn comes. Throws past the bounds of the buffer. */
  append(record: ProducerRecord, settle: Settle | null): RecordHandle {
    return this.parts.accumulator.append(record, settle)
  }

  /** Takes a dead letter: as `append`, but a spool takes it also past its bound. */
  appendDeadLetter(record: ProducerRecord, settle: Settle): void {
    this.parts.accumulator.appendDeadLetter(record, settle)
  }

  /** A caller with many records waits for its turn, and then calls `appendInTurn`. */
  wait(caller: WaitingCaller): void {
    this.parts.accumulator.wait(caller)
  }

  /** The caller has cancelled what is left of its records. */
  stopWaiting(caller: WaitingCaller): void {
    this.parts.accumulator.stopWaiting(caller)
  }

  /** The record of a caller whose turn it is, for its flush() calls; null = no space now. */
  appendInTurn(
    record: ProducerRecord,
    settle: Settle,
    tag: number,
    flushGeneration: number,
  ): RecordHandle | null {
    return this.parts.accumulator.appendInTurn(record, settle, tag, flushGeneration)
  }

  /** The flush() calls from now on wait for what is taken under this number. */
  get flushGeneration(): number {
    return this.parts.generations.current
  }

  /** True if the record waits for space; then `onTaken` is called once when its turn came. */
  notifyWhenTaken(handle: RecordHandle, onTaken: () => void): boolean {
    if (!(handle instanceof WaitingRecord) || !handle.waitsForSpace) return false
    handle.notifyWhenTaken(onTaken)
    return true
  }

  /**
   * Cancels a record that was taken: `'no'` = it will never be sent; `'maybe'` = it may be in the
   * log, and its batch decides. The settle is not called by this; the caller must ignore a later
   * call.
   */
  cancel(handle: RecordHandle, settle: Settle, tag = 0): Persisted {
    return this.parts.cancellation.cancel(handle, settle, tag)
  }

  /**
   * As `cancel`, but the settle is called with the error, in a later turn, before flush() calls
   * that wait for the record return. It must ignore a later call.
   */
  cancelAndNotify(
    handle: RecordHandle,
    settle: Settle,
    makeError: (persisted: Persisted) => KafkaError,
  ): void {
    this.parts.cancellation.cancelAndNotify(handle, settle, makeError)
  }

  /** A record was not taken: counted as failed, and reported. */
  onRecordRefused(error: KafkaError): void {
    this.parts.measurements.onRecordRefused(error)
  }

  /** A record was cancelled with this error: reported; `cancel` has counted it. */
  onRecordCancelled(error: KafkaError): void {
    this.parts.measurements.announcements.recordFailed(error)
  }

  // ── The spool ──────────────────────────────────────────────────────────────────────────────────

  /** The failure of a record that was taken, and has no receiver. */
  onUnobservedFailure(error: KafkaError): void {
    this.parts.host.onUnobservedFailure(error)
  }

  get hasSpool(): boolean {
    return this.parts.spool !== null
  }

  /** With a spool: resolves when the records taken so far are on disk. */
  whenTaken(): Promise<undefined> | undefined {
    return this.parts.spool?.whenTaken()
  }

  /** A record of the spool goes into a batch; false = there is no space in memory. */
  appendSpooled(draft: RecordEncoder, settle: Settle | null, recordId: number): boolean {
    return this.parts.accumulator.appendSpooled(draft, settle, recordId)
  }

  /** Makes a batch of an earlier process again; null = the topic has no such partition. */
  restoreBatch(
    batch: RestorableBatch,
    settleOf: (recordId: number) => Settle | null,
  ): QueuedBatch | null {
    return restoreBatch(this.parts, batch, settleOf)
  }

  /** The partition may have something to send. */
  offer(queue: PartitionQueue): void {
    this.parts.dispatcher.offer(queue)
  }

  /** Asks for the topic's metadata, on behalf of records in the spool. */
  requestTopic(topic: string): void {
    this.parts.topics.get(topic)
    this.parts.cluster.refreshTopic(topic, 'unknown')
  }

  /** What keeps a record that was taken from being delivered, as far as known. */
  blockingError(handle: RecordHandle): KafkaError | null {
    const { failures, topics, cluster } = this.parts
    if (handle instanceof SpooledHandle) return cluster.metadataError
    const batch = handle instanceof WaitingRecord ? handle.batch : handle
    if (batch !== null) return failures.blockingError(batch)
    const topic = topics.find((handle as WaitingRecord).draft.topic)
    return topic?.failure ?? cluster.metadataError
  }

  /**
   * Calls `done` once everything taken so far is settled, at once when nothing is left; open
   * batches do not linger for it.
   */
  flush(done: () => void): void {
    this.parts.flush(done)
  }

  /**
   * Fails everything that is not settled; what is in flight may be in the log. Each error names
   * `cause`, or else what kept the record from being delivered. Never called in the middle of an
   * append: the record would not be among them.
   */
  failAll(code: ErrorCode, message: string, cause: Error | null): void {
    const { accumulator, failures, settlement, generations, cluster } = this.parts
    const blockingError = cause ?? cluster.metadataError
    accumulator.failAllWaiting(() => withCause(code, message, {}, blockingError))
    failures.failEach(code, message, cause)
    settlement.runAll()
    generations.notify()
  }

  /** Fails what waits, and is not in flight; returns how many records. */
  purge(scope: PurgeScope): number {
    const count = purge(this.parts, scope)
    this.wake()
    return count
  }

  // ── Events of the cluster ──────────────────────────────────────────────────────────────────────

  /** The partitions of a topic that is known; null = it is not. */
  partitionsOf(topic: string): PartitionView[] | null {
    const state = this.parts.topics.find(topic)
    if (state === undefined || !state.known) return null
    const { partitionCount } = state.partitioning
    return state.queues
      .slice(0, partitionCount)
      .map(({ leaderId, leaderEpoch }) => ({ leaderId, leaderEpoch }))
  }

  onTopic(view: TopicView): void {
    this.#topicNews.onTopic(view)
  }

  onTopicFailed(name: string, error: KafkaError, final: boolean): void {
    this.#topicNews.onTopicFailed(name, error, final)
  }

  onLinkReady(_nodeId: number): void {
    this.wake()
  }

  onLinkDown(nodeId: number, error: KafkaError): void {
    // The broker is up and refuses the client: waiting would not help.
    if (isRefusal(error) && this.parts.spool === null) {
      this.parts.failures.failUnsent(error, nodeId)
    }
    this.wake()
  }

  onProducerId(identity: ProducerIdentity): void {
    this.parts.identityState.onIdentity(identity)
    this.parts.offerAll()
  }

  onProducerIdFailed(error: KafkaError): void {
    const { identityState, failures, deadlines, spool } = this.parts
    identityState.onFailed(error)
    if (spool === null) failures.failUnsent(error)
    else {
      // Records in the spool wait until the credentials or the cluster are right again.
      const again = this.now() + this.settings.retryBackoffMaxMs
      deadlines.add(again, () => this.parts.offerAll())
    }
    this.wake()
  }
}
