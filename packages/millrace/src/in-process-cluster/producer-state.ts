// The state of idempotent producers in one partition: for each producer id its epoch, its last five
// batches, its open transaction, and a pending verification with the coordinator. topic.ts calls
// `check` before an append and `record` after it, and nothing may run between them. The rules are
// those of a Kafka leader. Brokers since 1.0 never respond DUPLICATE_SEQUENCE_NUMBER (46), so only
// faults produce it.

import { errorNumber } from '../protocol/errors.ts'
import type { ProducerId } from '../protocol/producer-id.ts'

/** Sequences count records from 0 and start again after this one. */
export const sequenceMax = 2 ** 31 - 1

/** The number of a producer's last batches among which a resent batch is detected. */
const rememberedBatches = 5

/** How to handle the first batch of a producer that this partition does not know. */
export type UnknownProducerRule =
  /** Accepts any first sequence number: Kafka 2.5 to 4.4. */
  | 'accept'
  /** As accept, but a partition that was never written requires sequence number 0: Kafka 4.5. */
  | 'zero-if-never-written'
  /** Rejects a sequence number other than 0 with UNKNOWN_PRODUCER_ID: Kafka 2.4 and older. */
  | 'reject'

/** The fields of a batch that are checked against the producer's state. */
export interface SequencedBatch {
  readonly producerId: ProducerId
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
  readonly transactional?: boolean | undefined
}

interface RememberedBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly appendTime: number
}

interface ProducerEntry {
  epoch: number
  /** The timestamp of its last batch, from the records; -1 = none. */
  lastTimestamp: number
  /** Oldest first; empty after a marker that raised the epoch. */
  batches: RememberedBatch[]
  isOpen: boolean
}

export interface ProducerView {
  readonly producerId: ProducerId
  readonly epoch: number
  /** -1 = none. */
  readonly lastSequence: number
  readonly lastTimestamp: number
  readonly isOpen: boolean
}

/**
 * The coordinator received a request about a transaction that has not written to this partition
 * yet.
 */
interface Verification {
  epoch: number
  lowestSequence: number
  /** The producer's transactions raise its epoch, so each begins at sequence number 0. */
  readonly bumpsEpoch: boolean
}

export type SequenceCheckResult =
  | { readonly kind: 'append' }
  /** The batch was written before: the response is the same as the first one. */
  | { readonly kind: 'duplicate'; readonly baseOffset: number; readonly appendTime: number }
  | { readonly kind: 'error'; readonly code: number; readonly message: string }

const append: SequenceCheckResult = { kind: 'append' }

/** The sequence number `count` records later; after the largest one it continues at 0. */
export const sequenceAfter = (sequence: number, count: number): number => {
  const sum = sequence + count
  return sum > sequenceMax ? sum - sequenceMax - 1 : sum
}

const lastSequenceOf = (batch: SequencedBatch): number =>
  sequenceAfter(batch.baseSequence, batch.recordCount - 1)

const reject = (code: number, message: string): SequenceCheckResult => ({
  kind: 'error',
  code,
  message,
})

/** The earlier batch with the same epoch and sequence numbers, if it is remembered. */
const findDuplicate = (
  entry: ProducerEntry,
  batch: SequencedBatch,
): RememberedBatch | undefined => {
  const lastSequence = lastSequenceOf(batch)
  return entry.batches.find(
    (known) => known.firstSequence === batch.baseSequence && known.lastSequence === lastSequence,
  )
}

export class ProducerStates {
  readonly #entries = new Map<ProducerId, ProducerEntry>()
  readonly #verifications = new Map<ProducerId, Verification>()
  readonly #unknownProducer: UnknownProducerRule

  constructor(unknownProducer: UnknownProducerRule) {
    this.#unknownProducer = unknownProducer
  }

  get size(): number {
    return this.#entries.size
  }

