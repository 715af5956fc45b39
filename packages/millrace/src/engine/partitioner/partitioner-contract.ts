// What the engine and a partitioner know of each other. partitioner.ts makes the instances, one per
// topic; the accumulator calls them.

/** What a partitioner knows of a topic; a new object for each change of it. */
export interface PartitionerTopic {
  readonly name: string
  /** At least 1. */
  readonly partitionCount: number
  /**
   * Partitions that have a leader, and one that is not silent while others are not; a new array for
   * each change. Empty = all count as available.
   */
  readonly available: readonly number[]
  /** Those of them to choose from: led in the client's rack where there are any, else all. */
  readonly preferred: readonly number[]
  /** Bytes of the partition that are not settled yet. */
  loadOf(partition: number): number
}

/** One topic's partitioner. */
export interface Partitioner {
  /**
   * The key is `bytes[start, end)`, read during the call only; `start` = -1 means no key.
   * `recordBytes` is about what the record will take in its batch.
   */
  partition(
    topic: PartitionerTopic,
    bytes: Uint8Array,
    start: number,
    end: number,
    recordBytes: number,
  ): number
  /** The engine sealed a batch of this partition: a sticky partitioner may move on. */
  onBatchSealed?(partition: number): void
  /** It runs code of the caller. */
  readonly isCustom?: boolean
}

/** Makes the instance of a topic. */
export type PartitionerFactory = (topic: string) => Partitioner
