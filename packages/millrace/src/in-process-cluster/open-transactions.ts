// What the log of one partition knows of transactions: which are open, and which were aborted. The
// partition reports each beginning and end to it; Fetch and ListOffsets ask how far a
// `read_committed` reader may go, and which of the batches before that it has to skip.

import type { ProducerId } from '../protocol/producer-id.ts'

export interface AbortedTransaction {
  readonly producerId: ProducerId
  /** Offset of its first batch in this partition. */
  readonly firstOffset: number
  /** Offset of the marker that aborted it. */
  readonly lastOffset: number
}

export class OpenTransactions {
  /** First offset by producer id. Offsets only grow, so the oldest one comes first. */
  readonly #open = new Map<ProducerId, number>()
  /** By the offset of their markers. */
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

  /** Where the producer's open transaction begins; -1 = it has none. */
  startOf(producerId: ProducerId): number {
    return this.#open.get(producerId) ?? -1
  }

  /** Everything before it is decided. */
  lastStableOffset(endOffset: number): number {
    for (const firstOffset of this.#open.values()) return firstOffset
    return endOffset
  }

  /** Those that have something to do with the offsets from `start` up to before `end`. */
  abortedIn(start: number, end: number): readonly AbortedTransaction[] {
    return this.#aborted.filter(
      ({ firstOffset, lastOffset }) => lastOffset >= start && firstOffset < end,
    )
  }

  /** Nothing before this offset is kept any more. */
  forgetBefore(startOffset: number): void {
    if (this.#aborted.length === 0 || this.#aborted[0]!.lastOffset >= startOffset) return
    this.#aborted = this.#aborted.filter(({ lastOffset }) => lastOffset >= startOffset)
  }
}
