// Owns the identity of a transactional producer, that is the producer id and epoch from its
// coordinator, and the protocol version of its transactions. Callers: CurrentTransaction and
// TransactionManager, which decide what follows from a response. Invariant: only the coordinator
// assigns identities; those of producers without transactions are in ProducerIdentityState.

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

  /** The protocol of the current transaction: KIP-890 part 2. */
  get version2(): boolean {
    return this.#version2
  }

  get scope(): TransactionScope {
    return { ...this.#state.identity, version2: this.#version2 }
  }

  isCurrent({ producerId, epoch }: ProducerIdentity): boolean {
    const { identity } = this.#state
    return producerId === identity.producerId && epoch === identity.epoch
  }

  /** The cluster was upgraded: the change of protocol needs a new epoch. */
  get needsUpgrade(): boolean {
    return this.#port.version2 && !this.#version2
  }

  /** A sequence number was assigned and never written: only a new epoch starts at 0 again. */
  get hasGap(): boolean {
    return this.#state.hasGap
  }

  /** Requests an identity: the next epoch of the current one, or a new producer id. */
  requestIdentity(
    done: (error: KafkaError | null, identity: ProducerIdentity | null) => void,
  ): void {
    this.#port.initProducerId(this.#state.identity, done)
  }

  /** The coordinator assigned this identity. */
  begin(identity: ProducerIdentity): void {
    this.#state.onIdentity(identity)
    this.#version2 = this.#port.version2
  }

  /** Version 2: the identity of the next transaction. */
  continueWith(identity: ProducerIdentity): void {
    this.#state.onIdentity(identity)
  }

  /**
   * The epoch was rejected, but the identity or its next epoch still belongs to this producer.
   * Batches with the old epoch may be in flight, and must not become part of the next transaction.
   */
  recover(identity: ProducerIdentity): void {
    const isSame = this.isCurrent(identity)
    this.#state.onIdentity(identity)
    if (isSame) this.#state.onGap(identity)
  }

  /** How to check which producer uses the epoch; null = another producer, without a request. */
  probe(isKnown: boolean, wasEnding: boolean): EpochProbe {
    return epochProbe(this.#port, { scope: this.scope, isKnown, wasEnding })
  }
}
