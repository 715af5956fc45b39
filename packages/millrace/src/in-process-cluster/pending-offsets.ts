// The offsets of one group that open transactions have sent. A commit makes them the group's
// offsets; an abort discards them. As in a partition, the latest epoch of each producer is stored,
// and an older one must be rejected. groups.ts owns one per group.

import type { ProducerId } from '../protocol/producer-id.ts'

/** The position of a consumer group in a partition. */
export interface CommittedOffset {
  /** The topic that the group reads. */
  readonly topic: string
  /** The partition that the group reads. */
  readonly partition: number
  /** The offset of the next record that the group reads. */
  readonly offset: number
  /** The leader epoch of the last record read; -1 = the consumer sent none. */
  readonly leaderEpoch: number
  /** The text that the consumer stored with the offset. */
  readonly metadata: string | null
}

interface PendingProducer {
  epoch: number
  isOpen: boolean
  /** By topic and partition. */
  readonly offsets: Map<string, CommittedOffset>
}

export class PendingOffsets {
  readonly #producers = new Map<ProducerId, PendingProducer>()

  /** Whether the producer's transaction has already sent offsets with this epoch. */
  isOpen(producerId: ProducerId, epoch: number): boolean {
    const producer = this.#producers.get(producerId)
    return producer?.isOpen === true && producer.epoch === epoch
  }

  isStale(producerId: ProducerId, epoch: number): boolean {
    return epoch < (this.#producers.get(producerId)?.epoch ?? -1)
  }

  add(producerId: ProducerId, epoch: number, key: string, offset: CommittedOffset): void {
    const producer = this.#producer(producerId)
    producer.epoch = epoch
    producer.isOpen = true
    producer.offsets.set(key, offset)
  }

  /** Whether an open transaction may change this partition's offset. */
  has(key: string): boolean {
    for (const { offsets } of this.#producers.values()) if (offsets.has(key)) return true
    return false
  }

  /** Ends the transaction: returns and removes its offsets. */
  end(producerId: ProducerId, markerEpoch: number): ReadonlyMap<string, CommittedOffset> {
    const producer = this.#producer(producerId)
    const committed = new Map(producer.offsets)
    producer.epoch = Math.max(producer.epoch, markerEpoch)
    producer.isOpen = false
    producer.offsets.clear()
    return committed
  }

  #producer(producerId: ProducerId): PendingProducer {
    let producer = this.#producers.get(producerId)
    if (producer === undefined) {
      producer = { epoch: -1, isOpen: false, offsets: new Map() }
      this.#producers.set(producerId, producer)
    }
    return producer
  }
}
