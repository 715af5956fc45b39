// Owns an entry that cannot be added to a batch yet: one record, or a caller with many. A waiting
// record owns its bytes, which count in the buffer memory. Callers: WaitingRecords creates and
// fails them; Accumulator moves them into batches. Invariant: the bytes are released when the
// record enters a batch or the spool, or has failed.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { RecordEncoder } from '../batch/record-encoder.ts'
import type { QueuedBatch } from '../dispatch/partition-queue.ts'
import type { Settle } from '../record.ts'
import type { SpooledHandle } from './spooled-handle.ts'
import type { EntryQueue, QueueEntry } from './waiting-queue.ts'

/**
 * The memory of an entry beside the bytes of its record: its objects and its caller's promise
 * (measured, in bytes).
 */
export const waitingCost = 820

export class WaitingRecord implements QueueEntry {
  readonly encoder: RecordEncoder
  readonly settle: Settle | null
  readonly tag: number
  readonly since: number
  readonly cost: number
  /** Set by the queue that contains the record. */
  queue: EntryQueue | null = null
  /** Written by PartitionWaitQueues: it waits for its partition. */
  waitsForPartition = false
  #flushGeneration: number
  #batch: QueuedBatch | null = null
  #isSpooled = false
  #isGone = false
  #waitsForSpace = false
  #onTaken: (() => void) | null = null

  constructor(
    encoder: RecordEncoder,
    settle: Settle | null,
    tag: number,
    since: number,
    flushGeneration: number,
  ) {
    this.encoder = encoder
    this.tag = tag
    this.settle = settle
    this.since = since
    this.#flushGeneration = flushGeneration
    this.cost = encoder.contentBytes + waitingCost
  }

  /** The flush() calls from this generation on wait for it. */
  get flushGeneration(): number {
    return this.#flushGeneration
  }

  joinEarlierFlush(flushGeneration: number): void {
    this.#flushGeneration = Math.min(this.#flushGeneration, flushGeneration)
  }

  /** The batch that contains it now; null while it waits. */
  get batch(): QueuedBatch | null {
    return this.#batch
  }

  /** The batch contains the record's bytes now. */
  moveInto(batch: QueuedBatch): void {
    this.#batch = batch
    this.encoder.discard()
  }

  /** The record was added to the spool. */
  get isSpooled(): boolean {
    return this.#isSpooled
  }

  moveIntoSpool(): void {
    this.#isSpooled = true
    this.encoder.discard()
  }

  /** It was cancelled or has failed while it waited. */
  get isGone(): boolean {
    return this.#isGone
  }

  markGone(): void {
    this.#isGone = true
    this.encoder.discard()
    this.queue?.onGone()
    this.queue = null
  }

  /** True while it waits for buffer space: until then it does not count as accepted. */
  get waitsForSpace(): boolean {
    return this.#waitsForSpace
  }

  beginWaitForSpace(): void {
    this.#waitsForSpace = true
  }

  /** `onTaken` is called once when its turn came; it may still have to wait for its topic. */
  notifyWhenTaken(onTaken: () => void): void {
    this.#onTaken = onTaken
  }

  /** Its turn came. */
  endWaitForSpace(): void {
    this.#waitsForSpace = false
    if (!this.#isGone) this.#onTaken?.()
  }
}

/** A caller with many records (sendBatch), which waits in the queue once for all of them. */
export interface WaitingCaller extends QueueEntry {
  /** When it began to wait, or could last append a record. */
  readonly since: number
  readonly flushGeneration: number
  /** Appends records while there is space; true when none is left. */
  advance(): boolean
  /** Fails the remaining records. */
  fail(makeError: () => KafkaError): void
}

/** Where an accepted record is: in a batch, waiting, or in the spool. */
export type RecordHandle = QueuedBatch | WaitingRecord | SpooledHandle
