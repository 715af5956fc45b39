// Owns the batches that an earlier process numbered and did not settle. They are passed to the
// engine first, in order, with their old numbers, when their topics are known. Caller: Spooling.
// Invariant: no other record is passed to the engine before all of them.

import type { QueuedBatch } from '../../engine/engine.ts'
import { KafkaError } from '../../protocol/kafka-error.ts'
import type { NumberedBatch } from '../../spool/entries.ts'
import type { RecoveredBatch } from '../../spool/spool.ts'
import { failSpooled } from './spooled-failures.ts'
import { decodeSpooled } from './spooled-record.ts'
import type { SpoolingParts } from './spooling-options.ts'

export class RecoveredBatches {
  readonly #parts: SpoolingParts
  readonly #onRestored: (batch: QueuedBatch, numbered: NumberedBatch) => void
  /** Batches of topics that are not known yet, by topic. */
  readonly #waiting = new Map<string, RecoveredBatch[]>()
  #isRead = false

  constructor(
    parts: SpoolingParts,
    onRestored: (batch: QueuedBatch, numbered: NumberedBatch) => void,
  ) {
    this.#parts = parts
    this.#onRestored = onRestored
  }

  /** The engine has all of them, or they have failed. */
  get isDone(): boolean {
    return this.#isRead && this.#waiting.size === 0
  }

  /** Reads them, and requests metadata of their topics. */
  async begin(): Promise<void> {
    const batches = await this.#parts.spool.recoveredBatches()
    for (const batch of batches) {
      const others = this.#waiting.get(batch.topic)
      if (others === undefined) this.#waiting.set(batch.topic, [batch])
      else others.push(batch)
    }
    this.#isRead = true
    for (const topic of [...this.#waiting.keys()]) {
      if (this.#parts.engine.partitionCount(topic) > 0) this.onTopic(topic)
      else this.#parts.engine.requestTopic(topic)
    }
  }

  waitsFor(topic: string): boolean {
    return this.#waiting.has(topic)
  }

  onTopic(topic: string): void {
    const batches = this.#waiting.get(topic)
    if (batches === undefined || this.#parts.engine.partitionCount(topic) === 0) return
    this.#waiting.delete(topic)
    for (const batch of batches) this.#restore(batch)
    this.#parts.engine.wake()
  }

  onTopicFailed(topic: string, error: KafkaError): void {
    const batches = this.#waiting.get(topic)
    if (batches === undefined) return
    this.#waiting.delete(topic)
    for (const batch of batches) this.#fail(batch, error)
    this.#parts.engine.wake()
  }

  #restore(batch: RecoveredBatch): void {
    const { engine, options, results } = this.#parts
    const expired = this.#expiredError(batch)
    if (expired !== null) {
      if (options.afterExpiration !== 'resend') {
        this.#fail(batch, expired, options.afterExpiration === 'deadLetter')
        return
      }
      options.onUnobservedFailure(expired)
    }
    this.#watch(batch)
    const restored = engine.restore(batch, (id) => results.settleOf(id))
    if (restored !== null) this.#onRestored(restored, batch)
    else {
      const { topic, partition } = batch
      const count = engine.partitionCount(topic)
      const message = `topic ${topic} has ${count} partitions (0 to ${count - 1})`
      const context = { topic, partition, persisted: 'maybe' } as const
      this.#fail(batch, new KafkaError('UNKNOWN_PARTITION', message, context))
    }
  }

  /** The broker may have forgotten the producer since the batch was sent. */
  #expiredError(batch: RecoveredBatch): KafkaError | null {
    const { options } = this.#parts
    const { topic, partition, time, recordIds } = batch
    const ageMs = options.environment.clock.wallTime() - time
    if (batch.baseSequence < 0 || ageMs < options.producerIdExpirationMs) return null
    const seconds = Math.round(ageMs / 1000)
    return new KafkaError(
      'SPOOL_EXPIRED',
      `${topic}-${partition}: ${recordIds.length} records were sent ${seconds} s ago, and no ` +
        'response came: the broker may have forgotten the producer, and store them twice',
      { topic, partition, persisted: 'maybe', elapsedMs: ageMs },
    )
  }

  #watch({ records }: RecoveredBatch): void {
    const { options, results } = this.#parts
    const { onRecovered } = options
    if (onRecovered === null) return
    for (const record of records) {
      const decoded = decodeSpooled(record)
      results.addRecovered(record.id, (error, metadata) => onRecovered(error ?? metadata!, decoded))
    }
  }

  #fail(batch: RecoveredBatch, error: KafkaError, isDeadLetter = true): void {
    this.#watch(batch)
    const { partition } = batch
    const records = batch.records.map(({ id, topic, timestamp, content }) => {
      return { id, topic, partition, timestamp, content }
    })
    failSpooled(this.#parts, records, error, isDeadLetter)
  }
}
