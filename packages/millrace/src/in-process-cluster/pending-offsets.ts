// Offsets of one group that transactions have brought and not yet ended. groups.ts owns one per
// group: a commit makes them the group's offsets, an abort drops them. As in a partition, the
// newest epoch of each producer is remembered, and an older one is rejected.

import type { ProducerId } from '../protocol/producer-id.ts'

/** How far a consumer group has read a partition: the offset that it reads next. */
export interface CommittedOffset {
  /** The topic that was read. */
  readonly topic: string
  /** The partition that was read. */
  readonly partition: number
  /** The next offset that the group is to read. */
  readonly offset: number
  /** Leader epoch of the last record read; -1 = the consumer sent none. */
  readonly leaderEpoch: number
  /** What the consumer wrote beside it. */
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

  /** The producer's transaction has brought offsets already, under this epoch. */
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

  /** Does an open transaction change this partition's offset? */
  has(key: string): boolean {
    for (const { offsets } of this.#producers.values()) if (offsets.has(key)) return true
    return false
  }

  /** What the transaction brought; nothing of it is pending any more. */
  end(producerId: ProducerId, markerEpoch: number): ReadonlyMap<string, CommittedOffset> {
    const producer = this.#producer(producerId)
    const brought = new Map(producer.offsets)
    producer.epoch = Math.max(producer.epoch, markerEpoch)
    producer.isOpen = false
    producer.offsets.clear()
    return brought
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
