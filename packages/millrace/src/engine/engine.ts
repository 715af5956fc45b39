// Owns the façade of the engine. Callers: the producer, and the cluster client through
// EngineEvents. They step it: records, `step` and the events of the cluster are its inputs; its
// effects are calls of ClusterPort, EngineHost and the records' settles. Invariants: it uses no
// socket, timer or promise, and its parts do not depend on it.
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
import { TopicMetadataHandler } from './buffer/topic-metadata-handler.ts'
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
  /** For unit tests and the simulator; no other code uses the parts. */
  readonly parts: EngineParts
  readonly settings: EngineSettings
  /** Times at which a call of the producer must be checked again. */
  readonly deadlines: Deadlines
  /** The producer's transactions; null without a transactional id. */
  readonly transactions: TransactionManager | null
  readonly readings: EngineReadings
  readonly #topicMetadata: TopicMetadataHandler

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
    this.#topicMetadata = new TopicMetadataHandler(parts)
  }

  now(): number {
    return this.parts.host.now()
  }

  /** Milliseconds since the epoch. */
  wallTime(): number {
    return this.parts.host.wallTime()
  }

  /** Requests a step from the host. */
  wake(): void {
    this.parts.wake()
  }

  /** Does the due work, and writes what may be written; returns the time of the next call. */
  step(): number {
    const { host, deadlines, failures, accumulator, transactions, dispatcher, settlement } =
      this.parts
    this.parts.beginStep()
    const now = host.now()
    deadlines.fireDue(now)
    failures.expireDue(now)
    accumulator.expireWaiting(now)
    this.#topicMetadata.limitTopics()
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

  /** A record would be accepted now, and no other waits for space before it. */
  get hasSpace(): boolean {
    return this.parts.accumulator.hasSpace
  }

  /** `tryAppend` would accept a record now. */
  get mayEnqueue(): boolean {
    return this.parts.accumulator.mayEnqueue
  }

  /** The host's onSpace follows when `mayEnqueue` is true. */
  requestSpace(): void {
    this.parts.accumulator.requestSpace()
  }

  /** Appends the record if there is space; false = not accepted, and host.onSpace follows. */
  tryAppend(record: ProducerRecord, settle: Settle | null): boolean {
    return this.parts.accumulator.tryAppend(record, settle)
  }

  /** Takes the record, which may wait for its turn. Throws above the limits of the buffer. */
  append(record: ProducerRecord, settle: Settle | null): RecordHandle {
    return this.parts.accumulator.append(record, settle)
  }

  /** Takes a dead letter: like `append`, but a spool accepts it also above its limit. */
  appendDeadLetter(record: ProducerRecord, settle: Settle): void {
    this.parts.accumulator.appendDeadLetter(record, settle)
  }

  /** A caller with many records waits for its turn; then it calls `appendInTurn`. */
  wait(caller: WaitingCaller): void {
    this.parts.accumulator.wait(caller)
  }

  /** The caller has cancelled its remaining records. */
  stopWaiting(caller: WaitingCaller): void {
    this.parts.accumulator.stopWaiting(caller)
  }

  /**
   * Appends a record of the caller whose turn it is, for its flush() generation; null = no space
   * now.
   */
  appendInTurn(
    record: ProducerRecord,
    settle: Settle,
    tag: number,
    flushGeneration: number,
  ): RecordHandle | null {
    return this.parts.accumulator.appendInTurn(record, settle, tag, flushGeneration)
  }

  /** The flush() calls from now on wait for records that are taken with this number. */
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
   * Cancels an accepted record: `'no'` = it will never be sent; `'maybe'` = it may be in the log,
   * and the result is that of its batch. The settle is not called; the caller must ignore a later
   * call.
   */
  cancel(handle: RecordHandle, settle: Settle, tag = 0): Persisted {
    return this.parts.cancellation.cancel(handle, settle, tag)
  }

  /**
   * Like `cancel`, but the settle is called with the error, in a later turn, before flush() calls
   * that wait for the record return. It must ignore a later call.
   */
  cancelAndNotify(
    handle: RecordHandle,
    settle: Settle,
    makeError: (persisted: Persisted) => KafkaError,
  ): void {
    this.parts.cancellation.cancelAndNotify(handle, settle, makeError)
  }

  /** A record was not accepted: counted as failed, and reported. */
  onRecordRefused(error: KafkaError): void {
    this.parts.measurements.onRecordRefused(error)
  }

  /** A record was cancelled with this error: reported; `cancel` has counted it. */
  onRecordCancelled(error: KafkaError): void {
    this.parts.measurements.announcements.recordFailed(error)
  }

  // ── The spool ──────────────────────────────────────────────────────────────────────────────────

  /** Reports the failure of an accepted record without a result receiver. */
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

  /** Appends a record of the spool to a batch; false = there is no space in memory. */
  appendSpooled(encoder: RecordEncoder, settle: Settle | null, recordId: number): boolean {
    return this.parts.accumulator.appendSpooled(encoder, settle, recordId)
  }

  /** Restores a batch of an earlier process; null = the topic has no such partition. */
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

  /** Requests the topic's metadata for records in the spool. */
  requestTopic(topic: string): void {
    this.parts.topics.get(topic)
    this.parts.cluster.refreshTopic(topic, 'unknown')
  }

  /** What prevents the delivery of an accepted record, as far as known. */
  blockingError(handle: RecordHandle): KafkaError | null {
    const { failures, topics, cluster } = this.parts
    if (handle instanceof SpooledHandle) return cluster.metadataError
    const batch = handle instanceof WaitingRecord ? handle.batch : handle
    if (batch !== null) return failures.blockingError(batch)
    const topic = topics.find((handle as WaitingRecord).encoder.topic)
    return topic?.failure ?? cluster.metadataError
  }

  /**
   * Calls `done` when all records taken so far are settled, at once if none is left; open batches
   * do not linger for it. Returns a function that forgets `done`.
   */
  flush(done: () => void): () => void {
    return this.parts.flush(done)
  }

  /**
   * Fails all unsettled records; those in flight may be in the log. Each error has `cause`, or else
   * what prevented the delivery. It is never called during an append, because that record would not
   * be included.
   */
  failAll(code: ErrorCode, message: string, cause: Error | null): void {
    const { accumulator, failures, settlement, generations, cluster } = this.parts
    const blockingError = cause ?? cluster.metadataError
    accumulator.failAllWaiting(() => withCause(code, message, {}, blockingError))
    failures.failEach(code, message, cause)
    settlement.runAll()
    generations.notify()
  }

  /** Fails waiting records that are not in flight; returns their number. */
  purge(scope: PurgeScope): number {
    const count = purge(this.parts, scope)
    this.wake()
    return count
  }

  // ── Events of the cluster ──────────────────────────────────────────────────────────────────────

  /** The partitions of a known topic; null = it is not known. */
  partitionsOf(topic: string): PartitionView[] | null {
    const state = this.parts.topics.find(topic)
    if (state === undefined || !state.known) return null
    const { partitionCount } = state.partitioning
    return state.queues
      .slice(0, partitionCount)
      .map(({ leaderId, leaderEpoch }) => ({ leaderId, leaderEpoch }))
  }

  onTopic(view: TopicView): void {
    this.#topicMetadata.onTopic(view)
  }

  onTopicFailed(name: string, error: KafkaError, final: boolean): void {
    this.#topicMetadata.onTopicFailed(name, error, final)
  }

  onLinkReady(_nodeId: number): void {
    this.wake()
  }

  onLinkDown(nodeId: number, error: KafkaError): void {
    // The broker is reachable and refuses the client: waiting would not help.
    if (isRefusal(error) && this.parts.spool === null) {
      this.parts.failures.failUnsent(error, nodeId)
    }
    this.wake()
  }

  onProducerId(identity: ProducerIdentity): void {
    this.parts.identityState.onIdentity(identity)
    this.parts.offerAll()
  }

  onProducerIdDelayed(error: KafkaError): void {
    this.parts.identityState.onDelayed(error)
  }

  onProducerIdFailed(error: KafkaError): void {
    const { identityState, failures, deadlines, spool } = this.parts
    identityState.onFailed(error)
    if (spool === null) failures.failUnsent(error)
    else {
      // Records in the spool wait until the credentials or the cluster are fixed.
      const again = this.now() + this.settings.retryBackoffMaxMs
      deadlines.add(again, () => this.parts.offerAll())
    }
    this.wake()
  }
}
