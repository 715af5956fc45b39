// One transactional id: its producer, its epochs, and its transaction, as the state machine of
// Kafka's coordinator. Writes to the coordinator's log succeed at once here, so only the markers
// take time (`PrepareCommit`, `PrepareAbort`). transaction-coordinator.ts owns the entries, and
// only it may change them. Invariants: an epoch never decreases for a producer id; no producer has
// epoch 32767; partitions and groups are set from Ongoing until the markers are written.
//
//   Empty → Ongoing → PrepareCommit → CompleteCommit ┐
//     ↑        └────→ PrepareAbort  → CompleteAbort  ┤ → Ongoing, Empty, PrepareAbort
//     └──────────────────────────────────────────────┘

import { errorNumber } from '../protocol/errors.ts'
import type { ProducerId } from '../protocol/producer-id.ts'
import { assert } from '../runtime/assert.ts'

/** The states of a transaction at its coordinator, with Kafka's names (KIP-98). */
export type TransactionState =
  | 'Empty'
  | 'Ongoing'
  | 'PrepareCommit'
  | 'PrepareAbort'
  | 'CompleteCommit'
  | 'CompleteAbort'

const legal: Readonly<Record<TransactionState, readonly TransactionState[]>> = {
  Empty: ['Empty', 'Ongoing', 'PrepareAbort'],
  Ongoing: ['Ongoing', 'PrepareCommit', 'PrepareAbort'],
  PrepareCommit: ['CompleteCommit'],
  PrepareAbort: ['CompleteAbort'],
  CompleteCommit: ['Empty', 'Ongoing', 'PrepareAbort'],
  CompleteAbort: ['Empty', 'Ongoing', 'PrepareAbort'],
}

export interface ProducerIdentity {
  readonly producerId: ProducerId
  readonly epoch: number
}

/** A partition of a topic. */
export interface TopicPartition {
  /** The topic's name. */
  readonly topic: string
  /** The partition's number. */
  readonly partition: number
}

/**
 * The level of `transaction.version`: from 2 on, each end of a transaction raises the epoch
 * (KIP-890).
 */
export type TransactionLevel = 0 | 1 | 2

export const bumpsEpoch = (level: TransactionLevel): boolean => level >= 2

const epochMax = 32767

/** The last epoch is reserved for fencing: a producer that reached this one gets a new id. */
export const isExhausted = (epoch: number): boolean => epoch >= epochMax - 1

export const partitionKey = ({ topic, partition }: TopicPartition): string =>
  `${partition} ${topic}`

export class Transaction {
  readonly id: string
  #state: TransactionState = 'Empty'
  #producerId: ProducerId
  /**
   * The producer id before the last transition, which identifies a retry across a change of the id.
   */
  #previousProducerId: ProducerId = -1
  /**
   * The producer id after the markers, if the epochs of the current one are used up; -1 = no
   * change.
   */
  #nextProducerId: ProducerId = -1
  #epoch = -1
  /** The epoch before the producer's own last rise; -1 = the producer did not raise it. */
  #lastEpoch = -1
  #timeoutMs = 0
  /** The level with which the transaction ends or last ended. */
  #level: TransactionLevel = 0
  readonly #partitions = new Map<string, TopicPartition>()
  readonly #groups = new Set<string>()

  constructor(id: string, producerId: ProducerId) {
    this.id = id
    this.#producerId = producerId
  }

  get state(): TransactionState {
    return this.#state
  }

  get producerId(): ProducerId {
    return this.#producerId
  }

  get previousProducerId(): ProducerId {
    return this.#previousProducerId
  }

  get epoch(): number {
    return this.#epoch
  }

