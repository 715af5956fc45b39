// Owns which records of the spool are settled: one bit per record, in one array per segment. It
// knows the oldest unsettled record and the segments that can be removed. A copied record belongs
// to the segment of its copy. Callers: recovery fills it, Spool updates it, Compaction reads it.
// Invariant: segments are removed from the oldest on, because a later one may contain the entry
// that settles a record of an earlier one.

import { assert } from '../runtime/assert.ts'

interface SegmentStates {
  readonly segment: number
  readonly firstId: number
  count: number
  /** Records that were copied into this segment. */
  copies: number
  /** Unsettled records of both kinds. */
  unsettled: number
  bits: Uint8Array
}

/** The counts of one segment. */
export interface SegmentCounts {
  readonly segment: number
  /** One more than the id of its last record. */
  readonly endId: number
  /** Its records and copies, settled ones too. */
  readonly records: number
  readonly unsettled: number
}

const initialBytes = 1024

export class RecordStates {
  readonly #segments: SegmentStates[] = []
  /** The segments of copied records that are not settled. */
  readonly #copies = new Map<number, SegmentStates>()
  #unsettled = 0
  #firstUnsettled = 0

  /** Records that are not settled. */
  get unsettled(): number {
    return this.#unsettled
  }

  /** One more than the id of the newest record. */
  get nextId(): number {
    const last = this.#segments.at(-1)
    return last === undefined ? 0 : last.firstId + last.count
  }

  /** The records that follow belong to this segment. */
  addSegment(segment: number, firstId: number): void {
    if (this.#segments.length === 0) this.#firstUnsettled = firstId
    assert(this.#segments.length === 0 || firstId === this.nextId, 'ids follow one another')
    const bits = new Uint8Array(initialBytes)
    this.#segments.push({ segment, firstId, count: 0, copies: 0, unsettled: 0, bits })
  }

  /** Records were written to the newest segment. */
  add(count: number): void {
    const last = this.#segments.at(-1)
    assert(last !== undefined, 'records belong to a segment')
    last.count += count
    last.unsettled += count
    this.#unsettled += count
    const needed = (last.count + 7) >>> 3
    if (needed <= last.bits.length) return
    const grown = new Uint8Array(Math.max(needed, 2 * last.bits.length))
    grown.set(last.bits)
    last.bits = grown
  }

  /** Does nothing if the record is settled already, or its segment was removed. */
  settle(id: number): void {
    const holder = this.#copies.get(id)
    if (holder !== undefined) {
      this.#copies.delete(id)
      holder.unsettled--
      this.#unsettled--
      return
    }
    const segment = this.#segmentOf(id)
    if (segment === null) return
    const index = id - segment.firstId
    const mask = 1 << (index & 7)
    const byte = segment.bits[index >>> 3]!
    if ((byte & mask) !== 0) return
    segment.bits[index >>> 3] = byte | mask
    segment.unsettled--
    this.#unsettled--
  }

  /** Also true for records whose segment was removed. */
  isSettled(id: number): boolean {
    return this.#isSettledInPlace(id) && !this.#copies.has(id)
  }

  #isSettledInPlace(id: number): boolean {
    const segment = this.#segmentOf(id)
    if (segment === null) return id < this.nextId
    const index = id - segment.firstId
    return (segment.bits[index >>> 3]! & (1 << (index & 7))) !== 0
  }

  /** The record was copied to this segment: its first copy is not needed any more. */
  moveTo(segment: number, id: number): void {
    const target = this.#segments.findLast((candidate) => candidate.segment === segment)
    assert(target !== undefined, 'a record is copied to a segment')
    this.settle(id)
    this.#copies.set(id, target)
    target.copies++
    target.unsettled++
    this.#unsettled++
  }

  /** Unsettled records that were copied. */
  get copies(): number {
    return this.#copies.size
  }

  /** The segments, oldest first. */
  *segments(): Generator<SegmentCounts> {
    for (const { segment, firstId, count, copies, unsettled } of this.#segments) {
      yield { segment, endId: firstId + count, records: count + copies, unsettled }
    }
  }

  get segmentCount(): number {
    return this.#segments.length
  }

  /** The unsettled records of the segments up to this one. */
  unsettledUpTo(segment: number): Set<number> {
    const ids = new Set<number>()
    for (const [id, holder] of this.#copies) if (holder.segment <= segment) ids.add(id)
    for (const { segment: number, firstId, count, bits } of this.#segments) {
      if (number > segment) break
      for (let index = 0; index < count; index++) {
        if ((bits[index >>> 3]! & (1 << (index & 7))) === 0) ids.add(firstId + index)
      }
    }
    return ids
  }

  /**
   * The oldest unsettled record that was not copied; `nextId` if there is none. Copied records are
   * older.
   */
  get firstUnsettled(): number {
    if (this.#unsettled === this.#copies.size) {
      this.#firstUnsettled = this.nextId
      return this.#firstUnsettled
    }
    while (this.#isSettledInPlace(this.#firstUnsettled)) this.#firstUnsettled++
    return this.#firstUnsettled
  }

  /** The segment that contains the record; -1 = it was removed, or is not written yet. */
  segmentOf(id: number): number {
    return this.#segmentOf(id)?.segment ?? -1
  }

  /**
   * Removes and returns the oldest segment if all its records are settled and a newer segment
   * exists.
   */
  takeSettledSegment(): number | null {
    const first = this.#segments[0]
    if (first === undefined || this.#segments.length === 1 || first.unsettled > 0) return null
    this.#segments.shift()
    this.#firstUnsettled = Math.max(this.#firstUnsettled, this.#segments[0]!.firstId)
    return first.segment
  }

  #segmentOf(id: number): SegmentStates | null {
    const segments = this.#segments
    let low = 0
    let high = segments.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const candidate = segments[middle]!
      if (id < candidate.firstId) high = middle - 1
      else if (id >= candidate.firstId + candidate.count) low = middle + 1
      else return candidate
    }
    return null
  }
}
