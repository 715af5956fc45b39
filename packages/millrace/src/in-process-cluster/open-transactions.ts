// The transactions in the log of one partition: the open ones and the aborted ones.
// partition-log.ts owns it and reports each beginning and end. Fetch and ListOffsets use it to find
// the last stable offset, and the aborted batches that a `read_committed` reader must skip.

import type { ProducerId } from '../protocol/producer-id.ts'

export interface AbortedTransaction {
  readonly producerId: ProducerId
  /** Offset of its first batch in this partition. */
  readonly firstOffset: number
  /** Offset of its abort marker. */
  readonly lastOffset: number
}

export class OpenTransactions {
  /** First offsets by producer id. Offsets only grow, so the oldest transaction comes first. */
  readonly #open = new Map<ProducerId, number>()
  /** In the order of the offsets of their markers. */
  #aborted: AbortedTransaction[] = []

  begin(producerId: ProducerId, firstOffset: number): void {
    this.#open.set(producerId, firstOffset)
  }

  end(producerId: ProducerId, markerOffset: number, isCommit: boolean): void {
    const firstOffset = this.#open.get(producerId)
    if (firstOffset === undefined) return
    this.#open.delete(producerId)
    if (!isCommit) this.#aborted.push({ producerId, firstOffset, lastOffset: markerOffset })
  }

  /** The first offset of the producer's open transaction; -1 = none. */
  startOf(producerId: ProducerId): number {
    return this.#open.get(producerId) ?? -1
  }

  /** Every transaction with records before this offset has ended. */
  lastStableOffset(endOffset: number): number {
    for (const firstOffset of this.#open.values()) return firstOffset
    return endOffset
  }

  /** The transactions that overlap the offsets from `start` to before `end`. */
  abortedIn(start: number, end: number): readonly AbortedTransaction[] {
    return this.#aborted.filter(
      ({ firstOffset, lastOffset }) => lastOffset >= start && firstOffset < end,
    )
  }

  /** Removes transactions before this offset, because their records are deleted. */
  forgetBefore(startOffset: number): void {
    if (this.#aborted.length === 0 || this.#aborted[0]!.lastOffset >= startOffset) return
    this.#aborted = this.#aborted.filter(({ lastOffset }) => lastOffset >= startOffset)
  }
}
