// The transaction coordinator: transactional ids, their producers, and their transactions. All
// nodes share it; a node responds only for the ids that coordinators.ts assigns to it. The api
// handlers, produce-admission.ts, and tests call it. Results are Kafka's error numbers; 0 =
// success. It does not have the expiration of transactional ids and two-phase commit. Kafka checks
// timeouts every ten seconds; here a transaction is aborted at its timeout.

import { errorNumber } from '../protocol/errors.ts'
import type { ProducerId } from '../protocol/producer-id.ts'
import type { Timer } from '../runtime/clock.ts'
import type { ClusterState } from './cluster-state.ts'
import type { Coordinators } from './coordinators.ts'
import { checkEndTxn } from './transaction-end.ts'
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
  /** The state of its transaction. */
  readonly state: TransactionState
  /** The current producer id of the transactional id. */
  readonly producerId: ProducerId
  /** The current epoch; requests with an older one are fenced. */
  readonly producerEpoch: number
  /** The transaction timeout. */
  readonly timeoutMs: number
  /** The partitions of the transaction that is open or ending. */
  readonly partitions: readonly TopicPartition[]
  /** The consumer groups whose offsets it commits. */
  readonly groups: readonly string[]
}

/** The partitions and groups of a transaction. */
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
  /** The timeouts of open transactions. */
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

  /** The same for a leader that sends the request for a client. */
  problemInside(id: string): number {
    if (id === '') return errorNumber.INVALID_REQUEST
    return this.#coordinators.problemInside('transaction', id)
  }

  /** `expected` is the producer's own id and epoch; null = it is a new producer. */
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

  /** Adds partitions and groups to the transaction, which begins if none is open. */
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

  /** Checks that the open transaction has the partitions, for clients that add them beforehand. */
  verify(id: string, by: ProducerIdentity, { partitions, groups }: TransactionPlaces): number {
    const transaction = this.#transactions.get(id)
    const problem = this.#memberProblem(transaction, by)
    if (problem !== 0 || transaction === undefined) return problem
    return transaction.hasAll(partitions, groups) ? 0 : errorNumber.TRANSACTION_ABORTABLE
  }

  /** `level` is the client's. The result contains the id and epoch of its next transaction. */
  end(id: string, by: ProducerIdentity, isCommit: boolean, level: TransactionLevel): Outcome {
    const transaction = this.#transactions.get(id)
    if (transaction === undefined) return failed(errorNumber.INVALID_PRODUCER_ID_MAPPING)
    const result = checkEndTxn(transaction, by, isCommit, level)
    switch (result.kind) {
      case 'error':
        return failed(result.code)
      case 'done':
        return succeeded(transaction.identity)
      case 'end': {
        transaction.prepare(isCommit, level, this.#newProducerId)
        const next = transaction.nextIdentity
        this.#finish(transaction)
        return succeeded(next)
      }
      default:
        return result satisfies never
    }
  }

  /** Aborts the open transaction of the id as a timeout does; returns false if none is open. */
  abort(id: string): boolean {
    const transaction = this.#transactions.get(id)
    if (transaction?.state !== 'Ongoing') return false
    this.#fence(transaction)
    return true
  }

  /** When its transaction began, in milliseconds since the epoch; -1 = none is open. */
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

  /** Cancels all timers. */
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

  /** Why this producer may not use the id's transaction; 0 = it may. */
  #memberProblem(transaction: Transaction | undefined, by: ProducerIdentity): number {
    if (transaction === undefined) return errorNumber.INVALID_PRODUCER_ID_MAPPING
    if (by.producerId !== transaction.producerId) return errorNumber.INVALID_PRODUCER_ID_MAPPING
    if (by.epoch !== transaction.epoch) return errorNumber.PRODUCER_FENCED
    return transaction.isEnding ? errorNumber.CONCURRENT_TRANSACTIONS : 0
  }

  /** Ends a transaction for the cluster itself, with the cluster's own level. */
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
