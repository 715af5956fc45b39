// Which partition records without a key go to: one for a run of records, so that batches fill, then
// another at random. Owned by one topic's partitioner; sizes only, no clock.
// As in Java since 3.3 (KIP-794) each run is about the same number of bytes, whatever the broker's
// speed: were a run to end whenever a batch is sealed, the slow brokers, whose batches wait
// longest, would get the most records. Once a run has its bytes it ends with its batch, or at twice
// the bytes.

import type { Random } from '../runtime/random.ts'
import { randomBelow } from '../runtime/random.ts'
import type { PartitionerTopic } from './partitioner.ts'

export class Stickiness {
  readonly #random: Random
  readonly #runBytes: number
  /** -1 = choose one for the next record. */
  #partition = -1
  #bytes = 0
  /** The topic's state at the last choice; another one may have lost the partition's leader. */
  #topic: PartitionerTopic | null = null

  constructor(random: Random, runBytes: number) {
    this.#random = random
    this.#runBytes = runBytes
  }

  /** The partition of the next record. */
  next(topic: PartitionerTopic, recordBytes: number): number {
    if (topic !== this.#topic) this.#onTopicChange(topic)
    if (this.#partition < 0 || this.#bytes >= 2 * this.#runBytes) this.#move(topic)
    this.#bytes += recordBytes
    return this.#partition
  }

  onBatchSealed(partition: number): void {
    if (partition !== this.#partition || this.#bytes < this.#runBytes) return
    if (this.#topic !== null) this.#move(this.#topic)
  }

  #onTopicChange(topic: PartitionerTopic): void {
    this.#topic = topic
    const { available } = topic
    const stays =
      available.length === 0
        ? this.#partition < topic.partitionCount
        : available.includes(this.#partition)
    if (!stays) this.#partition = -1
  }

  /** Any available partition but the present one, unless it is the only one. */
  #move(topic: PartitionerTopic): void {
    const { available } = topic
    const count = available.length === 0 ? topic.partitionCount : available.length
    const present = available.length === 0 ? this.#partition : available.indexOf(this.#partition)
    const choosable = present >= 0 && count > 1 ? count - 1 : count
    let index = randomBelow(this.#random, choosable)
    if (choosable < count && index >= present) index += 1
    this.#partition = available.length === 0 ? index : available[index]!
    this.#bytes = 0
  }
}
