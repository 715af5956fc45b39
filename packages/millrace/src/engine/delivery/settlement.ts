// Owns the reporting of results. Each record has a result receiver (its `settle`), which is called
// exactly once with the metadata or the error, in the order in which the results of batches became
// known, and so in order per partition. Callers: Delivery, BatchFailures and WaitingRecords add
// results; Engine calls `run`. Invariants: a receiver is called only here, never inside a call of
// the user; the number of calls per turn is limited.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import { assert } from '../../runtime/assert.ts'
import { isPromise } from '../../runtime/value-kinds.ts'
import { RecordCursor } from '../batch/record-cursor.ts'
import type { QueuedBatch } from '../dispatch/partition-queue.ts'
import { callSettle, type Settle } from '../record.ts'
import type { DeadLetterPort, FailedRecord } from './dead-letter-port.ts'
import { DeliveredRecords } from './delivered-records.ts'

/** Limit of the settles called in one turn. */
const sliceRecords = 4096
/**
 * Of so many settles or more, a response after which no request is in flight calls only half. The
 * records that their callers send next are then sent before the next step calls the rest: without
 * this, a load that awaits its records and the broker would wait for each other in turn.
 */
const halvedRecordsMin = 256

/** The result of a batch. */
export interface BatchOutcome {
  readonly batch: QueuedBatch
  /** null = delivered. */
  readonly error: KafkaError | null
  /** Offset of the first record; -1 = unknown. */
  readonly baseOffset: number
  /** The broker's timestamp; -1 = the records' own. */
  readonly logAppendTime: number
  /** The log start offset of the partition; -1 = unknown. */
  readonly logStartOffset: number
}

/** A record that failed separately: cancelled, rejected while it waited, or named by the broker. */
export interface RecordFailure {
  readonly settle: Settle | null
  readonly tag: number
  readonly error: KafkaError
  /** The flush() generation that waits for it; -1 = that of its batch. */
  readonly flushGeneration: number
  /** The record stays in its batch, and is counted with it. */
  readonly isCountedWithBatch?: boolean
  /** The record becomes a dead letter: a copy of its content. */
  readonly deadLetter?: FailedRecord | undefined
}

export interface SettlementEvents {
  onUnobservedFailure(error: KafkaError): void
  onCallbackError(error: unknown): void
  /** The settles of all records of the batch were called. */
  onBatchSettled(outcome: BatchOutcome): void
  /** The settle of a record that failed separately was called. */
  onFailureNotified(failure: RecordFailure): void
  onRecordsSettled(delivered: number, failed: number): void
  /** A batch or a record has failed; its settles are called later. */
  onFailed(error: KafkaError): void
  /** Requests another call of `run` in the next turn. */
  continueLater(): void
}

export class Settlement {
  readonly #events: SettlementEvents
  /** Null = failures are reported. */
  readonly #deadLetters: DeadLetterPort | null
  #decided: (BatchOutcome | RecordFailure)[] = []
  /** Records of delivered and failed batches whose settles were not called yet. */
  #batchRecords = 0
  /** Where the next call of run continues: the outcome and the record. */
  #position = 0
  #recordIndex = 0
  #records: DeliveredRecords | null = null
  #running = false
  /** The current run continues to the end. */
  #isUnlimited = false

  constructor(events: SettlementEvents, deadLetters: DeadLetterPort | null) {
    this.#events = events
    this.#deadLetters = deadLetters
  }

  get idle(): boolean {
    return this.#decided.length === 0
  }

  /** Whether a record that fails with this error needs its content as `deadLetter`. */
  wantsDeadLetter(topic: string, error: KafkaError): boolean {
    return this.#deadLetters?.wants(topic, error) === true
  }

  /** The result of the batch is known; the next run calls its records' settles. */
  settleBatch(outcome: BatchOutcome): void {
    outcome.batch.transition('settled')
    this.#decided.push(outcome)
    this.#batchRecords += outcome.batch.recordCount
    if (outcome.error !== null) this.#events.onFailed(outcome.error)
  }

  failRecord(failure: RecordFailure): void {
    this.#decided.push(failure)
    this.#events.onFailed(failure.error)
  }

  /**
   * Calls the settles of records with results, up to the limit of a turn. A settle may call the
   * engine.
   */
  run(): void {
    this.#run(sliceRecords)
  }

  /** After a response: the same, or half of the results if no request is in flight. */
  runAfterResponse(requestsInFlight: number): void {
    const isHalved = requestsInFlight === 0 && this.#batchRecords >= halvedRecordsMin
    this.#run(isHalved ? Math.min(sliceRecords, Math.ceil(this.#batchRecords / 2)) : sliceRecords)
  }

