// The producer's identity for the broker's duplicate check: one id and epoch for all partitions. It
// knows nothing of partitions; each partition's Numbering follows it when it has drained. With
// transactions the coordinator alone gives ids and epochs: `ask` is null, and a gap is mended when
// the transaction has ended.

import type { KafkaError } from '../protocol/kafka-error.ts'
import type { ProducerIdentity } from './ports.ts'

/** An epoch is an int16; the last value is left to the broker. */
const epochMax = 32_766

export const noIdentity: ProducerIdentity = { producerId: -1, epoch: -1 }

export class Sequencer {
  readonly enabled: boolean
  readonly #ask: ((current: ProducerIdentity) => void) | null
  #identity = noIdentity
  #state: 'none' | 'asked' | 'ready' = 'none'
  #hasGap = false
  lastError: KafkaError | null = null

  constructor(enabled: boolean, ask: ((current: ProducerIdentity) => void) | null) {
    this.enabled = enabled
    this.#ask = ask
  }

  get ready(): boolean {
    return this.#state === 'ready'
  }

  /** Compared by reference: a bump makes a new object. */
  get identity(): ProducerIdentity {
    return this.#identity
  }

  /** A number of this epoch was given out, and may never be written. */
  get hasGap(): boolean {
    return this.#hasGap
  }

  /** Numbers of an epoch that is over don't matter. */
  onGap(identity: ProducerIdentity): void {
    if (identity === this.#identity) this.#hasGap = true
  }

  /** Asks for an id unless there is one or it was asked for. */
  want(): void {
    if (!this.enabled || this.#ask === null || this.#state !== 'none') return
    this.#state = 'asked'
    this.#ask(this.#identity)
  }

  onIdentity(identity: ProducerIdentity): void {
    this.#identity = identity
    this.#state = 'ready'
    this.#hasGap = identity.epoch > epochMax
    this.lastError = null
  }

  /** The next want() asks again. */
  onFailed(error: KafkaError): void {
    this.#state = 'none'
    this.lastError = error
  }

  /** KIP-360: a new epoch of the same id, made locally; at the end of the epochs a new id. */
  bump(): void {
    const { producerId, epoch } = this.#identity
    if (this.#ask === null) this.#state = 'none'
    else if (epoch < epochMax) this.#identity = { producerId, epoch: epoch + 1 }
    else this.renew()
  }

  /** Gives the id up: the broker knows a newer epoch of it, or its epochs are used up. */
  renew(): void {
    if (this.#state !== 'ready') return
    this.#identity = noIdentity
    this.#state = 'none'
    this.want()
  }
}
