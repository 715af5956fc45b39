// Owns the choice of partitions without a producer, as a producer would choose them. Caller: the
// recording producer of testing/. Invariant: the same calls return the same partitions.

import { createPartitioner } from '../engine/partitioner/partitioner.ts'
import type { Partitioner } from '../engine/partitioner/partitioner-contract.ts'
import type { ProducerRecord } from '../engine/record.ts'
import { seededRandom } from '../runtime/random.ts'
import type { ProducerOptions } from './producer-options.ts'

const seed = 1

export class PartitionChoice {
  readonly #factory: () => Partitioner
  readonly #partitioners = new Map<string, Partitioner>()

  constructor(partitioner: NonNullable<ProducerOptions['partitioner']>) {
    this.#factory = createPartitioner(partitioner, seededRandom(seed))
  }

  /** The partition of a record that names none. */
  choose({ topic, key }: ProducerRecord, partitionCount: number, recordBytes: number): number {
    const partitioner = this.#partitioners.get(topic) ?? this.#factory()
    this.#partitioners.set(topic, partitioner)
    const bytes = typeof key === 'string' ? Buffer.from(key) : (key ?? new Uint8Array())
    const start = key === undefined || key === null ? -1 : 0
    const lists = { available: [], preferred: [], loadOf: () => 0 }
    const view = { name: topic, partitionCount, ...lists }
    return partitioner.partition(view, bytes, start, bytes.length, recordBytes)
  }
}
