// Owns the results of one sendBatch call, in a few arrays. An object per record is created only
// when it is read. Callers: BatchSend fills it; `batchResultOf` creates one from a list. Invariant:
// each record gets one result.

import type { DeliveredRecord, RecordMetadata, TopicPartition } from '../engine/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'

/**
 * The results of a batch: one per record, by the record's index in the call.
 *
 * @example
 * const result = await producer.sendBatch([{ topic: 'orders', value: 'a' }])
 * for (const index of result.failedIndexes) console.error(index, result.error(index))
 */
export interface BatchResult {
  /** How many records the call had. */
  readonly count: number
  /** Indexes of the records that failed, ascending. */
  readonly failedIndexes: readonly number[]
  /**
   * `results[i]` is the metadata of record i, or its error. Created at the first read: for large
   * batches `failedIndexes`, `offset` and `metadata` cost less.
   */
  readonly results: readonly (RecordMetadata | KafkaError)[]
  /** Offset of record `index`; -1 if it failed, or if the broker did not return it (acks 0). */
  offset(index: number): number
  /** Metadata of record `index`; null if it failed. */
  metadata(index: number): RecordMetadata | null
  /** Why record `index` failed; null if it was delivered. */
  error(index: number): KafkaError | null
}

/** Offset, timestamp, key bytes and value bytes of each record. */
const numbersPerRecord = 4

export class RecordResults implements BatchResult {
  readonly count: number
  /** The partition of each delivered record; null = failed, undefined = not settled. */
  readonly #places: (TopicPartition | null | undefined)[]
  readonly #numbers: Float64Array
  /** The errors of failed records by index. A Map can contain at most 2^24 entries. */
  #errors: KafkaError[] | null = null
  #failedIndexes: number[] | null = null
  #results: (RecordMetadata | KafkaError)[] | null = null

  constructor(count: number) {
    this.count = count
    this.#places = new Array(count)
    this.#numbers = new Float64Array(count * numbersPerRecord)
  }

  static of(results: readonly (RecordMetadata | KafkaError)[]): RecordResults {
    const made = new RecordResults(results.length)
    for (const [index, result] of results.entries()) {
      if (result instanceof KafkaError) made.putError(index, result)
      else made.#put(index, result, result)
    }
    return made
  }

  /** True if the record has its result. */
  has(index: number): boolean {
    return this.#places[index] !== undefined
  }

  putDelivered(index: number, delivered: DeliveredRecord): void {
    this.#put(index, delivered.place, delivered)
  }

  putError(index: number, error: KafkaError): void {
    this.#places[index] = null
    this.#errors ??= new Array(this.count)
    this.#errors[index] = error
  }

  get failedIndexes(): readonly number[] {
    this.#failedIndexes ??= this.#errors === null ? [] : indexesOf(this.#errors)
    return this.#failedIndexes
  }

  get results(): readonly (RecordMetadata | KafkaError)[] {
    if (this.#results === null) {
      const results = new Array<RecordMetadata | KafkaError>(this.count)
      for (let index = 0; index < this.count; index++) {
        results[index] = this.error(index) ?? this.metadata(index)!
      }
      this.#results = results
    }
    return this.#results
  }

  offset(index: number): number {
    return this.#placeOf(index) === null ? -1 : this.#numbers[index * numbersPerRecord]!
  }

  metadata(index: number): RecordMetadata | null {
    const place = this.#placeOf(index)
    if (place === null) return null
    const numbers = this.#numbers
    const at = index * numbersPerRecord
    return {
      topic: place.topic,
      partition: place.partition,
      offset: numbers[at]!,
      timestamp: numbers[at + 1]!,
      keyBytes: numbers[at + 2]!,
      valueBytes: numbers[at + 3]!,
    }
  }

  error(index: number): KafkaError | null {
    return this.#placeOf(index) === null ? this.#errors![index]! : null
  }

  toJSON(): object {
    return { results: this.results, failedIndexes: this.failedIndexes }
  }

  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return this.toJSON()
  }

  #put(
    index: number,
    place: TopicPartition,
    fields: Omit<DeliveredRecord, 'place' | 'toMetadata'>,
  ) {
    this.#places[index] = place
    const numbers = this.#numbers
    const at = index * numbersPerRecord
    numbers[at] = fields.offset
    numbers[at + 1] = fields.timestamp
    numbers[at + 2] = fields.keyBytes
    numbers[at + 3] = fields.valueBytes
  }

  #placeOf(index: number): TopicPartition | null {
    const place = this.#places[index]
    if (place !== undefined) return place
    throw new KafkaError(
      'INVALID_ARGUMENT',
      `index must be an integer from 0 to ${this.count - 1}, got ${index}`,
    )
  }
}

/** The indexes of the records with an error. */
const indexesOf = (errors: readonly (KafkaError | undefined)[]): number[] => {
  const indexes: number[] = []
  for (let index = 0; index < errors.length; index++) {
    if (errors[index] !== undefined) indexes.push(index)
  }
  return indexes
}

/**
 * Creates a `BatchResult` from existing results: for code that replaces a producer, or that merges
 * several results.
 *
 * @example
 * const first = await producer.sendBatch([{ topic: 'orders', value: 'a' }])
 * const second = await producer.sendBatch([{ topic: 'orders', value: 'b' }])
 * const merged = batchResultOf([...first.results, ...second.results])
 */
export const batchResultOf = (results: readonly (RecordMetadata | KafkaError)[]): BatchResult =>
  RecordResults.of(results)
