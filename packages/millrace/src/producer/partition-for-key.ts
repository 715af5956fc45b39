// Owns the computation of a key's partition without sending anything: for programs that need the
// partition of a record in advance, and for adapters with their own partitioners. It is public API.
// Invariant: the result is that of a producer with this partitioner.

import { types } from 'node:util'
import { createPartitioner, type PartitionerName } from '../engine/partitioner/partitioner.ts'
import type { RecordData } from '../engine/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { systemRandom } from '../runtime/random.ts'
import { describeValue } from '../runtime/value-kinds.ts'

/** The partitioners that use the key. */
export type KeyPartitionerName = Extract<
  PartitionerName,
  'java' | 'consistent_random' | 'fnv1a' | 'kafkajs_legacy'
>

const names: readonly string[] = [
  'java',
  'consistent_random',
  'fnv1a',
  'kafkajs_legacy',
] satisfies KeyPartitionerName[]

/**
 * The partition that a producer with this partitioner chooses for a key. (`consistent_random`
 * chooses any partition for an empty key.)
 *
 * @example
 * partitionForKey('customer-7', 12) // as the Java client and the default of millrace
 */
export const partitionForKey = (
  key: RecordData,
  partitionCount: number,
  partitioner: KeyPartitionerName = 'java',
): number => {
  if (typeof key !== 'string' && !types.isUint8Array(key)) {
    throw new KafkaError(
      'INVALID_ARGUMENT',
      `key must be a string or a Uint8Array, got ${describeValue(key)}`,
    )
  }
  if (!Number.isInteger(partitionCount) || partitionCount < 1) {
    throw new KafkaError(
      'INVALID_ARGUMENT',
      `partitionCount must be a whole number from 1, got ${partitionCount}`,
    )
  }
  if (!names.includes(partitioner)) {
    const expected = names.join(', ')
    throw new KafkaError(
      'INVALID_ARGUMENT',
      `partitioner must be one of ${expected}, got ${partitioner}`,
    )
  }
  const bytes = typeof key === 'string' ? Buffer.from(key) : key
  const lists = { available: [], preferred: [], loadOf: () => 0 }
  const topic = { name: '', partitionCount, ...lists }
  return createPartitioner(partitioner, systemRandom)().partition(topic, bytes, 0, bytes.length, 0)
}
