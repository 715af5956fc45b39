// Owns the producer id and epoch of the producer, with which brokers detect duplicates.
// SequenceNumbers of each partition adopts a change when nothing of the partition is in flight.
// With transactions only the coordinator assigns ids and epochs: `request` is null, and a gap ends
// with the transaction, by a new epoch. Callers: SequenceNumbers, Delivery, TransactionIdentity,
// Engine. Invariant: a changed identity is a new object.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { ProducerIdentity } from '../ports.ts'

/** An epoch is an int16; the last value is reserved for the broker. */
const epochMax = 32_766

export const noIdentity: ProducerIdentity = { producerId: -1, epoch: -1 }

export class ProducerIdentityState {
  readonly enabled: boolean
  readonly #request: ((current: ProducerIdentity) => void) | null
  #identity = noIdentity
  #state: 'none' | 'requested' | 'ready' = 'none'
  #hasGap = false
  #lastError: KafkaError | null = null

  constructor(enabled: boolean, request: ((current: ProducerIdentity) => void) | null) {
    this.enabled = enabled
    this.#request = request
  }

  /** Why there is no producer id yet; null = no request failed. */
  get lastError(): KafkaError | null {
    return this.#lastError
  }

  get ready(): boolean {
    return this.#state === 'ready'
  }

  /** Compared by reference: a new epoch creates a new object. */
  get identity(): ProducerIdentity {
    return this.#identity
  }

  /** A sequence number of this epoch was assigned, and may never be written. */
  get hasGap(): boolean {
    return this.#hasGap
  }

  /** Sequence numbers of an earlier epoch do not matter. */
  onGap(identity: ProducerIdentity): void {
    if (identity === this.#identity) this.#hasGap = true
  }

  /** Requests a producer id, unless there is one or a request is in progress. */
  want(): void {
    if (!this.enabled || this.#request === null || this.#state !== 'none') return
    this.#state = 'requested'
    this.#request(this.#identity)
  }

  onIdentity(identity: ProducerIdentity): void {
    this.#identity = identity
    this.#state = 'ready'
    this.#hasGap = identity.epoch > epochMax
    this.#lastError = null
  }

  /** The request is repeated, and its result follows. */
  onDelayed(error: KafkaError): void {
    this.#lastError = error
  }

  /** The next want() requests it again. */
  onFailed(error: KafkaError): void {
    this.#state = 'none'
    this.#lastError = error
  }

  /** KIP-360: a new epoch of the same id, assigned locally; after the last epoch a new id. */
  bump(): void {
    const { producerId, epoch } = this.#identity
    if (this.#request === null) this.#state = 'none'
    else if (epoch < epochMax) this.#identity = { producerId, epoch: epoch + 1 }
    else this.renew()
  }

  /** Discards the id: the broker knows a newer epoch of it, or its epochs are used up. */
  renew(): void {
    if (this.#state !== 'ready') return
    this.#identity = noIdentity
    this.#state = 'none'
    this.want()
  }
}
