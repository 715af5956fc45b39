// Owns the parts that handle the transactions of one producer, one transaction at a time, and
// forwards each call and event to the part that handles it:
//
//   CurrentTransaction     the state, the number, the failure, the callers that wait
//   TransactionBegin       InitProducerId, and the opening
//   TransactionAdditions   AddPartitionsToTxn, TxnOffsetCommit; which partitions may send
//   TransactionEnd         commit, abort, EndTxn
//   EpochRecovery          an epoch that a broker rejected
//
// Callers: Engine steps it and forwards the producer's calls, PartitionQueue calls `admits`,
// Delivery reports the results of batches. Invariant: a call with the number of another transaction
// is rejected.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { PartitionQueue, TransactionAdmission } from '../dispatch/partition-queue.ts'
import type { ConsumedOffset, GroupMetadata, ProducerIdentity, TransactionPort } from '../ports.ts'
import { CurrentTransaction } from './current-transaction.ts'
import { EpochRecovery } from './epoch-recovery.ts'
import { TransactionAdditions } from './transaction-additions.ts'
import { TransactionBegin } from './transaction-begin.ts'
import type { TransactionDone } from './transaction-callers.ts'
import type { TransactionEffects, TransactionParts } from './transaction-effects.ts'
import { TransactionEnd } from './transaction-end.ts'
import { TransactionIdentity } from './transaction-identity.ts'

export class TransactionManager implements TransactionAdmission {
  readonly #port: TransactionPort
  readonly #effects: TransactionEffects
  readonly #current: CurrentTransaction
  readonly #recovery: EpochRecovery
  readonly #additions: TransactionAdditions
  readonly #begin: TransactionBegin
  readonly #end: TransactionEnd

  constructor(port: TransactionPort, parts: TransactionParts) {
    const { identityState, deadlines, measurements, effects } = parts
    const identity = new TransactionIdentity(identityState, port)
    const current = new CurrentTransaction(identity, measurements, effects)
    const recovery = new EpochRecovery(current)
    const additions = new TransactionAdditions(current, recovery, port, deadlines, effects)
    const tracing = measurements.announcements.transactionTracing
    this.#port = port
    this.#effects = effects
    this.#current = current
    this.#recovery = recovery
    this.#additions = additions
    this.#begin = new TransactionBegin(current, additions, tracing)
    this.#end = new TransactionEnd(current, additions, recovery, port, effects)
  }

  /** In version 2, Produce requests add their partitions. */
  get version2(): boolean {
    return this.#current.identity.version2
  }

  /** Why the coordinator has not responded yet. */
  get lastError(): KafkaError | null {
    return this.#port.lastError
  }

  /** A transaction is open, or its result is not certain yet. */
  get isOngoing(): boolean {
    return this.#current.isOngoing
  }

  // ── Calls of the producer ──────────────────────────────────────────────────────────────────────

  /** Begins; `done` is called with the number of the transaction when records may be sent. */
  begin(done: (error: KafkaError | null, number: number) => void): void {
    this.#begin.begin(done)
  }

  /** The caller of begin() no longer waits. The request continues. */
  forgetBegin(): void {
    this.#begin.forget()
  }

  /** Throws unless records may be sent in this transaction. */
  checkOpen(number: number, call: string): void {
    const current = this.#current
    if (number === current.number && current.state === 'open') return
    throw current.callError(number, call)
  }

  /** The transaction has not ended and is not being ended. */
  isOpen(number: number): boolean {
    return this.#current.isOpen(number)
  }

  sendOffsets(
    number: number,
    group: GroupMetadata,
    offsets: readonly ConsumedOffset[],
    done: TransactionDone,
  ): void {
    this.checkOpen(number, 'sendOffsets')
    this.#additions.sendOffsets(group, offsets, done)
  }

  commit(number: number, done: TransactionDone): void {
    this.#end.commit(number, done)
  }

  abort(number: number, done: TransactionDone): void {
    this.#end.abort(number, done)
  }

  /** The producer closes: an open transaction is aborted. `done` is called when none is left. */
  finish(done: () => void): void {
    this.#end.finish(done)
  }

  /**
   * The producer was destroyed: all callers fail. The coordinator ends an open transaction by its
   * timeout, unless a commit in flight ends it.
   */
  destroy(error: KafkaError): void {
    this.#current.destroy(error)
  }

  // ── Events of the engine ───────────────────────────────────────────────────────────────────────

  /** Whether the partition's next batch may be sent. */
  admits(queue: PartitionQueue): boolean {
    return this.#additions.admits(queue)
  }

  /** Why the coordinator has not added the partition yet; null = it has, or nothing failed. */
  blockingError(queue: PartitionQueue): KafkaError | null {
    return this.#additions.awaits(queue) ? this.#port.lastError : null
  }

  /** Does the work that is possible now. */
  step(): void {
    const { state } = this.#current
    switch (state) {
      case 'open':
        this.#additions.announce()
        return
      case 'committing':
        this.#additions.announce()
        this.#end.stepCommit()
        return
      case 'failed':
        this.#failUnsent()
        return
      case 'aborting':
        this.#failUnsent()
        this.#end.stepAbort()
        return
      case 'uninitialized':
      case 'initializing':
      case 'ready':
      case 'ending':
      case 'probing':
      case 'fatal':
        return
      default:
        state satisfies never
    }
  }

  onProduceSent(): void {
    this.#current.onReached()
  }

  /**
   * A batch is in the log: its leader has added the partition, so the coordinator has the
   * transaction.
   */
  onAcknowledged(by: ProducerIdentity): void {
    this.#current.onAcknowledged(by)
  }

  /** A record failed: the transaction is not complete without it. */
  onRecordFailed(error: KafkaError): void {
    if (this.#current.isCommittable) this.#current.fail(error)
  }

  /** A record of this transaction was not accepted, or was cancelled. */
  onRecordLost(number: number, error: KafkaError): void {
    if (number === this.#current.number) this.onRecordFailed(error)
  }

  /** A broker rejected the epoch of a batch. */
  onEpochRejected(error: KafkaError, by: ProducerIdentity): void {
    this.#recovery.onEpochRejected(error, by)
  }

  #failUnsent(): void {
    if (this.#effects.isDrained()) return
    this.#effects.failUnsent(this.#current.failure.abortedError())
  }
}
