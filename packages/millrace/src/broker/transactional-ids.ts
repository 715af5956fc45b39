// Who holds which transactional id: its producer id and epoch. InitProducerId asks here.
// Transactions themselves are not built yet; their state will be kept beside these entries.

import type { ClusterState } from './cluster-state.ts'

export interface ProducerIdentity {
  readonly producerId: number
  readonly epoch: number
}

/** The last epoch is kept free for fencing: a producer that reached it gets a new id. */
const epochMax = 32766

export class TransactionalIds {
  readonly #state: ClusterState
  readonly #entries = new Map<string, ProducerIdentity>()

  constructor(state: ClusterState) {
    this.#state = state
  }

  /** The identity for a producer that starts or recovers; null = it was fenced by a newer one. */
  start(transactionalId: string, current: ProducerIdentity): ProducerIdentity | null {
    const held = this.#entries.get(transactionalId)
    const named = current.producerId !== -1
    if (named && held !== undefined) {
      if (held.producerId !== current.producerId || held.epoch !== current.epoch) return null
    }
    const next =
      held === undefined || held.epoch >= epochMax
        ? { producerId: this.#state.allocateProducerId(), epoch: 0 }
        : { producerId: held.producerId, epoch: held.epoch + 1 }
    this.#entries.set(transactionalId, next)
    return next
  }
}
