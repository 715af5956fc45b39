// Owns the current transaction of a producer, or the last one: its number, its state, the reason
// why it cannot be committed, whether brokers have it, and the waiting callers. It reports each
// change of state to the metrics and to the affected callers. Callers: TransactionBegin,
// TransactionAdditions, TransactionEnd, EpochRecovery, TransactionManager. Invariant: it sends no
// request.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { Measurements } from '../metrics/measurements.ts'
import type { ProducerIdentity } from '../ports.ts'
import { type EndCall, TransactionCallers } from './transaction-callers.ts'
import type { TransactionEffects } from './transaction-effects.ts'
import { sentCommit, usage } from './transaction-errors.ts'
import { TransactionEvents } from './transaction-events.ts'
import { TransactionFailure } from './transaction-failure.ts'
import type { TransactionIdentity } from './transaction-identity.ts'
import { assertLegal, isOngoing, type TransactionState } from './transaction-state.ts'

export class CurrentTransaction {
  readonly identity: TransactionIdentity
  readonly callers = new TransactionCallers()
  readonly failure = new TransactionFailure()
  readonly #measurements: Measurements
  readonly #effects: TransactionEffects
  readonly #events = new TransactionEvents()
  #state: TransactionState = 'uninitialized'
  #number = 0
  #isReached = false
  #isConfirmed = false

  constructor(
    identity: TransactionIdentity,
    measurements: Measurements,
    effects: TransactionEffects,
  ) {
    this.identity = identity
    this.#measurements = measurements
    this.#effects = effects
  }

  get state(): TransactionState {
    return this.#state
  }

  /** Counts the transactions of the producer from 1; 0 until the first has begun. */
  get number(): number {
    return this.#number
  }

  /** A broker may have the transaction: it must be ended there. */
  get isReached(): boolean {
    return this.#isReached
  }

  /** The coordinator has the transaction: from now on only a timeout or fencing can end it. */
  get isConfirmed(): boolean {
    return this.#isConfirmed
  }

  /** It has begun, and its result is not certain yet. */
  get isOngoing(): boolean {
    return isOngoing(this.#state)
  }

  /** Records are accepted, or a commit waits for accepted records: it can still be committed. */
  get isCommittable(): boolean {
    return this.#state === 'open' || this.#state === 'committing'
  }

  /** The transaction has not ended and is not being ended. */
  isOpen(number: number): boolean {
    if (number !== this.#number) return false
    if (this.#state === 'probing') return this.callers.endCall === null
    return this.#state === 'open' || this.#state === 'failed'
  }

  /** The error of a call that is not possible now. */
  callError(number: number, call: string): KafkaError {
    const { fatalError } = this.failure
    if (fatalError !== null) return fatalError
    const isOngoing = number === this.#number && this.isOngoing
    if (!isOngoing) return usage(`${call}: the transaction has ended`)
    if (this.#state === 'failed' || this.#state === 'probing') return this.failure.abortedError()
    return usage(`${call}: the transaction is being ended`)
  }

  onReached(): void {
    this.#isReached = true
  }

  /** The coordinator, or the leader of a partition, accepted a request with this identity. */
  onAcknowledged(by: ProducerIdentity): void {
    if (this.identity.isCurrent(by)) this.#isConfirmed = true
  }

  // ── Changes of state ───────────────────────────────────────────────────────────────────────────

  /** A change of state that affects no caller. */
  moveTo(next: 'initializing' | 'ready' | 'uninitialized' | 'ending'): void {
    this.#transition(next)
  }

  open(): void {
    this.#transition('open')
    this.#number++
    this.failure.clear()
    this.#forgetBrokers()
    this.notifyBegun(null)
  }

  notifyBegun(error: KafkaError | null): void {
    if (error !== null) this.#measurements.announcements.transactionTracing.end(error)
    this.callers.onBegun(error)
  }

  commit(call: EndCall): void {
    this.callers.waitForEnd(call)
    this.#transition('committing')
  }

  abort(call: EndCall): void {
    this.callers.waitForEnd(call)
    this.#transition('aborting')
  }

  /** The transaction has ended for its caller. */
  onEnded(isIdentityNeeded: boolean): void {
    this.#transition(isIdentityNeeded ? 'uninitialized' : 'ready')
    this.callers.onEnded(null)
  }

  /** It can only be aborted from now on. A waiting commit fails. */
  fail(cause: KafkaError): void {
    this.failure.set(cause)
    this.#transition('failed')
    this.#effects.wake()
    this.callers.onEnded(this.failure.notCommitted())
  }

  onProbing(error: KafkaError): void {
    this.#transition('probing')
    this.failure.set(error)
  }

  /** The coordinator ended the transaction, and the producer has its identity or a new epoch. */
  onRecovered(cause: KafkaError): void {
    this.#forgetBrokers()
    this.failure.set(cause)
    this.#effects.wake()
    if (this.callers.endCall?.commit === false) this.#transition('aborting')
    else {
      this.#transition('failed')
      this.callers.onEnded(this.failure.notCommitted())
    }
    this.callers.runPostponed()
  }

  /**
   * The producer cannot continue: every record and every caller fails, that of commit() or abort()
   * with `endError`.
   */
  failFatally(error: KafkaError, endError = error): void {
    this.failure.setFatal(error)
    this.#transition('fatal')
    this.#effects.failEverything(error)
    this.notifyBegun(error)
    this.callers.onEnded(endError)
    this.callers.failOffsets(error)
  }

  /** The producer was destroyed: what is in flight has no outcome. */
  destroy(error: KafkaError): void {
    if (this.#state === 'fatal') return
    const isCommitSent = this.#state === 'ending' && this.callers.endCall?.commit === true
    this.failFatally(error, isCommitSent ? sentCommit(error) : error)
  }

  /** No broker has the transaction with the current identity. */
  #forgetBrokers(): void {
    this.#isReached = false
    this.#isConfirmed = false
  }

  #transition(next: TransactionState): void {
    assertLegal(this.#state, next)
    const event = this.#events.eventOf(this.#state, next)
    if (event !== null) {
      this.#measurements.onTransaction(event, event === 'failed' ? this.failure.cause : null)
    }
    this.#state = next
  }
}
