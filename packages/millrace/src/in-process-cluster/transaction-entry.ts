// One transactional id: its producer, its epochs, and the transaction it is in. The state machine
// of Kafka's coordinator, whose every write to its own log succeeds at once here, so that no
// transition is ever pending; only the markers take time (`PrepareCommit`, `PrepareAbort`).
// transaction-coordinator.ts owns these and alone calls in.
//
//   Empty → Ongoing → PrepareCommit → CompleteCommit ┐
//     ↑        └────→ PrepareAbort  → CompleteAbort  ┤ → Ongoing, Empty, PrepareAbort
//     └──────────────────────────────────────────────┘
//
// Invariants: an epoch never goes back for a producer id; no producer has 32767;
// partitions and groups are there from Ongoing until the markers are written.

import { errorNumber } from '../protocol/errors.ts'
import type { ProducerId } from '../protocol/producer-id.ts'
import { assert } from '../runtime/assert.ts'

/** The states of a transaction at its coordinator, by Kafka's names (KIP-98). */
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

/** How the two sides end transactions: from level 2 on each end raises the epoch (KIP-890). */
export type TransactionLevel = 0 | 1 | 2

export const bumpsEpoch = (level: TransactionLevel): boolean => level >= 2

const epochMax = 32767

/** The last epoch is kept free for fencing: a producer that reached this one gets a new id. */
export const isExhausted = (epoch: number): boolean => epoch >= epochMax - 1

export const partitionKey = ({ topic, partition }: TopicPartition): string =>
  `${partition} ${topic}`

export class Transaction {
  readonly id: string
  #state: TransactionState = 'Empty'
  #producerId: ProducerId
  /** The id before the last transition: how a retry over a change of ids is recognised. */
  #previousProducerId: ProducerId = -1
  /** The id after the markers, where the epochs of this one are used up; -1 = it stays. */
  #nextProducerId: ProducerId = -1
  #epoch = -1
  /** The epoch before the last rise by the producer itself; -1 = another one raised it. */
  #lastEpoch = -1
  #timeoutMs = 0
  /** How the transaction that is ending, or ended last, does so. */
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

  /** What the producer receives when its transaction ends: what it will be after the markers. */
  get identityToBe(): ProducerIdentity {
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
   * May a producer that believes to be this one start anew? Its epoch is looked at later. An id of
   * before counts where its epochs were used up: then the response with the new id was lost.
   */
  mayBe({ producerId, epoch }: ProducerIdentity): boolean {
    if (this.#epoch === -1 || producerId === this.#producerId) return true
    return producerId === this.#previousProducerId && isExhausted(epoch)
  }

  /** Whether it writes to each of them already. */
  hasAll(partitions: readonly TopicPartition[], groups: readonly string[]): boolean {
    return (
      partitions.every((partition) => this.#partitions.has(partitionKey(partition))) &&
      groups.every((groupId) => this.#groups.has(groupId))
    )
  }

  /**
   * Starts a producer anew, where no transaction is open: 0, or the error. `expected` is what the
   * producer believes to be (KIP-360); null = it is a new one.
   */
  initialize(
    expected: ProducerIdentity | null,
    timeoutMs: number,
    newProducerId: () => ProducerId,
  ): number {
    if (isExhausted(this.#epoch)) {
      // Kafka's coordinator throws if the producer is a retry from before the last epoch.
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
      // The response to a request that raised the epoch was lost: this is its retry.
      this.#move('Empty', this.#producerId, this.#epoch)
    } else {
      return errorNumber.PRODUCER_FENCED
    }
    this.#timeoutMs = timeoutMs
    return 0
  }

  /** True if the transaction began by it. */
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

  /** Decides the transaction; the markers come next. */
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

  /** Aborts an open transaction over its producer's head, whose epoch is then too old. */
  fence(level: TransactionLevel, newProducerId: () => ProducerId): void {
    assert(this.#state === 'Ongoing', 'only an open transaction is fenced')
    if (!bumpsEpoch(level)) {
      this.#epoch = Math.min(this.#epoch + 1, epochMax)
      this.#lastEpoch = -1
    }
    this.prepare(false, level, newProducerId)
  }

  /** All markers are written. */
  complete(): void {
    const next = this.#state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort'
    const { producerId, epoch } = this.identityToBe
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