  #run(maxRecords: number): void {
    if (this.#running) return
    this.#running = true
    let budget = maxRecords
    while ((budget > 0 || this.#isUnlimited) && this.#position < this.#decided.length) {
      budget -= this.#advance(
        this.#decided[this.#position]!,
        this.#isUnlimited ? sliceRecords : budget,
      )
    }
    this.#running = false
    this.#isUnlimited = false
    if (this.#position === this.#decided.length) {
      this.#decided = []
      this.#position = 0
    } else this.#events.continueLater()
  }

  /**
   * Calls all remaining settles; if a settle calls this method, the run that called the settle does
   * it.
   */
  runAll(): void {
    this.#isUnlimited = true
    this.run()
  }

  /** Calls up to `budget` settles of one outcome; returns their number. */
  #advance(outcome: BatchOutcome | RecordFailure, budget: number): number {
    if (!('batch' in outcome)) {
      this.#position++
      this.#failRecord(outcome)
      if (outcome.isCountedWithBatch !== true) this.#events.onRecordsSettled(0, 1)
      this.#events.onFailureNotified(outcome)
      return 1
    }
    const { batch, error } = outcome
    const start = this.#recordIndex
    const isDead = error !== null && this.wantsDeadLetter(batch.queue.topic.name, error)
    // The dead letters of a batch are taken in one turn, so that a spool can write them together.
    const end = isDead ? batch.recordCount : Math.min(batch.recordCount, start + budget)
    if (error === null) this.#deliver(outcome, start, end)
    else if (isDead && start === 0) this.#takeAll(batch, error)
    else this.#failAll(batch, error, start, end)
    this.#batchRecords -= end - start
    if (end < batch.recordCount) this.#recordIndex = end
    else {
      this.#position++
      this.#recordIndex = 0
      this.#records = null
      // A cancelled record was reported and counted when it was cancelled.
      const count = batch.keptRecordCount
      this.#events.onRecordsSettled(error === null ? count : 0, error === null ? 0 : count)
      this.#events.onBatchSettled(outcome)
    }
    return Math.max(1, end - start)
  }

  #failRecord({ settle, tag, error, deadLetter }: RecordFailure): void {
    if (deadLetter === undefined) this.#fail(settle, tag, error)
    else this.#deadLetters!.take(deadLetter, error, settle, tag)
  }

  /** Each record of the batch becomes a dead letter. */
  #takeAll(batch: QueuedBatch, error: KafkaError): void {
    const { topic, partition } = batch.queue
    const cursor = new RecordCursor(batch)
    for (let index = 0; index < batch.recordCount; index++) {
      cursor.next()
      if (batch.isDropped(index)) continue
      const { timestamp, content } = cursor
      const record = { topic: topic.name, partition, timestamp, content }
      this.#deadLetters!.take(record, error, batch.settleOf(index), batch.tagOf(index))
    }
  }

  #failAll(batch: QueuedBatch, error: KafkaError, start: number, end: number): void {
    for (let index = start; index < end; index++) {
      if (batch.isDropped(index)) continue
      this.#fail(batch.settleOf(index), batch.tagOf(index), error)
    }
  }

  #deliver(outcome: BatchOutcome, start: number, end: number): void {
    const { batch, baseOffset, logAppendTime } = outcome
    if (!batch.hasSettles) return
    this.#records ??= new DeliveredRecords(batch, logAppendTime)
    const records = this.#records
    const { cursor, place } = records
    const { topic, partition } = place
    for (let index = start; index < end; index++) {
      cursor.next()
      const settle = batch.settleOf(index)
      if (settle === null) continue
      const offset = baseOffset < 0 ? -1 : baseOffset + index
      try {
        if (typeof settle !== 'function') {
          records.show(offset)
          settle.settled(batch.tagOf(index), null, records)
          continue
        }
        // Created here and not by the shared object: this saves a third of the cost of a callback.
        const result = settle(null, {
          topic,
          partition,
          offset,
          timestamp: logAppendTime < 0 ? cursor.timestamp : logAppendTime,
          keyBytes: cursor.keyBytes,
          valueBytes: cursor.valueBytes,
        })
        if (result !== undefined) this.#watch(result)
      } catch (thrown) {
        this.#events.onCallbackError(thrown)
      }
    }
  }

  /** A callback may be an async function: it is not awaited, and its rejection is reported. */
  #watch(result: unknown): void {
    if (isPromise(result)) {
      result.catch((thrown) => this.#events.onCallbackError(thrown))
    }
  }

  #fail(settle: Settle | null, tag: number, error: KafkaError): void {
    assert(error !== null, 'a failure has an error')
    if (settle === null) {
      this.#events.onUnobservedFailure(error)
      return
    }
    try {
      this.#watch(callSettle(settle, tag, error, null))
    } catch (thrown) {
      this.#events.onCallbackError(thrown)
    }
  }
}
