// Owns the conversion of state changes into events of a transaction. Caller: CurrentTransaction.
// Invariant: the result of a transaction is reported once.

import type { TransactionEventName } from '../metrics/engine-events.ts'
import { isOngoing, type TransactionState } from './transaction-state.ts'

export class TransactionEvents {
  /** The event with which the current transaction will end. */
  #endsAs: 'committed' | 'aborted' | null = null

  /** The event of a state change; null = no event. */
  eventOf(from: TransactionState, to: TransactionState): TransactionEventName | null {
    if (from === 'committing') this.#endsAs = 'committed'
    else if (from === 'aborting') this.#endsAs = 'aborted'
    if (to === 'open') return 'begun'
    if (to === 'failed' || (to === 'fatal' && isOngoing(from))) {
      this.#endsAs = null
      return 'failed'
    }
    if (to !== 'ready' && to !== 'uninitialized') return null
    const ended = this.#endsAs
    this.#endsAs = null
    return ended
  }
}
