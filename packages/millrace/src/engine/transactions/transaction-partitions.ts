// The partitions of a transaction of version 1: each is announced to the coordinator before its
// first batch goes out. One announcement at a time; those that come meanwhile go together.

import type { PartitionQueue } from '../dispatch/partition-queue.ts'
import type { TopicPartition } from '../ports.ts'

export class TransactionPartitions {
  readonly #announced = new Set<PartitionQueue>()
  readonly #wanted = new Set<PartitionQueue>()
  #underWay: readonly PartitionQueue[] = []

  has(queue: PartitionQueue): boolean {
    return this.#announced.has(queue)
  }

  /** True when an announcement is needed that was not requested before. */
  want(queue: PartitionQueue): boolean {
    if (this.#wanted.has(queue) || this.#underWay.includes(queue)) return false
    this.#wanted.add(queue)
    return true
  }

  /** The partitions to announce now. */
  take(): readonly TopicPartition[] {
    if (this.#underWay.length > 0) return []
    this.#underWay = [...this.#wanted]
    this.#wanted.clear()
    return this.#underWay.map(({ topic, partition }) => ({ topic: topic.name, partition }))
  }

  /** The announcement of what was taken has ended. */
  end(isAnnounced: boolean): void {
    if (isAnnounced) for (const queue of this.#underWay) this.#announced.add(queue)
    this.#underWay = []
  }

  clear(): void {
    this.#announced.clear()
    this.#wanted.clear()
  }
}
