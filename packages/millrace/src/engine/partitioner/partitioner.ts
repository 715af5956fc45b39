// Owns the built-in partitioners, which choose the partition of a record that names none. Callers:
// the producer calls `createPartitioner` once, and the engine creates one instance per topic. State
// (a counter, the sticky partition) belongs to one topic. Invariants: `partition` allocates
// nothing, except in custom functions. The hash of a key is applied to all partitions, with or
// without a leader, so that a key stays in its partition; only records without a fixed partition
// avoid those without a leader.

import { KafkaError } from '../../protocol/kafka-error.ts'
import type { Random } from '../../runtime/random.ts'
import { randomBelow } from '../../runtime/random.ts'
import type { CustomPartitioner } from './custom-partitioner.ts'
import { CheckedPartitioner } from './custom-partitioner.ts'
import type { Partitioner, PartitionerTopic } from './partitioner-contract.ts'
import { crc32, fnv1a, kafkajsLegacyMurmur2, murmur2 } from './partitioner-hashes.ts'
import { Stickiness } from './partitioner-stickiness.ts'

/**
 * - `java`: murmur2 of the key; without a key like `sticky`. The default, also of Java, franz-go
 *   and, for records with a key, kafkajs 2.
 * - `consistent_random`: CRC-32 of the key; random without a key *or with an empty one*. The
 *   default of librdkafka and its bindings.
 * - `fnv1a`: FNV-1a of the key; random without one. The default of sarama.
 * - `kafkajs_legacy`: the default of kafkajs 1; without a key, one partition after the other.
 * - `round_robin`: one partition after the other, from a random one on; keys are ignored.
 * - `random`: a random partition; keys are ignored.
 * - `sticky`: a run of records to one partition, then to a random other one; keys are ignored.
 * - `manual`: every record must name its partition.
 */
export type PartitionerName =
  | 'java'
  | 'consistent_random'
  | 'fnv1a'
  | 'kafkajs_legacy'
  | 'round_robin'
  | 'random'
  | 'sticky'
  | 'manual'

export const partitionerNames = [
  'java',
  'consistent_random',
  'fnv1a',
  'kafkajs_legacy',
  'round_robin',
  'random',
  'sticky',
  'manual',
] as const satisfies readonly PartitionerName[]

/** Java's default batch size: the bytes of a sticky partition before the next one is chosen. */
export const stickyBytesDefault = 16_384

export interface PartitionerOptions {
  /** Bytes of one run of a sticky partition; at most twice as many. */
  readonly stickyBytes?: number | undefined
}

/** Any preferred partition; any partition at all if none is available. */
const anyPartition = (topic: PartitionerTopic, random: Random): number => {
  const { preferred } = topic
  return preferred.length === 0
    ? randomBelow(random, topic.partitionCount)
    : preferred[randomBelow(random, preferred.length)]!
}

class JavaPartitioner implements Partitioner {
  readonly #stickiness: Stickiness

  constructor(stickiness: Stickiness) {
    this.#stickiness = stickiness
  }

  partition(
    topic: PartitionerTopic,
    bytes: Uint8Array,
    start: number,
    end: number,
    recordBytes: number,
  ): number {
    return start < 0
      ? this.#stickiness.next(topic, recordBytes)
      : murmur2(bytes, start, end) % topic.partitionCount
  }

  onBatchSealed(partition: number): void {
    this.#stickiness.onBatchSealed(partition)
  }
}

class StickyPartitioner implements Partitioner {
  readonly #stickiness: Stickiness

  constructor(stickiness: Stickiness) {
    this.#stickiness = stickiness
  }

  partition(
    topic: PartitionerTopic,
    _bytes: Uint8Array,
    _start: number,
    _end: number,
    recordBytes: number,
  ): number {
    return this.#stickiness.next(topic, recordBytes)
  }

  onBatchSealed(partition: number): void {
    this.#stickiness.onBatchSealed(partition)
  }
}

class ConsistentRandomPartitioner implements Partitioner {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  partition(topic: PartitionerTopic, bytes: Uint8Array, start: number, end: number): number {
    // librdkafka checks only the length of the key, so an empty key counts as none.
    return start < 0 || start === end
      ? anyPartition(topic, this.#random)
      : crc32(bytes, start, end) % topic.partitionCount
  }
}

class Fnv1aPartitioner implements Partitioner {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  partition(topic: PartitionerTopic, bytes: Uint8Array, start: number, end: number): number {
    // sarama divides the signed number first and then removes the sign of the remainder.
    return start < 0
      ? anyPartition(topic, this.#random)
      : Math.abs(fnv1a(bytes, start, end) % topic.partitionCount)
  }
}

/** Returns the preferred partitions one after the other, from a random one on. */
class RoundRobin {
  #count: number

  constructor(random: Random) {
    this.#count = randomBelow(random, 2 ** 31)
  }

  next(topic: PartitionerTopic): number {
    const { preferred } = topic
    const count = this.#count
    this.#count = (count + 1) % 2 ** 31
    return preferred.length === 0
      ? count % topic.partitionCount
      : preferred[count % preferred.length]!
  }
}

class KafkajsLegacyPartitioner implements Partitioner {
  readonly #roundRobin: RoundRobin

  constructor(random: Random) {
    this.#roundRobin = new RoundRobin(random)
  }

  partition(topic: PartitionerTopic, bytes: Uint8Array, start: number, end: number): number {
    return start < 0
      ? this.#roundRobin.next(topic)
      : kafkajsLegacyMurmur2(bytes, start, end) % topic.partitionCount
  }
}

class RoundRobinPartitioner implements Partitioner {
  readonly #roundRobin: RoundRobin

  constructor(random: Random) {
    this.#roundRobin = new RoundRobin(random)
  }

  partition(topic: PartitionerTopic): number {
    return this.#roundRobin.next(topic)
  }
}

class RandomPartitioner implements Partitioner {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  partition(topic: PartitionerTopic): number {
    return anyPartition(topic, this.#random)
  }
}

class ManualPartitioner implements Partitioner {
  partition(topic: PartitionerTopic): number {
    throw new KafkaError(
      'INVALID_ARGUMENT',
      `record.partition must be a whole number from 0 to ${topic.partitionCount - 1} with the ` +
        `partitioner 'manual', got undefined (topic "${topic.name}")`,
      { topic: topic.name },
    )
  }
}

/** The partitioner of the option: a factory that creates one instance per topic. */
export const createPartitioner = (
  choice: PartitionerName | CustomPartitioner,
  random: Random,
  options: PartitionerOptions = {},
): (() => Partitioner) => {
  if (typeof choice === 'function') return () => new CheckedPartitioner(choice)
  const stickyBytes = options.stickyBytes ?? stickyBytesDefault
  switch (choice) {
    case 'java':
      return () => new JavaPartitioner(new Stickiness(random, stickyBytes))
    case 'consistent_random':
      return () => new ConsistentRandomPartitioner(random)
    case 'fnv1a':
      return () => new Fnv1aPartitioner(random)
    case 'kafkajs_legacy':
      return () => new KafkajsLegacyPartitioner(random)
    case 'round_robin':
      return () => new RoundRobinPartitioner(random)
    case 'random':
      return () => new RandomPartitioner(random)
    case 'sticky':
      return () => new StickyPartitioner(new Stickiness(random, stickyBytes))
    case 'manual':
      return () => new ManualPartitioner()
    default:
      choice satisfies never
      throw new KafkaError(
        'INVALID_OPTION',
        `partitioner must be one of ${partitionerNames.join(', ')}, or a function, ` +
          `got ${JSON.stringify(choice)}`,
      )
  }
}
