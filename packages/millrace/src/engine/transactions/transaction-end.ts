// Owns the end of transactions. A commit waits until its records are settled, an abort until
// nothing is in flight, and both until every addition has its response; then the coordinator ends
// the transaction (EndTxn). Caller: TransactionManager. Invariant: its only state is whether the
// records of a commit are settled; the rest is CurrentTransaction's.

import { isRefusal, type KafkaError } from '../../protocol/kafka-error.ts'
import type { TransactionPort } from '../ports.ts'
import type { CurrentTransaction } from './current-transaction.ts'
import type { EpochRecovery } from './epoch-recovery.ts'
import type { TransactionAdditions } from './transaction-additions.ts'
import type { TransactionDone } from './transaction-callers.ts'
import type { TransactionEffects } from './transaction-effects.ts'
import {
  endOutcomeUnknown,
  fencedError,
  isCommitOutcomeUnknown,
  isFatal,
  isRecoverable,
  rejectsEpoch,
} from './transaction-errors.ts'

export class TransactionEnd {
  readonly #current: CurrentTransaction
  readonly #additions: TransactionAdditions
  readonly #recovery: EpochRecovery
  readonly #port: TransactionPort
  readonly #effects: TransactionEffects
  /** Every record accepted before commit() was called is settled. */
  #isFlushed = false

  constructor(
    current: CurrentTransaction,
    additions: TransactionAdditions,
    recovery: EpochRecovery,
    port: TransactionPort,
    effects: TransactionEffects,
  ) {
    this.#current = current
    this.#additions = additions
    this.#recovery = recovery
    this.#port = port
    this.#effects = effects
  }

  commit(number: number, done: TransactionDone): void {
    const current = this.#current
    if (!current.isOpen(number)) done(current.callError(number, 'commit'))
    else if (current.state === 'failed') done(current.failure.notCommitted())
    else if (current.state === 'probing') current.callers.waitForEnd({ commit: true, done })
    else {
      this.#isFlushed = false
      current.commit({ commit: true, done })
      this.#effects.flush(() => {
        if (number !== current.number) return
        this.#isFlushed = true
        this.#effects.wake()
      })
      this.#effects.wake()
    }
  }

  abort(number: number, done: TransactionDone): void {
    const current = this.#current
    if (!current.isOpen(number)) done(current.callError(number, 'abort'))
    else if (current.state === 'probing') current.callers.waitForEnd({ commit: false, done })
    else {
      current.abort({ commit: false, done })
      this.#effects.wake()
    }
  }

  /** The producer closes: an open transaction is aborted. `done` is called when none is left. */
  finish(done: () => void): void {
    const { callers, number } = this.#current
    const { endCall } = callers
    if (this.#current.isOpen(number)) this.abort(number, () => done())
    else if (endCall === null) done()
    else {
      const both: TransactionDone = (error) => {
        endCall.done(error)
        this.finish(done)
      }
      callers.waitForEnd({ ...endCall, done: both })
    }
  }

  /** A step of the engine while a commit waits. */
  stepCommit(): void {
    if (this.#isFlushed && this.#additions.isIdle) this.#end(true)
  }

  /** A step of the engine while an abort waits. */
  stepAbort(): void {
    if (this.#effects.isDrained() && this.#additions.isIdle) this.#end(false)
  }

  #end(commit: boolean): void {
    const current = this.#current
    if (!current.isReached) {
      this.#complete()
      return
    }
    current.moveTo('ending')
    this.#port.end(current.identity.scope, commit, (error, next) => {
      if (current.state !== 'ending') return
      if (error !== null) this.#onNotEnded(error, commit)
      else {
        if (next !== null) current.identity.continueWith(next)
        if (current.identity.version2) this.#additions.pauseSends()
        this.#complete()
      }
    })
  }

  #complete(): void {
    this.#current.onEnded(this.#current.identity.hasGap)
  }

  #onNotEnded(error: KafkaError, commit: boolean): void {
    const current = this.#current
    // An attempt without a response may have ended the transaction and used the next epoch, so the
    // rejection does not show which producer did it (version 2 would have recognized a repeated
    // request).
    const mayHaveEnded = error.persisted === 'maybe' && !current.identity.version2
    if (rejectsEpoch(error) && mayHaveEnded) current.failFatally(fencedError(error))
    else if (rejectsEpoch(error)) this.#recovery.probe(error)
    else if (commit && isCommitOutcomeUnknown(error))
      current.failFatally(endOutcomeUnknown(error, commit))
    else if (isFatal(error) && (commit || !isRefusal(error))) current.failFatally(error)
    else if (commit) current.fail(error)
    // The transaction is not open any more, or the next InitProducerId is refused in the same way.
    else if (isRecoverable(error.brokerCode) || isRefusal(error)) current.onEnded(true)
    // If it is still open, the next InitProducerId would be rejected as that of an older producer.
    else current.failFatally(endOutcomeUnknown(error, commit))
  }
}
