// Owns the positions of blocks in the log: enough of them to find a record without reading the log
// from its start, and to know the age of a record. Callers: recovery fills it; Spool and Backlog
// search it. Invariant: it is bounded; when it is full, every second position is removed.

import type { BlockPlace } from './recovery.ts'

const placesMax = 4096

export class BlockPlaces {
  #places: BlockPlace[] = []

  add(place: BlockPlace): void {
    this.#places.push(place)
    if (this.#places.length <= placesMax) return
    this.#places = this.#places.filter((_, index) => index % 2 === 0)
  }

  /** The last known block that begins at or before the record. */
  before(recordId: number): BlockPlace | null {
    const places = this.#places
    let low = 0
    let high = places.length - 1
    let found = -1
    while (low <= high) {
      const middle = (low + high) >>> 1
      if (places[middle]!.firstRecordId <= recordId) {
        found = middle
        low = middle + 1
      } else high = middle - 1
    }
    // Blocks without records begin at the same id: the oldest of them is returned.
    while (found > 0 && places[found - 1]!.firstRecordId === recordId) found--
    return places[found] ?? null
  }

  /** The segments before this one were removed. */
  forgetBefore(segment: number): void {
    const index = this.#places.findIndex((place) => place.segment >= segment)
    this.#places.splice(0, index < 0 ? this.#places.length : index)
  }
}
