// Owns the beginning of transactions: it requests the producer's identity from the coordinator
// (InitProducerId) if there is none or the next transaction needs another, and opens the
// transaction. Caller: TransactionManager. Invariant: it has no state; that is
// CurrentTransaction's.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import { assert } from '../../runtime/assert.ts'
import type { TransactionTracing } from '../metrics/transaction-tracing.ts'
import type { CurrentTransaction } from './current-transaction.ts'
import type { TransactionAdditions } from './transaction-additions.ts'
import { fencedError, rejectsEpoch, usage } from './transaction-errors.ts'

export class TransactionBegin {
  readonly #current: CurrentTransaction
  readonly #additions: TransactionAdditions
  readonly #tracing: TransactionTracing

  constructor(
    current: CurrentTransaction,
    additions: TransactionAdditions,
    tracing: TransactionTracing,
  ) {
    this.#current = current
    this.#additions = additions
    this.#tracing = tracing
  }

  /** `done` is called with the transaction's number when records may be sent. */
  begin(done: (error: KafkaError | null, number: number) => void): void {
    const current = this.#current
    if (current.isOngoing) {
      done(usage('beginTransaction: a transaction is already open, commit or abort it first'), 0)
      return
    }
    if (current.callers.isBeginPending) {
      done(usage('beginTransaction: another call of beginTransaction is pending'), 0)
      return
    }
    current.callers.waitForBegin((error) => done(error, current.number))
    this.#tracing.start()
    this.#start()
  }

  /** The caller of begin() no longer waits. The request continues. */
  forget(): void {
    this.#current.callers.forgetBegin()
    this.#tracing.end(null)
  }

  #start(): void {
    const current = this.#current
    switch (current.state) {
      case 'fatal':
        current.notifyBegun(current.failure.fatalError)
        return
      case 'uninitialized':
        this.#initialize()
        return
      case 'initializing':
        return
      case 'ready':
        if (current.identity.needsUpgrade) {
          current.moveTo('uninitialized')
          this.#initialize()
        } else this.#open()
        return
      default:
        assert(false, `no transaction starts while one is ${current.state}`)
    }
  }

  #initialize(): void {
    const current = this.#current
    current.moveTo('initializing')
    current.identity.requestIdentity((error, identity) => {
      if (current.state !== 'initializing') return
      if (identity === null) this.#onNotInitialized(error!)
      else {
        current.identity.begin(identity)
        current.moveTo('ready')
        if (current.callers.isBeginPending) this.#open()
      }
    })
  }

  #onNotInitialized(error: KafkaError): void {
    if (rejectsEpoch(error)) this.#current.failFatally(fencedError(error))
    else {
      this.#current.moveTo('uninitialized')
      this.#current.notifyBegun(error)
    }
  }

  #open(): void {
    this.#additions.clear()
    this.#current.open()
  }
}
