// What went wrong of late: failures of one kind with one code are one entry, however many there
// are. Owned by Monitor, which notes what the events tell and what the snapshots show. Bounded: the
// entry that was quiet for longest is dropped, and an entry remembers so many places.

import type { FailureMetrics } from 'millrace'
import type { FaultKind, FaultRow } from './view.ts'

export const faultsMax = 50
const placesMax = 200
const placesShown = 3

/** A KafkaError, or what a snapshot says of one. */
export interface Failure {
  readonly code: string
  readonly brokerError?: string | null | undefined
  readonly message: string
  readonly remedy: string
}

/** Kafka's name where a broker returned one: that is what people look up. */
export const nameOf = ({ code, brokerError }: Failure | FailureMetrics): string =>
  brokerError ?? code

interface Entry {
  readonly kind: FaultKind
  readonly code: string
  /** The last place comes last. */
  readonly places: Set<string>
  count: number | null
  message: string
  remedy: string
  readonly firstAt: number
  lastAt: number
}

export class Faults {
  /** By kind and code; the latest comes last. */
  readonly #entries = new Map<string, Entry>()

  /** `count` things failed at a place; null = the state of a place, reported repeatedly. */
  note(kind: FaultKind, failure: Failure, place: string | null, count: number | null, at: number) {
    const code = nameOf(failure)
    const key = `${kind} ${code}`
    const { message, remedy } = failure
    const entry: Entry = this.#entries.get(key) ?? {
      kind,
      code,
      places: new Set(),
      count: null,
      message,
      remedy,
      firstAt: at,
      lastAt: at,
    }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    entry.message = message
    entry.remedy = remedy
    entry.lastAt = at
    if (count !== null) entry.count = (entry.count ?? 0) + count
    if (place !== null) rememberLast(entry.places, place, placesMax)
    if (this.#entries.size > faultsMax) {
      const [oldest] = this.#entries.keys()
      this.#entries.delete(oldest!)
    }
  }

  /** The latest first. */
  rows(): FaultRow[] {
    return [...this.#entries.values()].reverse().map(({ places, ...entry }) => ({
      ...entry,
      places: [...places].slice(-placesShown).reverse(),
      placeCount: places.size,
    }))
  }

  /** The latest of a kind since a moment; undefined = none. */
  latest(kind: FaultKind, sinceAt: number): FaultRow | undefined {
    return this.rows().find((row) => row.kind === kind && row.lastAt >= sinceAt)
  }
}

const rememberLast = (places: Set<string>, place: string, max: number): void => {
  places.delete(place)
  places.add(place)
  if (places.size <= max) return
  const [first] = places
  places.delete(first!)
}
