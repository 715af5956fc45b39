// What can't be put into a batch yet: one record, or a caller with many. A waiting record owns its
// bytes, and they count in the buffer memory. WaitingRecords makes and fails them; the accumulator
// moves them into batches.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { RecordEncoder } from '../batch/record-encoder.ts'
import type { QueuedBatch } from '../dispatch/partition-queue.ts'
import type { Settle } from '../record.ts'
import type { SpooledHandle } from './spooled-handle.ts'
import type { EntryQueue, QueueEntry } from './waiting-queue.ts'

/**
 * What an entry takes beside the bytes of its record: its objects, its caller's promise among them,
 * in bytes (measured).
 */
export const waitingCost = 820

export class WaitingRecord implements QueueEntry {
  readonly draft: RecordEncoder
  readonly settle: Settle | null
  readonly tag: number
  readonly since: number
  readonly cost: number
  /** Set by the queue that the record waits in. */
  queue: EntryQueue | null = null
  /** Written by PartitionLines: it waits for its partition. */
  isInLine = false
  #flushGeneration: number
  #batch: QueuedBatch | null = null
  #isSpooled = false
  #isGone = false
  #waitsForSpace = false
  #onTaken: (() => void) | null = null

  constructor(
    draft: RecordEncoder,
    settle: Settle | null,
    tag: number,
    since: number,
    flushGeneration: number,
  ) {
    this.draft = draft
    this.tag = tag
    this.settle = settle
    this.since = since
    this.#flushGeneration = flushGeneration
    this.cost = draft.contentBytes + waitingCost
  }

  /** The flush() calls from this one on wait for it. */
  get flushGeneration(): number {
    return this.#flushGeneration
  }

  joinEarlierFlush(flushGeneration: number): void {
    this.#flushGeneration = Math.min(this.#flushGeneration, flushGeneration)
  }

  /** Where it went; null while it waits. */
  get batch(): QueuedBatch | null {
    return this.#batch
  }

  /** The batch has the record's bytes now. */
  moveInto(batch: QueuedBatch): void {
    this.#batch = batch
    this.draft.discard()
  }

  /** It went into the spool. */
  get isSpooled(): boolean {
    return this.#isSpooled
  }

  moveIntoSpool(): void {
    this.#isSpooled = true
    this.draft.discard()
  }

  /** It was cancelled, or has failed, while it waited. */
  get isGone(): boolean {
    return this.#isGone
  }

  markGone(): void {
    this.#isGone = true
    this.draft.discard()
    this.queue?.onGone()
    this.queue = null
  }

  /** True while it waits for buffer space: until its turn comes it does not count as taken. */
  get waitsForSpace(): boolean {
    return this.#waitsForSpace
  }

  beginWaitForSpace(): void {
    this.#waitsForSpace = true
  }

  /** `onTaken` is called once, when its turn came; it may still have to wait for its topic. */
  notifyWhenTaken(onTaken: () => void): void {
    this.#onTaken = onTaken
  }

  /** Its turn came. */
  endWaitForSpace(): void {
    this.#waitsForSpace = false
    if (!this.#isGone) this.#onTaken?.()
  }
}

/** A caller with many records (sendBatch) that waits in the queue once for all of them. */
export interface WaitingCaller extends QueueEntry {
  /** Since when it waits, or since it last could append something. */
  readonly since: number
  readonly flushGeneration: number
  /** Appends what there is space for; true when nothing is left. */
  advance(): boolean
  /** Fails what is left. */
  fail(makeError: () => KafkaError): void
}

/** Where a record is that was taken: in a batch, waiting, or in the spool. */
export type RecordHandle = QueuedBatch | WaitingRecord | SpooledHandle
