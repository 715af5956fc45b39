// The transaction coordinator: transactional ids, their producers and transactions. One for the
// whole cluster; a node responds only for the ids that coordinators.ts gives it. The api handlers
// call in with what clients want, Produce and TxnOffsetCommit with what transactions write to, a
// test with what should happen to them. Results are Kafka's error numbers, 0 = done.
//
// Skipped: expiry of transactional ids, two-phase commit. A transaction that is open for too long
// is aborted when its time is over, not at the next of Kafka's looks every ten seconds.

import { errorNumber } from '../protocol/errors.ts'
import type { ProducerId } from '../protocol/producer-id.ts'
import type { Timer } from '../runtime/clock.ts'
import type { ClusterState } from './cluster-state.ts'
import type { Coordinators } from './coordinators.ts'
import { judgeEnd } from './transaction-end.ts'
import {
  type ProducerIdentity,
  type TopicPartition,
  Transaction,
  type TransactionLevel,
  type TransactionState,
} from './transaction-entry.ts'
import type { TransactionMarkers } from './transaction-markers.ts'

/** A transactional id, as a test sees it. */
export interface TransactionView {
  /** The transactional id. */
  readonly transactionalId: string
  /** Where its transaction stands. */
  readonly state: TransactionState
  /** The producer id that the transactional id has now. */
  readonly producerId: ProducerId
  /** The epoch that it has now: what comes with an older one is fenced. */
  readonly producerEpoch: number
  /** How long a transaction may be open. */
  readonly timeoutMs: number
  /** What the transaction that is open, or whose end is being written, writes to. */
  readonly partitions: readonly TopicPartition[]
  /** The consumer groups whose offsets it brings. */
  readonly groups: readonly string[]
}

/** What a transaction writes to. */
export interface TransactionPlaces {
  readonly partitions: readonly TopicPartition[]
  readonly groups: readonly string[]
}

export interface Outcome {
  readonly errorCode: number
  readonly producerId: ProducerId
  readonly epoch: number
}

const failed = (errorCode: number): Outcome => ({ errorCode, producerId: -1, epoch: -1 })

const succeeded = ({ producerId, epoch }: ProducerIdentity): Outcome => ({
  errorCode: 0,
  producerId,
  epoch,
})

export class TransactionCoordinator {
  readonly #state: ClusterState
  readonly #coordinators: Coordinators
  readonly #markers: TransactionMarkers
  readonly #timeoutMsMax: number
  readonly #transactions = new Map<string, Transaction>()
  /** When open transactions are aborted. */
  readonly #timers = new Map<Transaction, Timer>()

  readonly #startedAt = new Map<Transaction, number>()

  constructor(
    state: ClusterState,
    coordinators: Coordinators,
    markers: TransactionMarkers,
    timeoutMsMax: number,
  ) {
    this.#state = state
    this.#coordinators = coordinators
    this.#markers = markers
    this.#timeoutMsMax = timeoutMsMax
  }

  /** The error that the node must respond with for the id; 0 = none. */
  problem(nodeId: number, id: string): number {
    if (id === '') return errorNumber.INVALID_REQUEST
    return this.#coordinators.problem('transaction', id, nodeId)
  }

  /** The same for a leader that asks on behalf of a client. */
  problemInside(id: string): number {
    if (id === '') return errorNumber.INVALID_REQUEST
    return this.#coordinators.problemInside('transaction', id)
  }