  /** The state of each producer. */
  list(): readonly ProducerView[] {
    return [...this.#entries].map(([producerId, { epoch, batches, lastTimestamp, isOpen }]) => {
      const lastSequence = batches.at(-1)?.lastSequence ?? -1
      return { producerId, epoch, lastSequence, lastTimestamp, isOpen }
    })
  }

  /** Whether the producer has an open transaction in this partition with this epoch. */
  isOpen(producerId: ProducerId, epoch: number): boolean {
    const entry = this.#entries.get(producerId)
    return entry?.isOpen === true && entry.epoch === epoch
  }

  /** Whether the epoch is older than the latest one in this partition. */
  isStale(producerId: ProducerId, epoch: number): boolean {
    return epoch < (this.#entries.get(producerId)?.epoch ?? -1)
  }

  /** The coordinator is about to receive a request about the first batch of a transaction. */
  addVerification(batch: SequencedBatch, bumpsEpoch: boolean): void {
    const { producerId, producerEpoch: epoch, baseSequence } = batch
    const known = this.#verifications.get(producerId)
    if (known === undefined) {
      this.#verifications.set(producerId, { epoch, lowestSequence: baseSequence, bumpsEpoch })
    } else if (epoch > known.epoch) {
      known.epoch = epoch
      known.lowestSequence = baseSequence
    } else if (epoch === known.epoch) {
      known.lowestSequence = Math.min(known.lowestSequence, baseSequence)
    }
  }

  /**
   * `neverWritten`: the partition has had no record since it was created. `verified`: the
   * coordinator knows that the batch's transaction writes to this partition.
   */
  check(batch: SequencedBatch, neverWritten: boolean, verified = true): SequenceCheckResult {
    const { producerId, producerEpoch, baseSequence, transactional = false } = batch
    const entry = this.#entries.get(producerId)
    const known = entry?.epoch === producerEpoch ? findDuplicate(entry, batch) : undefined
    if (known !== undefined) {
      return { kind: 'duplicate', baseOffset: known.baseOffset, appendTime: known.appendTime }
    }
    if (this.isStale(producerId, producerEpoch)) {
      return reject(
        errorNumber.INVALID_PRODUCER_EPOCH,
        `Epoch ${producerEpoch} of producer ${producerId} is older than ${entry?.epoch}`,
      )
    }
    if (transactional && !verified && !this.isOpen(producerId, producerEpoch)) {
      return reject(errorNumber.INVALID_TXN_STATE, 'Record was not part of an ongoing transaction')
    }
    const verification = this.#checkVerification(batch, entry)
    if (verification !== null) return verification
    if (entry === undefined) return this.#checkUnknown(batch, neverWritten)
    if (producerEpoch > entry.epoch) {
      if (baseSequence === 0) return append
      return reject(
        errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER,
        `The new epoch ${producerEpoch} of producer ${producerId} starts at ` +
          `sequence ${baseSequence}, not at 0`,
      )
    }
    const newest = entry.batches.at(-1)
    const expected = newest === undefined ? 0 : sequenceAfter(newest.lastSequence, 1)
    if (baseSequence !== expected) {
      return reject(
        errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER,
        `Producer ${producerId} sent sequence ${baseSequence}, expected ${expected}`,
      )
    }
    if (entry.isOpen && !transactional) {
      return reject(
        errorNumber.INVALID_TXN_STATE,
        `Expected transactional write from producer ${producerId}`,
      )
    }
    return append
  }

  /** A marker was written: the transaction has ended, and the epoch is the marker's. */
  endTransaction(producerId: ProducerId, markerEpoch: number): void {
    const entry = this.#entries.get(producerId)
    if (entry === undefined) {
      this.#entries.set(producerId, {
        epoch: markerEpoch,
        lastTimestamp: -1,
        batches: [],
        isOpen: false,
      })
    } else {
      entry.isOpen = false
      if (markerEpoch > entry.epoch) {
        entry.epoch = markerEpoch
        entry.batches = []
      }
    }
    this.#verifications.delete(producerId)
  }

  /** Stores a batch that was just written; returns true if a transaction began with it. */
  record(
    batch: SequencedBatch,
    baseOffset: number,
    appendTime: number,
    maxTimestamp = -1,
  ): boolean {
    const remembered: RememberedBatch = {
      firstSequence: batch.baseSequence,
      lastSequence: lastSequenceOf(batch),
      baseOffset,
      appendTime,
    }
    const entry = this.#entryFor(batch)
    entry.lastTimestamp = maxTimestamp
    entry.batches.push(remembered)
    if (entry.batches.length > rememberedBatches) entry.batches.shift()
    if (batch.transactional !== true) return false
    this.#verifications.delete(batch.producerId)
    const begins = !entry.isOpen
    entry.isOpen = true
    return begins
  }

  /**
   * Removes the state of all producers without an open transaction, as after
   * producer.id.expiration.ms or the deletion of the log with their batches.
   */
  forgetAll(): void {
    for (const [producerId, entry] of this.#entries) {
      if (!entry.isOpen) this.#entries.delete(producerId)
    }
  }

  /** The producer's entry, with the epoch of the batch. */
  #entryFor({ producerId, producerEpoch }: SequencedBatch): ProducerEntry {
    let entry = this.#entries.get(producerId)
    if (entry === undefined) {
      entry = { epoch: producerEpoch, lastTimestamp: -1, batches: [], isOpen: false }
      this.#entries.set(producerId, entry)
    } else if (entry.epoch !== producerEpoch) {
      entry.epoch = producerEpoch
      entry.batches = []
    }
    return entry
  }

  /** The error of a transaction's first batch; null = it is valid. */
  #checkVerification(
    { producerId, baseSequence }: SequencedBatch,
    entry: ProducerEntry | undefined,
  ): SequenceCheckResult | null {
    const verification = this.#verifications.get(producerId)
    if (verification === undefined) return null
    const isNew = entry === undefined || entry.batches.length === 0
    if (verification.bumpsEpoch && isNew && baseSequence !== 0) {
      return reject(
        errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER,
        `Producer ${producerId} starts at sequence ${baseSequence}, not at 0, as under ` +
          'transaction.version 2 each transaction does',
      )
    }
    if (baseSequence <= verification.lowestSequence) return null
    return reject(
      errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER,
      `Producer ${producerId} sent sequence ${baseSequence}, after ` +
        `${verification.lowestSequence} was received here and not written`,
    )
  }

  #checkUnknown(batch: SequencedBatch, neverWritten: boolean): SequenceCheckResult {
    const { baseSequence } = batch
    if (baseSequence === 0) return append
    switch (this.#unknownProducer) {
      case 'accept':
        return append
      case 'zero-if-never-written':
        if (!neverWritten) return append
        return reject(
          errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER,
          `The first batch in this partition starts at sequence ${baseSequence}, not at 0`,
        )
      case 'reject':
        return reject(
          errorNumber.UNKNOWN_PRODUCER_ID,
          `Producer ${batch.producerId} is not known here and starts at ${baseSequence}`,
        )
      default:
        return this.#unknownProducer satisfies never
    }
  }
}
