// The recent failures of a producer, grouped by kind and code. Monitor owns it and adds failures
// from events and from metrics snapshots. Memory is bounded: beyond the limit, the group with the
// oldest last failure is removed, and each group keeps a limited number of places.

import type { FailureMetrics } from 'millrace'
import type { FaultKind, FaultRow } from './view.ts'

export const faultsMax = 50
const placesMax = 200
const placesShown = 3

/** A KafkaError, or the failure fields of a metrics snapshot. */
export interface Failure {
  readonly code: string
  readonly brokerError?: string | null | undefined
  readonly message: string
  readonly remedy: string
}

/**
 * Kafka's error name if a broker returned one, because users search for that name; otherwise the
 * code.
 */
export const nameOf = ({ code, brokerError }: Failure | FailureMetrics): string =>
  brokerError ?? code

interface Entry {
  readonly kind: FaultKind
  readonly code: string
  /** In the order of their last failure, the latest last. */
  readonly places: Set<string>
  count: number | null
  message: string
  remedy: string
  readonly firstAt: number
  lastAt: number
}

export class Faults {
  /** By kind and code, in the order of the last failure, the latest last. */
  readonly #entries = new Map<string, Entry>()

  /**
   * Adds `count` failures at a place. `count` null = the place is still failing; snapshots report
   * it repeatedly.
   */
  add(kind: FaultKind, failure: Failure, place: string | null, count: number | null, at: number) {
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

  /** The rows, the latest failure first. */
  rows(): FaultRow[] {
    return [...this.#entries.values()].reverse().map(({ places, ...entry }) => ({
      ...entry,
      places: [...places].slice(-placesShown).reverse(),
      placeCount: places.size,
    }))
  }

  /** The latest failure of a kind since a time; undefined = none. */
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
