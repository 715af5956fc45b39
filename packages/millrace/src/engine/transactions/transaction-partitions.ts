// Owns the partitions of a transaction of version 1. Each is added at the coordinator before its
// first batch is sent, with one request at a time for all partitions that wait. Caller:
// TransactionAdditions. Invariant: a partition is in one request only.

import type { PartitionQueue } from '../dispatch/partition-queue.ts'
import type { TopicPartition } from '../ports.ts'

export class TransactionPartitions {
  readonly #announced = new Set<PartitionQueue>()
  readonly #wanted = new Set<PartitionQueue>()
  #inRequest: readonly PartitionQueue[] = []

  has(queue: PartitionQueue): boolean {
    return this.#announced.has(queue)
  }

  /** True if an addition is needed that was not requested before. */
  want(queue: PartitionQueue): boolean {
    if (this.#wanted.has(queue) || this.#inRequest.includes(queue)) return false
    this.#wanted.add(queue)
    return true
  }

  /** The partitions to add now. */
  take(): readonly TopicPartition[] {
    if (this.#inRequest.length > 0) return []
    this.#inRequest = [...this.#wanted]
    this.#wanted.clear()
    return this.#inRequest.map(({ topic, partition }) => ({ topic: topic.name, partition }))
  }

  /** The request for the taken partitions has ended. */
  end(isAnnounced: boolean): void {
    if (isAnnounced) for (const queue of this.#inRequest) this.#announced.add(queue)
    this.#inRequest = []
  }

  clear(): void {
    this.#announced.clear()
    this.#wanted.clear()
  }
}
