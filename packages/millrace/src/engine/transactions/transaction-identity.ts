// The identity of a transactional producer: the producer id and epoch that its coordinator gave it,
// and the protocol that goes with them. It asks the coordinator; TransactionManager decides what
// follows from the response. Other producers' identities are ProducerIdentityState's own affair.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { ProducerIdentityState } from '../dispatch/producer-identity-state.ts'
import type { ProducerIdentity, TransactionPort, TransactionScope } from '../ports.ts'
import { type EpochProbe, epochProbe } from './epoch-probe.ts'

export class TransactionIdentity {
  readonly #state: ProducerIdentityState
  readonly #port: TransactionPort
  #version2 = false

  constructor(state: ProducerIdentityState, port: TransactionPort) {
    this.#state = state
    this.#port = port
  }

  /** The protocol of the transaction of the moment: KIP-890 part 2. */
  get version2(): boolean {
    return this.#version2
  }

  get scope(): TransactionScope {
    return { ...this.#state.identity, version2: this.#version2 }
  }

  isOurs({ producerId, epoch }: ProducerIdentity): boolean {
    const { identity } = this.#state
    return producerId === identity.producerId && epoch === identity.epoch
  }

  /** The cluster was upgraded since: the change of protocol needs an epoch of its own. */
  get needsUpgrade(): boolean {
    return this.#port.version2 && !this.#version2
  }

  /** A sequence number was given out and never written: only a new epoch begins at 0 again. */
  get hasGap(): boolean {
    return this.#state.hasGap
  }

  /** Asks for an identity: the next epoch of the one at hand, or a new producer id. */
  ask(done: (error: KafkaError | null, identity: ProducerIdentity | null) => void): void {
    this.#port.initProducerId(this.#state.identity, done)
  }

  /** The coordinator gave this identity. */
  begin(identity: ProducerIdentity): void {
    this.#state.onIdentity(identity)
    this.#version2 = this.#port.version2
  }

  /** Version 2: the identity of the next transaction. */
  goOn(identity: ProducerIdentity): void {
    this.#state.onIdentity(identity)
  }

  /**
   * Our epoch was rejected, but the identity is ours still, or its next epoch. Batches that were
   * sent under it may still be in flight, and must not come into the next transaction.
   */
  recover(identity: ProducerIdentity): void {
    const isSame = this.isOurs(identity)
    this.#state.onIdentity(identity)
    if (isSame) this.#state.onGap(identity)
  }

  /** How to find out who took our epoch; null = another producer, without asking. */
  probe(isKnown: boolean, wasEnding: boolean): EpochProbe {
    return epochProbe(this.#port, { scope: this.scope, isKnown, wasEnding })
  }
}
