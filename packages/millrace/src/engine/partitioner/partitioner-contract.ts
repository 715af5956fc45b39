// Owns the interface between the engine and a partitioner. Callers: partitioner.ts creates one
// instance per topic; Accumulator calls it. Invariant: a PartitionerTopic never changes; a change
// creates a new one.

/** The state of a topic for its partitioner; a new object for each change. */
export interface PartitionerTopic {
  readonly name: string
  /** At least 1. */
  readonly partitionCount: number
  /**
   * Partitions that have a leader; while some leaders respond, only those whose leader does. A new
   * array for each change. Empty = all partitions count as available.
   */
  readonly available: readonly number[]
  /**
   * The available partitions to choose from: those with a leader in the client's rack, if there are
   * any.
   */
  readonly preferred: readonly number[]
  /** Bytes of the partition's unsettled batches. */
  loadOf(partition: number): number
}

/** One topic's partitioner. */
export interface Partitioner {
  /**
   * The key is `bytes[start, end)`, read during the call only; `start` = -1 means no key.
   * `recordBytes` is the approximate size of the record in its batch.
   */
  partition(
    topic: PartitionerTopic,
    bytes: Uint8Array,
    start: number,
    end: number,
    recordBytes: number,
  ): number
  /**
   * The engine sealed a batch of this partition: a sticky partitioner may choose another partition.
   */
  onBatchSealed?(partition: number): void
  /** True if it calls code of the user. */
  readonly isCustom?: boolean
}

/** Creates the instance of a topic. */
export type PartitionerFactory = (topic: string) => Partitioner
