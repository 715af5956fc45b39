// Time limits: batches that were not delivered in time, and records that waited too long. It knows
// the earliest moment at which something may have to fail, and looks at everything only then.

import { KafkaError } from '../protocol/kafka-error.ts'
import type { Accumulator } from './accumulator.ts'
import type { Batch } from './batch.ts'
import { deliveryTimeout } from './batch-errors.ts'
import type { Delivery } from './delivery.ts'
import type { ClusterPort } from './ports.ts'
import type { EngineSettings } from './settings.ts'
import type { TopicState } from './topic-state.ts'

export interface ExpiryOwner {
  readonly settings: EngineSettings
  readonly cluster: ClusterPort
  readonly accumulator: Accumulator
  readonly delivery: Delivery
  unsettled(): Batch[]
  /** What keeps a batch from being delivered. */
  troubleOfBatch(batch: Batch): KafkaError | null
}

export class Expiry {
  readonly #owner: ExpiryOwner
  /** No batch has to be failed before this moment. */
  #nextBatch = Number.POSITIVE_INFINITY
  /** Nothing that waits has to be failed before this moment. */
  #nextWaiting = Number.POSITIVE_INFINITY

  constructor(owner: ExpiryOwner) {
    this.#owner = owner
  }

  get next(): number {
    return Math.min(this.#nextBatch, this.#nextWaiting)
  }

  watch(batch: Batch): void {
    this.#nextBatch = Math.min(this.#nextBatch, batch.deadline)
  }

  watchWaiting(until: number): void {
    this.#nextWaiting = Math.min(this.#nextWaiting, until)
  }

  /** There are no batches. */
  rest(): void {
    this.#nextBatch = Number.POSITIVE_INFINITY
  }

  run(now: number): void {
    if (now >= this.#nextBatch) this.#expireBatches(now)
    if (now < this.#nextWaiting) return
    this.#nextWaiting = this.#owner.accumulator.expireWaiting(now, (topic) => this.#waited(topic))
  }

  #expireBatches(now: number): void {
    this.#nextBatch = Number.POSITIVE_INFINITY
    const { deliveryTimeoutMs } = this.#owner.settings
    for (const batch of this.#owner.unsettled()) {
      if (now < batch.deadline) {
        this.watch(batch)
        continue
      }
      const trouble = this.#owner.troubleOfBatch(batch)
      this.#owner.delivery.fail(batch, deliveryTimeout(batch, now, deliveryTimeoutMs, trouble))
    }
  }

  /** The error of a record that waited too long: for its topic, or (null) for room. */
  #waited(topic: TopicState | null): KafkaError {
    const { maxBlockMs } = this.#owner.settings
    const cause = topic?.failure ?? this.#owner.cluster.metadataError ?? undefined
    const why = cause === undefined ? '' : `: ${cause.message}`
    if (topic === null) {
      const message = `no room in the buffer within ${maxBlockMs} ms${why}`
      return new KafkaError('BUFFER_TIMEOUT', message, { cause })
    }
    if (topic.known) {
      const count = topic.partitioning.partitionCount
      return new KafkaError(
        'UNKNOWN_PARTITION',
        `topic ${topic.name} has ${count} partitions (0 to ${count - 1}), ` +
          `also after ${maxBlockMs} ms`,
        { topic: topic.name, cause },
      )
    }
    return new KafkaError(
      topic.failure?.code === 'UNKNOWN_TOPIC' ? 'UNKNOWN_TOPIC' : 'METADATA_TIMEOUT',
      `topic ${topic.name}: no metadata within ${maxBlockMs} ms${why}`,
      { topic: topic.name, cause },
    )
  }
}
