// The four methods that send records, for a RecordingProducer and for its transactions. Each of
// them has its own sender with its own list of records. Callers: recording-producer.ts and
// recording-transaction.ts.

import { type BatchResult, batchResultOf } from '../producer/batch-result.ts'
import { callbackProblem, guarded } from '../producer/caller.ts'
import { checkRecords, recordAt } from '../producer/caller-records.ts'
import { cancelledError } from '../producer/cancelled-record.ts'
import type {
  DeliveredRecord,
  ProducerRecord,
  RecordMetadata,
  Settle,
  SettleCallback,
} from '../producer/record.ts'
import { checkWaitOptions, type WaitOptions } from '../producer/wait.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { RecordedRecord } from './recorded-record.ts'
import type { OrderedFailures } from './recording-failures.ts'
import type { RecordingLog } from './recording-log.ts'
import type { Settling } from './settling.ts'

/** A record that failed, and its error. */
export interface FailedRecord {
  /** The record that was sent. */
  readonly record: ProducerRecord
  /** The error with which it failed. */
  readonly error: KafkaError
}

/** The state that all senders of a producer share. */
export interface RecordingCore {
  readonly log: RecordingLog
  readonly failures: OrderedFailures
  readonly settling: Settling
  readonly failed: FailedRecord[]
  delivered: number
  /** Whether enqueue() returns false, as with a full buffer. */
  isFull: boolean
}

export interface RecordingScope {
  /** Throws if no records can be sent now. */
  check(call: string): void
  write(record: RecordedRecord): void
  onFailed(error: KafkaError): void
}

/** A record as the engine passes it to callers that need no metadata. */
const deliveredOf = (metadata: RecordMetadata): DeliveredRecord => ({
  ...metadata,
  place: metadata,
  toMetadata: () => metadata,
})

const isAborted = (options: WaitOptions | undefined): boolean => options?.signal?.aborted === true

export class RecordingSender {
  readonly #core: RecordingCore
  readonly #scope: RecordingScope

  constructor(core: RecordingCore, scope: RecordingScope) {
    this.#core = core
    this.#scope = scope
  }

  send(record: ProducerRecord, options?: WaitOptions): Promise<RecordMetadata> {
    return guarded(
      new Promise((resolve, reject) => {
        this.#enter('send', options)
        this.#take(record, (error, metadata) => (error ? reject(error) : resolve(metadata!)))
      }),
    )
  }

  sendBatch(records: readonly ProducerRecord[], options?: WaitOptions): Promise<BatchResult> {
    return guarded(
      new Promise((resolve) => {
        this.#enter('sendBatch', options)
        checkRecords('records', records)
        const results = new Array<RecordMetadata | KafkaError>(records.length)
        let unsettled = records.length
        if (unsettled === 0) resolve(batchResultOf(results))
        const put = (index: number, result: RecordMetadata | KafkaError): void => {
          results[index] = result
          if (--unsettled === 0) resolve(batchResultOf(results))
        }
        for (let index = 0; index < results.length; index++) {
          try {
            this.#take(recordAt(records, index), (error, metadata) =>
              put(index, error ?? metadata!),
            )
          } catch (error) {
            put(index, error as KafkaError)
          }
        }
      }),
    )
  }

  enqueue(record: ProducerRecord, callback?: SettleCallback): boolean {
    this.#scope.check('enqueue')
    const problem = callbackProblem(callback)
    if (problem !== null) throw problem
    if (this.#core.isFull) {
      this.#core.log.check(record)
      return false
    }
    this.#take(record, callback ?? null)
    return true
  }

  submitRaw(
    record: ProducerRecord,
    receiver: Settle | null,
    options?: WaitOptions,
  ): Promise<undefined> | undefined {
    try {
      this.#enter('submit', options)
      this.#take(record, receiver)
      return undefined
    } catch (error) {
      return guarded(Promise.reject(error))
    }
  }

  #enter(call: string, options: WaitOptions | undefined): void {
    checkWaitOptions(options)
    this.#scope.check(call)
    if (isAborted(options)) {
      throw cancelledError(undefined, options!, 'aborted', 'no')
    }
  }

  /** Throws if the record is invalid; all other errors are reported later. */
  #take(record: ProducerRecord, receiver: Settle | null): void {
    const { log, failures, settling } = this.#core
    try {
      log.check(record)
    } catch (error) {
      this.#fail(record, error as KafkaError)
      throw error
    }
    const notify = (error: KafkaError | null, metadata: RecordMetadata | null): void => {
      if (typeof receiver === 'function') receiver(error, metadata)
      else receiver?.settled(0, error, metadata && deliveredOf(metadata))
    }
    try {
      const ordered = failures.failureOf(record.topic)
      if (ordered !== null) throw ordered
      const { recorded, metadata } = log.write(record)
      this.#scope.write(recorded)
      settling.add(() => {
        this.#core.delivered++
        notify(null, metadata)
      })
    } catch (error) {
      this.#fail(record, error as KafkaError)
      settling.add(() => notify(error as KafkaError, null))
    }
  }

  #fail(record: ProducerRecord, error: KafkaError): void {
    this.#core.failed.push({ record, error })
    this.#scope.onFailed(error)
  }
}
