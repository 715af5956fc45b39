// Tells each record how it ended, exactly once, in the order in which batches were decided: so in
// order per partition. User callbacks run here and nowhere else, never inside a call of the user's,
// and in slices: after a counted number of records the rest waits for the next event-loop turn.

import type { KafkaError } from '../protocol/kafka-error.ts'
import { assert } from '../runtime/assert.ts'
import type { Batch } from './batch.ts'
import type { Settle } from './record.ts'
import { RecordCursor } from './record-cursor.ts'

/** Records settled in one turn. */
const sliceRecords = 8192

/** How a batch ended. */
export interface BatchOutcome {
  readonly batch: Batch
  /** null = delivered. */
  readonly error: KafkaError | null
  /** Offset of the first record; -1 = unknown. */
  readonly baseOffset: number
  /** The broker's timestamp; -1 = the records' own. */
  readonly logAppendTime: number
}

/** A record that failed by itself: aborted, refused while it waited, or named by the broker. */
export interface RecordFailure {
  readonly settle: Settle | null
  readonly tag: number
  readonly error: KafkaError
  /** The flush() calls that wait for it; -1 = they wait for its batch. */
  readonly flushGeneration: number
}

export interface SettlementOwner {
  onUnclaimedFailure(error: KafkaError): void
  onCallbackError(error: unknown): void
  /** All records of the batch were told. */
  onBatchSettled(outcome: BatchOutcome): void
  /** A record that failed by itself was told. */
  onFailureTold(failure: RecordFailure): void
  onRecordsSettled(delivered: number, failed: number): void
  /** A batch or a record has failed; those it concerns are told later. */
  onFailed(error: KafkaError): void
  /** Asks for another call of `run` in the next turn. */
  continueLater(): void
}

export class Settlement {
  readonly #owner: SettlementOwner
  #decided: (BatchOutcome | RecordFailure)[] = []
  /** Where the next call of run goes on: in which outcome, at which record. */
  #position = 0
  #recordIndex = 0
  #cursor: RecordCursor | null = null
  #running = false
  /** The present run goes to the end. */
  #unsliced = false

  constructor(owner: SettlementOwner) {
    this.#owner = owner
  }

  get idle(): boolean {
    return this.#decided.length === 0
  }

  /** The batch is decided; its records are told in the next run. */
  settleBatch(outcome: BatchOutcome): void {
    outcome.batch.transition('settled')
    this.#decided.push(outcome)
    if (outcome.error !== null) this.#owner.onFailed(outcome.error)
  }

  failRecord(failure: RecordFailure): void {
    this.#decided.push(failure)
    this.#owner.onFailed(failure.error)
  }

  /**
   * Tells decided records how they ended, up to a slice. A callback that calls in again is safe.
   */
  run(): void {
    if (this.#running) return
    this.#running = true
    let budget = sliceRecords
    while ((budget > 0 || this.#unsliced) && this.#position < this.#decided.length) {
      budget -= this.#advance(
        this.#decided[this.#position]!,
        this.#unsliced ? sliceRecords : budget,
      )
    }
    this.#running = false
    this.#unsliced = false
    if (this.#position === this.#decided.length) {
      this.#decided = []
      this.#position = 0
    } else this.#owner.continueLater()
  }

  /** Tells all that is decided; called by a callback, the run that called it goes on to the end. */
  runAll(): void {
    this.#unsliced = true
    this.run()
  }

  /** Tells up to `budget` records of one outcome; returns how many. */
  #advance(outcome: BatchOutcome | RecordFailure, budget: number): number {
    if (!('batch' in outcome)) {
      this.#position++
      this.#fail(outcome.settle, outcome.tag, outcome.error)
      this.#owner.onRecordsSettled(0, 1)
      this.#owner.onFailureTold(outcome)
      return 1
    }
    const { batch, error } = outcome
    const start = this.#recordIndex
    const end = Math.min(batch.recordCount, start + budget)
    if (error === null) this.#deliver(outcome, start, end)
    else this.#failAll(batch, error, start, end)
    if (end < batch.recordCount) this.#recordIndex = end
    else {
      this.#position++
      this.#recordIndex = 0
      this.#cursor = null
      // Whoever gave up on a record was told then, and it was counted.
      const count = batch.recordCount - (batch.dropped?.size ?? 0)
      this.#owner.onRecordsSettled(error === null ? count : 0, error === null ? 0 : count)
      this.#owner.onBatchSettled(outcome)
    }
    return Math.max(1, end - start)
  }

  #failAll(batch: Batch, error: KafkaError, start: number, end: number): void {
    for (let index = start; index < end; index++) {
      if (batch.dropped?.has(index)) continue
      this.#fail(batch.settleOf(index), batch.tagOf(index), error)
    }
  }

  #deliver(outcome: BatchOutcome, start: number, end: number): void {
    const { batch, baseOffset, logAppendTime } = outcome
    if (!batch.hasSettles) return
    const { queue } = batch
    const topic = queue.topic.name
    const partition = queue.partition
    this.#cursor ??= new RecordCursor(batch)
    const cursor = this.#cursor
    for (let index = start; index < end; index++) {
      cursor.next()
      const settle = batch.settleOf(index)
      if (settle === null) continue
      try {
        const metadata = {
          topic,
          partition,
          offset: baseOffset < 0 ? -1 : baseOffset + index,
          timestamp: logAppendTime < 0 ? cursor.timestamp : logAppendTime,
          keyBytes: cursor.keyBytes,
          valueBytes: cursor.valueBytes,
        }
        if (typeof settle === 'function') this.#watch(settle(null, metadata))
        else settle.settled(batch.tagOf(index), null, metadata)
      } catch (thrown) {
        this.#owner.onCallbackError(thrown)
      }
    }
  }

  /** A callback may be an async function: nobody waits for it, and its rejection is reported. */
  #watch(result: unknown): void {
    if (result instanceof Promise) {
      result.catch((thrown) => this.#owner.onCallbackError(thrown))
    }
  }

  #fail(settle: Settle | null, tag: number, error: KafkaError): void {
    assert(error !== null, 'a failure has an error')
    if (settle === null) {
      this.#owner.onUnclaimedFailure(error)
      return
    }
    try {
      if (typeof settle === 'function') this.#watch(settle(error, null))
      else settle.settled(tag, error, null)
    } catch (thrown) {
      this.#owner.onCallbackError(thrown)
    }
  }
}
