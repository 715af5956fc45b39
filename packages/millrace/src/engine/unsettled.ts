// Every batch that is not settled, and how many of them fail at once: because the producer ends, a
// transaction does, a topic or a producer id can't be had. What waits for room or for a topic is
// the accumulator's. Callers: Engine.

import type { ErrorCode, KafkaError } from '../protocol/kafka-error.ts'
import type { Batch } from './batch.ts'
import { batchContext, errorOfBatch, withCause } from './batch-errors.ts'

export interface UnsettledOwner {
  now(): number
  fail(batch: Batch, error: KafkaError): void
  /** What keeps the batch from being delivered, as far as known. */
  troubleOf(batch: Batch): KafkaError | null
}

export class Unsettled {
  readonly #owner: UnsettledOwner
  readonly #batches = new Set<Batch>()

  constructor(owner: UnsettledOwner) {
    this.#owner = owner
  }

  /** Those whose records were decided, but not all told yet, are counted. */
  get size(): number {
    return this.#batches.size
  }

  add(batch: Batch): void {
    this.#batches.add(batch)
  }

  delete(batch: Batch): void {
    this.#batches.delete(batch)
  }

  /** Settling one while walking is safe. */
  list(): Batch[] {
    return [...this.#batches].filter((batch) => batch.state !== 'settled')
  }

  /** Fails what is not in flight; with `leaderId` what waits for that leader only. */
  failUnsent(error: KafkaError, leaderId?: number): void {
    for (const batch of this.list()) {
      if (batch.state === 'inFlight') continue
      if (leaderId === undefined || batch.queue.leaderId === leaderId) this.#fail(batch, error)
    }
  }

  /** Fails everything; what is in flight may be in the log. */
  failEverything(error: KafkaError): void {
    for (const batch of this.list()) this.#fail(batch, error)
  }

  /** As `failEverything`, with an error for each: its cause is `cause`, or else what kept it. */
  failEach(code: ErrorCode, message: string, cause: Error | null): void {
    const now = this.#owner.now()
    for (const batch of this.list()) {
      const trouble = cause ?? this.#owner.troubleOf(batch)
      this.#owner.fail(batch, withCause(code, message, batchContext(batch, now), trouble))
    }
  }

  #fail(batch: Batch, error: KafkaError): void {
    this.#owner.fail(batch, errorOfBatch(batch, this.#owner.now(), error))
  }
}
