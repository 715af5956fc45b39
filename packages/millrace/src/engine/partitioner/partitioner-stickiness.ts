// Owns the current sticky partition for records without a key: a run of records uses one partition,
// so that batches fill, then the next run another. Caller: the partitioner of one topic.
//
// As in Java since 3.3 (KIP-794), each run has about the same number of bytes. If a run ended with
// each sealed batch, slow brokers, whose batches wait longest, would get the most records. A run
// that has its bytes ends with its batch, or at twice the bytes. The next run uses, of two random
// partitions, the one with fewer unsettled bytes: with equal loads this is any partition, and a
// slow broker gets what it can process. Invariant: the cost does not depend on the number of
// partitions.

import type { Random } from '../../runtime/random.ts'
import { randomBelow } from '../../runtime/random.ts'
import type { PartitionerTopic } from './partitioner-contract.ts'

/** Loads that differ by less than this many runs count as equal. */
const equalRuns = 4

export class Stickiness {
  readonly #random: Random
  readonly #runBytes: number
  /** -1 = choose a partition for the next record. */
  #partition = -1
  #bytes = 0
  /** The topic at the last choice; in a newer one the partition may have no leader. */
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
    const { preferred } = topic
    const stays =
      preferred.length === 0
        ? this.#partition < topic.partitionCount
        : preferred.includes(this.#partition)
    if (!stays) this.#partition = -1
  }

  #move(topic: PartitionerTopic): void {
    const { preferred } = topic
    const count = preferred.length === 0 ? topic.partitionCount : preferred.length
    const present = preferred.length === 0 ? this.#partition : preferred.indexOf(this.#partition)
    // Any partition except the current one, unless it is the only one.
    const one = this.#draw(count, present, -1)
    const other = this.#draw(count, present, one)
    const isLess =
      this.#loadAt(topic, other) + equalRuns * this.#runBytes <= this.#loadAt(topic, one)
    this.#partition = partitionAt(topic, isLess ? other : one)
    this.#bytes = 0
  }

  /** An index below `count` other than these two (-1 = none), if there is another. */
  #draw(count: number, first: number, second: number): number {
    const low = Math.min(first, second)
    const high = Math.max(first, second)
    const taken = (low >= 0 ? 1 : 0) + (high >= 0 ? 1 : 0)
    if (taken >= count) return second >= 0 ? second : high
    let index = randomBelow(this.#random, count - taken)
    if (low >= 0 && index >= low) index += 1
    if (high >= 0 && index >= high) index += 1
    return index
  }

  #loadAt(topic: PartitionerTopic, index: number): number {
    return topic.loadOf(partitionAt(topic, index))
  }
}

const partitionAt = ({ preferred }: PartitionerTopic, index: number): number =>
  preferred.length === 0 ? index : preferred[index]!
