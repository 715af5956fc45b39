// Owns the call of a partitioner function of the user and the check of its result. Caller:
// createPartitioner. Invariant: the engine gets an existing partition, or a KafkaError that names
// the topic, the value and the limit, for any result or error of the function.

import { KafkaError } from '../../protocol/kafka-error.ts'
import { describeValue, isError, messageOf } from '../../runtime/value-kinds.ts'
import type { Partitioner, PartitionerTopic } from './partitioner-contract.ts'

/** The argument of a partitioner function. */
export interface CustomPartitionerInput {
  /** The record's topic. */
  readonly topic: string
  /**
   * The encoded key, `null` without one. Valid during the call only: copy the bytes that you keep.
   */
  readonly key: Uint8Array | null
  /** The current number of partitions of the topic. */
  readonly partitionCount: number
  /** Partitions whose leader responds, in ascending order; if none responds, all with a leader. */
  readonly availablePartitions: readonly number[]
}

/**
 * Chooses the partition of each record that names none: a whole number below `partitionCount`.
 *
 * @example
 * const byFirstByte: CustomPartitioner = ({ key, partitionCount }) =>
 *   key === null ? 0 : (key[0] ?? 0) % partitionCount
 */
export type CustomPartitioner = (input: CustomPartitionerInput) => number

export class CheckedPartitioner implements Partitioner {
  readonly isCustom = true
  readonly #choose: CustomPartitioner

  constructor(choose: CustomPartitioner) {
    this.#choose = choose
  }

  partition(topic: PartitionerTopic, bytes: Uint8Array, start: number, end: number): number {
    const { name, partitionCount, available } = topic
    let partition: unknown
    try {
      partition = this.#choose({
        topic: name,
        key: start < 0 ? null : bytes.subarray(start, end),
        partitionCount,
        availablePartitions: available.length === 0 ? allPartitions(partitionCount) : available,
      })
    } catch (cause) {
      const reason = isError(cause) ? messageOf(cause) : describeValue(cause)
      throw new KafkaError(
        'INVALID_ARGUMENT',
        `The partitioner function threw for topic "${name}": ${reason}`,
        { topic: name, cause },
      )
    }
    if (
      typeof partition !== 'number' ||
      !Number.isInteger(partition) ||
      partition < 0 ||
      partition >= partitionCount
    ) {
      throw new KafkaError(
        'INVALID_ARGUMENT',
        `The partitioner function must return a whole number from 0 to ${partitionCount - 1} ` +
          `for topic "${name}", got ${describeValue(partition)}`,
        { topic: name },
      )
    }
    return partition | 0
  }
}

const allPartitions = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => index)
