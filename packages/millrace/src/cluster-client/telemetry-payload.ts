// What goes into one push: of all metrics those that the broker asked for, sums as it wants them.
// It owns what was pushed before, so that a delta counts from the last push that was taken.

import type { OtlpMetric, OtlpMetrics } from '../protocol/otlp.ts'

/** One number that can be pushed. A sum is what was counted since the client began. */
export interface TelemetryMetric {
  /** `org.apache.kafka.producer.record.send.total` */
  readonly name: string
  readonly kind: 'gauge' | 'sum'
  readonly value: number
  readonly attributes: Readonly<Record<string, string>>
}

/** What the client knows of itself, read when it is pushed. */
export interface TelemetrySource {
  readonly resource: Readonly<Record<string, string>>
  read(): readonly TelemetryMetric[]
}

/** Metrics in one push at most: a broker may ask for those of every topic. */
const metricsMax = 5000

/** A subscription with more prefixes is rejected: Kafka's own have a few. */
export const prefixesMax = 1000

/**
 * Which metrics a broker subscribed to: by the beginnings of their names; '' = all. Compiled once
 * per subscription, so that a look-up costs a binary search, however many prefixes there are.
 */
export class MetricSelection {
  /** Sorted, and without those that begin with another one. */
  readonly #prefixes: readonly string[]

  constructor(prefixes: readonly string[]) {
    const kept: string[] = []
    for (const prefix of [...prefixes].sort(byCodeUnit)) {
      if (kept.length === 0 || !prefix.startsWith(kept.at(-1)!)) kept.push(prefix)
    }
    this.#prefixes = kept
  }

  get isEmpty(): boolean {
    return this.#prefixes.length === 0
  }

  has(name: string): boolean {
    let low = 0
    let high = this.#prefixes.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#prefixes[middle]! <= name) low = middle + 1
      else high = middle
    }
    return low > 0 && name.startsWith(this.#prefixes[low - 1]!)
  }
}

const byCodeUnit = (left: string, right: string): number =>
  left < right ? -1 : left > right ? 1 : 0

export class TelemetryPayload {
  readonly #source: TelemetrySource
  readonly #startedAtMs: number
  #pushedAtMs: number
  /** Of the last push that was taken: each sum by its name and attributes. */
  #pushed = new Map<string, number>()
  /** Of the push under way. */
  #pending = new Map<string, number>()
  #pendingAtMs: number

  constructor(source: TelemetrySource, wallTimeMs: number) {
    this.#source = source
    this.#startedAtMs = wallTimeMs
    this.#pushedAtMs = wallTimeMs
    this.#pendingAtMs = wallTimeMs
  }

  read(selection: MetricSelection, asDeltas: boolean, wallTimeMs: number): OtlpMetrics {
    this.#pending = new Map()
    this.#pendingAtMs = wallTimeMs
    const metrics: OtlpMetric[] = []
    for (const metric of this.#source.read()) {
      if (!selection.has(metric.name)) continue
      if (metrics.length === metricsMax) break
      metrics.push(this.#point(metric, asDeltas, wallTimeMs))
    }
    const { resource } = this.#source
    return { resource, scopeName: 'millrace', scopeVersion: '', metrics }
  }

  #point(metric: TelemetryMetric, asDeltas: boolean, timeMs: number): OtlpMetric {
    const { name, kind, value, attributes } = metric
    if (kind === 'gauge') {
      return { name, kind, value, attributes, startTimeMs: this.#startedAtMs, timeMs }
    }
    const key = JSON.stringify([name, attributes])
    this.#pending.set(key, value)
    if (!asDeltas) {
      const startTimeMs = this.#startedAtMs
      return { name, kind: 'cumulativeSum', value, attributes, startTimeMs, timeMs }
    }
    const delta = value - (this.#pushed.get(key) ?? 0)
    const startTimeMs = this.#pushedAtMs
    return { name, kind: 'deltaSum', value: delta, attributes, startTimeMs, timeMs }
  }

  /** The push was taken: the next deltas count from it. */
  onTaken(): void {
    this.#pushed = this.#pending
    this.#pushedAtMs = this.#pendingAtMs
  }
}