  /** The id and epoch that a producer receives. */
  get identity(): ProducerIdentity {
    return { producerId: this.#producerId, epoch: this.#epoch }
  }

  /** The id and epoch that the producer has after the markers are written. */
  get nextIdentity(): ProducerIdentity {
    return this.#rotates ? { producerId: this.#nextProducerId, epoch: 0 } : this.identity
  }

  get timeoutMs(): number {
    return this.#timeoutMs
  }

  get level(): TransactionLevel {
    return this.#level
  }

  get isEnding(): boolean {
    return this.#state === 'PrepareCommit' || this.#state === 'PrepareAbort'
  }

  get partitions(): readonly TopicPartition[] {
    return [...this.#partitions.values()]
  }

  get groups(): readonly string[] {
    return [...this.#groups]
  }

  /**
   * Whether a producer with this id and epoch may initialize again; the epoch is checked later. A
   * previous id is accepted if its epochs were used up, because the response with the new id may
   * have been lost.
   */
  mayBe({ producerId, epoch }: ProducerIdentity): boolean {
    if (this.#epoch === -1 || producerId === this.#producerId) return true
    return producerId === this.#previousProducerId && isExhausted(epoch)
  }

  /** Whether the transaction already has all of them. */
  hasAll(partitions: readonly TopicPartition[], groups: readonly string[]): boolean {
    return (
      partitions.every((partition) => this.#partitions.has(partitionKey(partition))) &&
      groups.every((groupId) => this.#groups.has(groupId))
    )
  }

  /**
   * Initializes a producer while no transaction is open; returns 0 or the error. `expected` is the
   * producer's own id and epoch (KIP-360); null = it is a new producer.
   */
  initialize(
    expected: ProducerIdentity | null,
    timeoutMs: number,
    newProducerId: () => ProducerId,
  ): number {
    if (isExhausted(this.#epoch)) {
      // Kafka's coordinator throws if the producer retries with an epoch before the previous one.
      if (expected !== null && expected.epoch !== this.#epoch) {
        return errorNumber.UNKNOWN_SERVER_ERROR
      }
      this.#lastEpoch = expected === null ? -1 : this.#epoch
      this.#move('Empty', newProducerId(), 0)
    } else if (expected === null) {
      this.#lastEpoch = -1
      this.#move('Empty', this.#producerId, this.#epoch + 1)
    } else if (this.#epoch === -1 || expected.epoch === this.#epoch) {
      this.#lastEpoch = this.#epoch
      this.#move('Empty', this.#producerId, this.#epoch + 1)
    } else if (expected.epoch === this.#lastEpoch) {
      // The response to the request that raised the epoch was lost; this is the retry.
      this.#move('Empty', this.#producerId, this.#epoch)
    } else {
      return errorNumber.PRODUCER_FENCED
    }
    this.#timeoutMs = timeoutMs
    return 0
  }

  /** Returns true if the transaction began with this call. */
  add(
    partitions: readonly TopicPartition[],
    groups: readonly string[],
    level: TransactionLevel,
  ): boolean {
    const begins = this.#state !== 'Ongoing'
    this.#move('Ongoing', this.#producerId, this.#epoch)
    this.#level = level
    for (const each of partitions) this.#partitions.set(partitionKey(each), each)
    for (const each of groups) this.#groups.add(each)
    return begins
  }

  /** Decides the result of the transaction; the markers are written next. */
  prepare(isCommit: boolean, level: TransactionLevel, newProducerId: () => ProducerId): void {
    const next = isCommit ? 'PrepareCommit' : 'PrepareAbort'
    if (bumpsEpoch(level)) {
      this.#nextProducerId = isExhausted(this.#epoch) ? newProducerId() : -1
      this.#lastEpoch = this.#epoch
      this.#move(next, this.#producerId, Math.min(this.#epoch + 1, epochMax))
    } else {
      this.#nextProducerId = -1
      this.#move(next, this.#producerId, this.#epoch)
    }
    this.#level = level
  }

  /** Aborts an open transaction without its producer, whose epoch is then too old. */
  fence(level: TransactionLevel, newProducerId: () => ProducerId): void {
    assert(this.#state === 'Ongoing', 'only an open transaction is fenced')
    if (!bumpsEpoch(level)) {
      this.#epoch = Math.min(this.#epoch + 1, epochMax)
      this.#lastEpoch = -1
    }
    this.prepare(false, level, newProducerId)
  }

  /** Called when all markers are written. */
  complete(): void {
    const next = this.#state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort'
    const { producerId, epoch } = this.nextIdentity
    this.#move(next, producerId, epoch)
    this.#nextProducerId = -1
    this.#partitions.clear()
    this.#groups.clear()
  }

  get #rotates(): boolean {
    return bumpsEpoch(this.#level) && this.#nextProducerId !== -1
  }

  #move(next: TransactionState, producerId: ProducerId, epoch: number): void {
    const from = this.#state
    assert(legal[from].includes(next), `a transaction does not go from ${from} to ${next}`)
    this.#state = next
    this.#previousProducerId = this.#producerId
    this.#producerId = producerId
    this.#epoch = epoch
  }
}
