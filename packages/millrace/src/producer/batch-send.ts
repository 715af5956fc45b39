// One sendBatch call: it appends its records in order while there is room, holds one place in the
// line for the rest, and answers when the last record is settled. Each record's result goes to its
// index.

import type { Place } from '../engine/accumulator.ts'
import type { Engine } from '../engine/engine.ts'
import type { ProducerRecord, RecordMetadata, Settler } from '../engine/record.ts'
import type { WaitingCaller } from '../engine/waiting-line.ts'
import { asKafkaError, KafkaError, type Persisted } from '../protocol/kafka-error.ts'

/** What became of a batch: one result per record, by index. */
export interface BatchResult {
  /** `results[i]` is where record i is, or the error that says why it is not there. */
  readonly results: (RecordMetadata | KafkaError)[]
  /** Indexes of the records that failed, ascending. */
  readonly failedIndexes: number[]
}

export class BatchSend implements WaitingCaller, Settler {
  /** Since when it waits: its last record was taken, or it began. */
  since: number
  readonly flushGeneration: number
  /** Of each record its metadata and its place among the results (about). */
  readonly heldBytes = 120
  readonly #engine: Engine
  readonly #records: readonly ProducerRecord[]
  readonly #done: (result: BatchResult) => void
  readonly #results: (RecordMetadata | KafkaError)[]
  /** Where each record is, kept only for a caller that may give up. */
  readonly #places: (Place | undefined)[] | null
  #next = 0
  #unsettled: number
  #failed = 0

  constructor(
    engine: Engine,
    records: readonly ProducerRecord[],
    mayGiveUp: boolean,
    done: (result: BatchResult) => void,
  ) {
    this.since = engine.host.now()
    this.flushGeneration = engine.generations.current
    this.#engine = engine
    this.#records = records
    this.#done = done
    this.#unsettled = records.length
    this.#results = new Array(records.length)
    this.#places = mayGiveUp ? [] : null
  }

  /** Begins: appends at once, or takes its place in the line. */
  start(): void {
    if (this.#records.length === 0) this.#finish()
    else if (!this.#engine.accumulator.hasRoom || !this.advance()) {
      this.#engine.accumulator.wait(this)
    }
  }

  advance(): boolean {
    const { accumulator, host } = this.#engine
    const start = this.#next
    while (this.#next < this.#records.length) {
      const index = this.#next
      const record = this.#records[index]!
      try {
        const place = accumulator.appendInTurn(record, this, index, this.flushGeneration)
        if (place === null) {
          if (index > start) this.since = host.now()
          return false
        }
        if (this.#places !== null) this.#places[index] = place
      } catch (error) {
        this.#refuse(index, asKafkaError(error, 'append failed'))
      }
      this.#next++
    }
    return true
  }

  /** The engine never took the record: it is counted here. */
  #refuse(index: number, error: KafkaError): void {
    this.#engine.measurements.onRecordRefused(error)
    this.#put(index, error, true)
  }

  fail(makeError: () => KafkaError): void {
    const error = makeError()
    const start = this.#next
    this.#next = this.#records.length
    for (let index = start; index < this.#records.length; index++) this.#refuse(index, error)
  }

  /**
   * The caller gives up: every record that is not settled gets the error that says where it stands.
   */
  giveUp(makeError: (persisted: Persisted) => KafkaError): void {
    this.#next = this.#records.length
    // One error for each fate: making one for each record would block for seconds.
    const errors: Partial<Record<Persisted, KafkaError>> = {}
    const errorOf = (persisted: Persisted): KafkaError => {
      errors[persisted] ??= makeError(persisted)
      return errors[persisted]
    }
    for (let index = 0; index < this.#records.length; index++) {
      if (this.#results[index] !== undefined) continue
      const place = this.#places?.[index]
      if (place === undefined) this.#refuse(index, errorOf('no'))
      else this.#abandon(index, place, errorOf)
    }
  }

  #abandon(index: number, place: Place, errorOf: (persisted: Persisted) => KafkaError): void {
    const persisted = this.#engine.abandon(place, this, index)
    const error = errorOf(persisted)
    if (persisted === 'no') this.#engine.measurements.announcements.recordFailed(error)
    this.#put(index, error, true)
  }

  settled(index: number, error: KafkaError | null, metadata: RecordMetadata | null): void {
    if (this.#results[index] !== undefined) return
    if (error === null) this.#put(index, metadata!, false)
    else this.#put(index, error, true)
  }

  #put(index: number, result: RecordMetadata | KafkaError, failed: boolean): void {
    this.#results[index] = result
    if (failed) this.#failed++
    if (--this.#unsettled === 0) this.#finish()
  }

  #finish(): void {
    const failedIndexes: number[] = []
    if (this.#failed > 0) {
      for (const [index, result] of this.#results.entries()) {
        if (result instanceof KafkaError) failedIndexes.push(index)
      }
    }
    this.#done({ results: this.#results, failedIndexes })
  }
}
