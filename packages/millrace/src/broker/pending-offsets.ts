// Offsets of one group that transactions have brought and not yet ended. groups.ts owns one per
// group: a commit makes them the group's offsets, an abort drops them. As in a partition, the
// newest epoch of each producer is remembered, and an older one is refused.

import type { CommittedOffset } from './groups.ts'

interface PendingProducer {
  epoch: number
  isOpen: boolean
  /** By topic and partition. */
  readonly offsets: Map<string, CommittedOffset>
}

export class PendingOffsets {
  readonly #producers = new Map<number, PendingProducer>()

  /** The producer's transaction has brought offsets already, under this epoch. */
  isOpen(producerId: number, epoch: number): boolean {
    const producer = this.#producers.get(producerId)
    return producer?.isOpen === true && producer.epoch === epoch
  }

  isStale(producerId: number, epoch: number): boolean {
    return epoch < (this.#producers.get(producerId)?.epoch ?? -1)
  }

  add(producerId: number, epoch: number, key: string, offset: CommittedOffset): void {
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
  end(producerId: number, markerEpoch: number): ReadonlyMap<string, CommittedOffset> {
    const producer = this.#producer(producerId)
    const brought = new Map(producer.offsets)
    producer.epoch = Math.max(producer.epoch, markerEpoch)
    producer.isOpen = false
    producer.offsets.clear()
    return brought
  }

  #producer(producerId: number): PendingProducer {
    let producer = this.#producers.get(producerId)
    if (producer === undefined) {
      producer = { epoch: -1, isOpen: false, offsets: new Map() }
      this.#producers.set(producerId, producer)
    }
    return producer
  }
}
