// Turns the states that a transactional producer goes through into what happened to its
// transaction. Caller: TransactionManager.

import type { TransactionEventName } from '../metrics/engine-events.ts'
import { isUnderWay, type TransactionState } from './transaction-state.ts'

export class TransactionEvents {
  /** How the transaction that is being ended will have ended. */
  #endsAs: 'committed' | 'aborted' | null = null

  /** What the change of state means; null = nothing that is reported. */
  eventOf(from: TransactionState, to: TransactionState): TransactionEventName | null {
    if (from === 'committing') this.#endsAs = 'committed'
    else if (from === 'aborting') this.#endsAs = 'aborted'
    if (to === 'open') return 'begun'
    if (to === 'failed' || (to === 'fatal' && isUnderWay(from))) {
      this.#endsAs = null
      return 'failed'
    }
    if (to !== 'ready' && to !== 'uninitialized') return null
    const ended = this.#endsAs
    this.#endsAs = null
    return ended
  }
}
