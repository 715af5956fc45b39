// What one partition remembers of idempotent producers: per producer id its epoch and its last five
// batches. partition.ts asks `check` before an append and calls `record` after it; the two never
// run apart. The rules are those of a Kafka leader (see `check`); DUPLICATE_SEQUENCE_NUMBER (46) is
// in none of them, as no broker since 1.0 answers it: faults can. Room left for transactions: an
// entry will also hold the first offset of its open transaction.

import { errorNumber } from '../protocol/errors.ts'

/** Sequences count records from 0 and start again after this one. */
export const sequenceMax = 2 ** 31 - 1

/** How many of a producer's last batches a resend is recognised among. */
const rememberedBatches = 5

/** What to do with the first batch of a producer that this partition does not know. */
export type UnknownProducerRule =
  /** Any first sequence is accepted: Kafka 2.5 up to 4.4. */
  | 'accept'
  /** As accept, but a partition that was never written to demands sequence 0: Kafka 4.5. */
  | 'zero-if-never-written'
  /** A sequence other than 0 is answered UNKNOWN_PRODUCER_ID: Kafka 2.4 and older. */
  | 'reject'

/** The part of a batch that its producer is judged by. */
export interface SequencedBatch {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

interface RememberedBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly appendTime: number
}

interface ProducerEntry {
  epoch: number
  /** Oldest first; empty after an epoch's start was noted without a batch. */
  batches: RememberedBatch[]
}

export type SequenceVerdict =
  | { readonly kind: 'append' }
  /** Written before: answer with what was answered then. */
  | { readonly kind: 'duplicate'; readonly baseOffset: number; readonly appendTime: number }
  | { readonly kind: 'error'; readonly code: number; readonly message: string }

const append: SequenceVerdict = { kind: 'append' }

/** The sequence `count` records after `sequence`, wrapping past the greatest to 0. */
export const sequenceAfter = (sequence: number, count: number): number => {
  const sum = sequence + count
  return sum > sequenceMax ? sum - sequenceMax - 1 : sum
}

const lastSequenceOf = (batch: SequencedBatch): number =>
  sequenceAfter(batch.baseSequence, batch.recordCount - 1)

const refuse = (code: number, message: string): SequenceVerdict => ({
  kind: 'error',
  code,
  message,
})

export class ProducerStates {
  readonly #entries = new Map<number, ProducerEntry>()
  readonly #unknownProducer: UnknownProducerRule

  constructor(unknownProducer: UnknownProducerRule) {
    this.#unknownProducer = unknownProducer
  }

  get size(): number {
    return this.#entries.size
  }

  /** `neverWritten`: the partition has not held a record since it was created. */
  check(batch: SequencedBatch, neverWritten: boolean): SequenceVerdict {
    const entry = this.#entries.get(batch.producerId)
    if (entry === undefined) return this.#checkUnknown(batch, neverWritten)
    const { producerEpoch, baseSequence } = batch
    if (producerEpoch < entry.epoch) {
      return refuse(
        errorNumber.INVALID_PRODUCER_EPOCH,
        `Epoch ${producerEpoch} of producer ${batch.producerId} is older than ${entry.epoch}`,
      )
    }
    if (producerEpoch > entry.epoch) {
      if (baseSequence === 0) return append
      return refuse(
        errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER,
        `The new epoch ${producerEpoch} of producer ${batch.producerId} starts at ` +
          `sequence ${baseSequence}, not at 0`,
      )
    }
    const lastSequence = lastSequenceOf(batch)
    for (const known of entry.batches) {
      if (known.firstSequence === baseSequence && known.lastSequence === lastSequence) {
        return { kind: 'duplicate', baseOffset: known.baseOffset, appendTime: known.appendTime }
      }
    }
    const newest = entry.batches.at(-1)
    if (newest === undefined || baseSequence === sequenceAfter(newest.lastSequence, 1)) {
      return append
    }
    return refuse(
      errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER,
      `Producer ${batch.producerId} sent sequence ${baseSequence}, ` +
        `expected ${sequenceAfter(newest.lastSequence, 1)}`,
    )
  }

  /** Remembers a batch that was just written. */
  record(batch: SequencedBatch, baseOffset: number, appendTime: number): void {
    const remembered: RememberedBatch = {
      firstSequence: batch.baseSequence,
      lastSequence: lastSequenceOf(batch),
      baseOffset,
      appendTime,
    }
    const entry = this.#entries.get(batch.producerId)
    if (entry === undefined || entry.epoch !== batch.producerEpoch) {
      this.#entries.set(batch.producerId, { epoch: batch.producerEpoch, batches: [remembered] })
      return
    }
    entry.batches.push(remembered)
    if (entry.batches.length > rememberedBatches) entry.batches.shift()
  }

  /** As after producer.id.expiration.ms, or after the log that held its batches was removed. */
  forgetAll(): void {
    this.#entries.clear()
  }

  #checkUnknown(batch: SequencedBatch, neverWritten: boolean): SequenceVerdict {
    const { baseSequence } = batch
    if (baseSequence === 0) return append
    switch (this.#unknownProducer) {
      case 'accept':
        return append
      case 'zero-if-never-written':
        if (!neverWritten) return append
        return refuse(
          errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER,
          `The first batch in this partition starts at sequence ${baseSequence}, not at 0`,
        )
      case 'reject':
        return refuse(
          errorNumber.UNKNOWN_PRODUCER_ID,
          `Producer ${batch.producerId} is not known here and starts at ${baseSequence}`,
        )
      default:
        return this.#unknownProducer satisfies never
    }
  }
}