  /** `expected` is what the producer believes to be; null = it is a new one. */
  initialize(
    nodeId: number,
    id: string,
    timeoutMs: number,
    expected: ProducerIdentity | null,
  ): Outcome {
    if (id === '') return failed(errorNumber.INVALID_REQUEST)
    if (timeoutMs <= 0 || timeoutMs > this.#timeoutMsMax) {
      return failed(errorNumber.INVALID_TRANSACTION_TIMEOUT)
    }
    const problem = this.problem(nodeId, id)
    if (problem !== 0) return failed(problem)
    const transaction = this.#transactionOf(id)
    if (expected !== null && !transaction.mayBe(expected)) {
      return failed(errorNumber.PRODUCER_FENCED)
    }
    if (transaction.isEnding) return failed(errorNumber.CONCURRENT_TRANSACTIONS)
    if (transaction.state === 'Ongoing') {
      this.#fence(transaction)
      return failed(errorNumber.CONCURRENT_TRANSACTIONS)
    }
    const errorCode = transaction.initialize(expected, timeoutMs, this.#newProducerId)
    return errorCode === 0 ? succeeded(transaction.identity) : failed(errorCode)
  }

  /** The transaction is going to write there; it begins where none is open. */
  add(
    id: string,
    by: ProducerIdentity,
    { partitions, groups }: TransactionPlaces,
    level: TransactionLevel,
  ): number {
    const transaction = this.#transactions.get(id)
    const problem = this.#memberProblem(transaction, by)
    if (problem !== 0 || transaction === undefined) return problem
    const isKnown = transaction.hasAll(partitions, groups)
    if (transaction.state === 'Ongoing' && isKnown) return 0
    if (transaction.add(partitions, groups, level)) this.#startTimer(transaction)
    return 0
  }

  /** Does the open transaction write there? For clients that add partitions beforehand. */
  verify(id: string, by: ProducerIdentity, { partitions, groups }: TransactionPlaces): number {
    const transaction = this.#transactions.get(id)
    const problem = this.#memberProblem(transaction, by)
    if (problem !== 0 || transaction === undefined) return problem
    return transaction.hasAll(partitions, groups) ? 0 : errorNumber.TRANSACTION_ABORTABLE
  }

  /** `level` is the client's. The outcome is what its next transaction starts with. */
  end(id: string, by: ProducerIdentity, isCommit: boolean, level: TransactionLevel): Outcome {
    const transaction = this.#transactions.get(id)
    if (transaction === undefined) return failed(errorNumber.INVALID_PRODUCER_ID_MAPPING)
    const verdict = judgeEnd(transaction, by, isCommit, level)
    switch (verdict.kind) {
      case 'error':
        return failed(verdict.code)
      case 'done':
        return succeeded(transaction.identity)
      case 'end': {
        transaction.prepare(isCommit, level, this.#newProducerId)
        const next = transaction.identityToBe
        this.#finish(transaction)
        return succeeded(next)
      }
      default:
        return verdict satisfies never
    }
  }

  /** Aborts the open transaction of the id as a timeout does; false = none is open. */
  abort(id: string): boolean {
    const transaction = this.#transactions.get(id)
    if (transaction?.state !== 'Ongoing') return false
    this.#fence(transaction)
    return true
  }

  /** Since when its transaction is open, in milliseconds since the epoch; -1 = none is. */
  startedAt(id: string): number {
    const transaction = this.#transactions.get(id)
    return (transaction && this.#startedAt.get(transaction)) ?? -1
  }

  has(id: string): boolean {
    return this.#transactions.has(id)
  }

  list(): TransactionView[] {
    return [...this.#transactions.values()].map((each) => ({
      transactionalId: each.id,
      state: each.state,
      producerId: each.producerId,
      producerEpoch: each.epoch,
      timeoutMs: each.timeoutMs,
      partitions: each.partitions,
      groups: each.groups,
    }))
  }

  /** No timer is left. */
  close(): void {
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    this.#markers.close()
  }

  readonly #newProducerId = (): ProducerId => this.#state.allocateProducerId()

  #transactionOf(id: string): Transaction {
    let transaction = this.#transactions.get(id)
    if (transaction === undefined) {
      transaction = new Transaction(id, this.#newProducerId())
      this.#transactions.set(id, transaction)
    }
    return transaction
  }

  /** Why this producer may not write in a transaction of the id; 0 = it may. */
  #memberProblem(transaction: Transaction | undefined, by: ProducerIdentity): number {
    if (transaction === undefined) return errorNumber.INVALID_PRODUCER_ID_MAPPING
    if (by.producerId !== transaction.producerId) return errorNumber.INVALID_PRODUCER_ID_MAPPING
    if (by.epoch !== transaction.epoch) return errorNumber.PRODUCER_FENCED
    return transaction.isEnding ? errorNumber.CONCURRENT_TRANSACTIONS : 0
  }

  /** The cluster's own end of a transaction, after the cluster's own level. */
  #fence(transaction: Transaction): void {
    transaction.fence(this.#state.transactionLevel, this.#newProducerId)
    this.#finish(transaction)
  }

  #finish(transaction: Transaction): void {
    this.#timers.get(transaction)?.cancel()
    this.#timers.delete(transaction)
    this.#startedAt.delete(transaction)
    this.#markers.write(transaction, () => transaction.complete())
  }

  #startTimer(transaction: Transaction): void {
    this.#startedAt.set(transaction, this.#state.clock.wallTime())
    const timer = this.#state.clock.setTimer(transaction.timeoutMs, () => {
      if (this.#timers.get(transaction) === timer) this.#fence(transaction)
    })
    this.#timers.set(transaction, timer)
  }
}
