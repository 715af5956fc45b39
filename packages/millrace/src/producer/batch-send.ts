// Owns one sendBatch call: it appends its records in order while there is space, waits once for the
// rest, and completes when the last record is settled. Callers: Sending and interceptors.ts; the
// engine calls it when its turn comes. Invariant: the result of a record has the record's index.

import type { Engine, EntryQueue, RecordHandle, WaitingCaller } from '../engine/engine.ts'
import type { DeliveredRecord, ProducerRecord, Settler } from '../engine/record.ts'
import { asKafkaError, type KafkaError, type Persisted } from '../protocol/kafka-error.ts'
import { type BatchResult, RecordResults } from './batch-result.ts'
import { recordAt } from './caller-records.ts'

const noResults = new RecordResults(0)
const nothing = (): void => {}

export class BatchSend implements WaitingCaller, Settler {
  /** When it began to wait, or its last record was taken. */
  since: number
  readonly flushGeneration: number
  /** Set by the queue that contains it. */
  queue: EntryQueue | null = null
  /** The entries of each record in the result. */
  readonly heldBytes = 40
  readonly #engine: Engine
  /** Records that were taken are released before their results arrive. */
  #records: readonly ProducerRecord[]
  #done: (result: BatchResult) => void
  #results: RecordResults
  /** The handle of each record, kept only for a caller that may cancel. */
  #handles: (RecordHandle | undefined)[] | null
  /** The number of records of the call, because the array's length may change meanwhile. */
  readonly #count: number
  #next = 0
  #isGone = false
  #unsettled: number

  constructor(
    engine: Engine,
    records: readonly ProducerRecord[],
    canCancel: boolean,
    done: (result: BatchResult) => void,
  ) {
    this.since = engine.now()
    this.flushGeneration = engine.flushGeneration
    this.#engine = engine
    this.#records = records
    this.#done = done
    this.#count = records.length
    this.#unsettled = this.#count
    this.#results = new RecordResults(this.#count)
    this.#handles = canCancel ? [] : null
  }

  /** True if it was cancelled. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** Appends records at once, or waits for its turn. */
  start(): void {
    if (this.#count === 0) this.#done(this.#results)
    else if (!this.#engine.hasSpace || !this.advance()) this.#engine.wait(this)
  }

  advance(): boolean {
    const start = this.#next
    while (this.#next < this.#count) {
      const index = this.#next
      const record = recordAt(this.#records, index)
      try {
        const handle = this.#engine.appendInTurn(record, this, index, this.flushGeneration)
        if (handle === null) {
          if (index > start) this.since = this.#engine.now()
          return false
        }
        if (this.#handles !== null) this.#handles[index] = handle
      } catch (error) {
        this.#reject(index, asKafkaError(error, 'append failed'))
      }
      this.#next++
    }
    this.#records = []
    return true
  }

  /** The engine did not accept the record, so it is counted here. */
  #reject(index: number, error: KafkaError): void {
    this.#engine.onRecordRefused(error)
    this.#putError(index, error)
  }

  fail(makeError: () => KafkaError): void {
    const error = makeError()
    const start = this.#next
    this.#next = this.#count
    for (let index = start; index < this.#count; index++) this.#reject(index, error)
  }

  /**
   * The caller cancels: every unsettled record fails with an error that says whether it may be in
   * the log.
   */
  cancelAndNotify(makeError: (persisted: Persisted) => KafkaError): void {
    this.#isGone = true
    this.#engine.stopWaiting(this)
    this.#next = this.#count
    // One error for each value of `persisted`: an error per record would block for seconds.
    const errors: Partial<Record<Persisted, KafkaError>> = {}
    const errorOf = (persisted: Persisted): KafkaError => {
      errors[persisted] ??= makeError(persisted)
      return errors[persisted]
    }
    for (let index = 0; index < this.#count && this.#unsettled > 0; index++) {
      if (this.#results.has(index)) continue
      const handle = this.#handles?.[index]
      if (handle === undefined) this.#reject(index, errorOf('no'))
      else this.#cancel(index, handle, errorOf)
    }
  }

  #cancel(
    index: number,
    handle: RecordHandle,
    errorOf: (persisted: Persisted) => KafkaError,
  ): void {
    const persisted = this.#engine.cancel(handle, this, index)
    const error = errorOf(persisted)
    if (persisted === 'no') this.#engine.onRecordCancelled(error)
    this.#putError(index, error)
  }

  settled(index: number, error: KafkaError | null, delivered: DeliveredRecord | null): void {
    if (this.#unsettled === 0 || this.#results.has(index)) return
    if (error !== null) {
      this.#putError(index, error)
      return
    }
    this.#results.putDelivered(index, delivered!)
    this.#settleOne()
  }

  #putError(index: number, error: KafkaError): void {
    this.#results.putError(index, error)
    this.#settleOne()
  }

  #settleOne(): void {
    if (--this.#unsettled > 0) return
    const done = this.#done
    const results = this.#results
    // A batch holds this object until it settles, also if the caller cancelled all of its records.
    this.#done = nothing
    this.#results = noResults
    this.#handles = null
    done(results)
  }
}
