// Owns the cancellation of accepted records by their callers: by a signal, or by a time limit of
// the caller. Caller: Engine. Invariant: a record that was never sent is removed; the result of one
// that may have been written is that of its batch.

import type { KafkaError, Persisted } from '../../protocol/kafka-error.ts'
import { persistedOf } from '../batch/batch-errors.ts'
import type { Settlement } from '../delivery/settlement.ts'
import type { QueuedBatch } from '../dispatch/partition-queue.ts'
import type { Measurements } from '../metrics/measurements.ts'
import type { Settle } from '../record.ts'
import { SpooledHandle } from './spooled-handle.ts'
import { type RecordHandle, WaitingRecord } from './waiting-record.ts'
import type { WaitingRecords } from './waiting-records.ts'

export class RecordCancellation {
  readonly #waiting: WaitingRecords
  readonly #settlement: Settlement
  readonly #measurements: Measurements
  readonly #wake: () => void

  constructor(
    waiting: WaitingRecords,
    settlement: Settlement,
    measurements: Measurements,
    wake: () => void,
  ) {
    this.#waiting = waiting
    this.#settlement = settlement
    this.#measurements = measurements
    this.#wake = wake
  }

  /**
   * `'no'` = the record is removed and will never be sent; `'maybe'` = it may be in the log, and
   * the result is that of its batch. The settle is not called; the caller must ignore a later call.
   */
  cancel(handle: RecordHandle, settle: Settle, tag: number): Persisted {
    const outcome = this.#remove(handle, settle, tag)
    if (outcome !== 'removed') return outcome
    this.#measurements.onRecordCancelled()
    return 'no'
  }

  /**
   * Like `cancel`, but the settle is called with the error, in a later turn, before flush() calls
   * that wait for the record return. It must ignore a later call.
   */
  cancelAndNotify(
    handle: RecordHandle,
    settle: Settle,
    makeError: (persisted: Persisted) => KafkaError,
  ): void {
    if (handle instanceof WaitingRecord && handle.batch === null && !handle.isSpooled) {
      if (!handle.isGone) this.#waiting.fail(handle, makeError('no'))
      return
    }
    const outcome = this.#remove(handle, settle, 0)
    const isCountedWithBatch = outcome !== 'removed'
    const error = makeError(outcome === 'removed' ? 'no' : outcome)
    this.#settlement.failRecord({ settle, tag: 0, error, flushGeneration: -1, isCountedWithBatch })
    this.#wake()
  }

  /** `removed` = it is not in the log and will not be; otherwise the result of its batch counts. */
  #remove(handle: RecordHandle, settle: Settle, tag: number): Persisted | 'removed' {
    if (isSpooled(handle)) return 'maybe'
    const first = handle instanceof WaitingRecord ? handle.batch : (handle as QueuedBatch)
    if (first === null) {
      const waiting = handle as WaitingRecord
      // It has failed already, and is counted when its settle is called.
      if (waiting.isGone) return 'no'
      this.#waiting.cancel(waiting)
      return 'removed'
    }
    const batch = first.batchHolding(settle, tag)
    if (batch === null) return 'maybe'
    if (batch.state === 'settled') return batch.attempts === 0 ? 'no' : 'maybe'
    if (persistedOf(batch) === 'maybe') return 'maybe'
    batch.drop(settle, tag)
    return 'removed'
  }
}

/** A record in the spool is delivered, even if no caller waits for it. */
const isSpooled = (handle: RecordHandle): boolean =>
  handle instanceof SpooledHandle || (handle instanceof WaitingRecord && handle.isSpooled)
