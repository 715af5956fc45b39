// Owns the additions to the current transaction: which partitions the coordinator has, the pause
// after a transaction, and the number of requests without a response. Callers: TransactionManager,
// TransactionBegin, TransactionEnd. Invariant: a transaction ends only when no addition is pending.
//
// In version 1 AddPartitionsToTxn adds each partition before its first batch. In version 2
// (KIP-890) Produce requests add their partitions.

import { isRefusal, type KafkaError } from '../../protocol/kafka-error.ts'
import type { Deadlines } from '../deadlines.ts'
import type { PartitionQueue } from '../dispatch/partition-queue.ts'
import type { ConsumedOffset, GroupMetadata, ProducerIdentity, TransactionPort } from '../ports.ts'
import type { CurrentTransaction } from './current-transaction.ts'
import type { EpochRecovery } from './epoch-recovery.ts'
import { MarkerPause } from './marker-pause.ts'
import type { TransactionDone } from './transaction-callers.ts'
import type { TransactionEffects } from './transaction-effects.ts'
import { isFatal, rejectsEpoch } from './transaction-errors.ts'
import { TransactionPartitions } from './transaction-partitions.ts'

export class TransactionAdditions {
  readonly #current: CurrentTransaction
  readonly #recovery: EpochRecovery
  readonly #port: TransactionPort
  readonly #deadlines: Deadlines
  readonly #effects: TransactionEffects
  readonly #partitions = new TransactionPartitions()
  readonly #pause = new MarkerPause()
  #pending = 0

  constructor(
    current: CurrentTransaction,
    recovery: EpochRecovery,
    port: TransactionPort,
    deadlines: Deadlines,
    effects: TransactionEffects,
  ) {
    this.#current = current
    this.#recovery = recovery
    this.#port = port
    this.#deadlines = deadlines
    this.#effects = effects
  }

  /** True if every request has its response. */
  get isIdle(): boolean {
    return this.#pending === 0
  }

  /** Another transaction begins. */
  clear(): void {
    this.#partitions.clear()
  }

  /** Version 2: the next transaction waits until the markers of this one are usually written. */
  pauseSends(): void {
    this.#pause.begin(this.#effects.now(), this.#deadlines, () => this.#effects.offerAll())
  }

  /** Whether the partition's next batch may be sent. */
  admits(queue: PartitionQueue): boolean {
    const current = this.#current
    if (!current.isCommittable) return false
    if (current.identity.version2) {
      return current.isReached || !this.#pause.holds(this.#effects.now())
    }
    if (this.#partitions.has(queue)) return true
    if (this.#partitions.want(queue)) this.#effects.wake()
    return false
  }

  /** Whether the coordinator has to add the partition before its next batch. Requests nothing. */
  awaits(queue: PartitionQueue): boolean {
    return !this.#current.identity.version2 && !this.#partitions.has(queue)
  }

  /** Version 1: adds the partitions that wait to send at the coordinator. */
  announce(): void {
    const partitions = this.#partitions.take()
    if (partitions.length === 0) return
    const scope = this.#onRequest()
    this.#port.addPartitions(scope, partitions, (error) => {
      this.#partitions.end(error === null)
      this.#onResponse(error, scope)
      if (error === null) this.#effects.offerAll()
      this.#effects.wake()
    })
  }

  sendOffsets(
    group: GroupMetadata,
    offsets: readonly ConsumedOffset[],
    done: TransactionDone,
  ): void {
    const { callers, failure } = this.#current
    callers.waitForOffsets(done)
    const scope = this.#onRequest()
    this.#port.sendOffsets(scope, group, offsets, (error) => {
      this.#onResponse(error, scope)
      const notify = (): void =>
        callers.onOffsetsSent(done, error === null ? null : failure.meaningOf(error))
      if (this.#current.state === 'probing') callers.postpone(notify)
      else notify()
      this.#effects.wake()
    })
  }

  #onRequest() {
    this.#pending++
    this.#current.onReached()
    return this.#current.identity.scope
  }

  #onResponse(error: KafkaError | null, by: ProducerIdentity): void {
    this.#pending--
    if (error === null) this.#current.onAcknowledged(by)
    else this.#onFailed(error, by)
  }

  #onFailed(error: KafkaError, by: ProducerIdentity): void {
    const current = this.#current
    if (current.state === 'fatal') return
    if (rejectsEpoch(error)) this.#recovery.onEpochRejected(error, by)
    else if (isFatal(error) && !isRefusal(error)) current.failFatally(error)
    else if (current.isCommittable) current.fail(error)
  }
}
