// Owns the steps after a broker rejects the epoch of the current transaction: it checks which
// producer uses the epoch, and continues with the remaining identity or ends the producer. Callers:
// TransactionManager, TransactionAdditions, TransactionEnd. Invariant: it has no state; that is
// CurrentTransaction's.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { ProducerIdentity } from '../ports.ts'
import type { CurrentTransaction } from './current-transaction.ts'
import { fencedError, ownerUnknown, rejectsEpoch, timedOutError } from './transaction-errors.ts'

export class EpochRecovery {
  readonly #current: CurrentTransaction

  constructor(current: CurrentTransaction) {
    this.#current = current
  }

  /** A broker rejects an epoch; only the current epoch of the producer matters. */
  onEpochRejected(error: KafkaError, by: ProducerIdentity): void {
    if (this.#current.identity.isCurrent(by)) this.probe(error)
  }

  /** Checks which producer uses the epoch, without disturbing another one. */
  probe(error: KafkaError): void {
    const current = this.#current
    if (current.state === 'probing' || !current.isOngoing) return
    const probe = current.identity.probe(current.isConfirmed, current.state === 'ending')
    if (probe === null) {
      current.failFatally(fencedError(error))
      return
    }
    current.onProbing(error)
    probe((failure, identity) => {
      if (current.state === 'probing') this.#onProbed(error, failure, identity)
    })
  }

  #onProbed(
    rejection: KafkaError,
    failure: KafkaError | null,
    identity: ProducerIdentity | null,
  ): void {
    const current = this.#current
    if (identity === null) {
      const isFenced = rejectsEpoch(failure!)
      current.failFatally(isFenced ? fencedError(rejection) : ownerUnknown(rejection, failure!))
      return
    }
    current.identity.recover(identity)
    current.onRecovered(timedOutError(rejection))
  }
}
