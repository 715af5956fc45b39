// Owns the values of the last push that a broker accepted, from which the next deltas count. It
// builds the content of a push: the subscribed metrics, with sums as deltas or totals as the broker
// requires. Callers: Telemetry, pushed-metrics.ts. Invariant: values change only in onTaken().

import type { OtlpMetric, OtlpMetrics } from '../protocol/otlp.ts'

/** One value that can be pushed. A sum counts from the start of the client. */
export interface TelemetryMetric {
  /** `org.apache.kafka.producer.record.send.total` */
  readonly name: string
  readonly kind: 'gauge' | 'sum'
  readonly value: number
  readonly attributes: Readonly<Record<string, string>>
}

/** The metrics of the client, read at each push. */
export interface TelemetrySource {
  readonly resource: Readonly<Record<string, string>>
  read(): readonly TelemetryMetric[]
}

/** Limit of the metrics in one push: a broker may subscribe to those of every topic. */
const metricsMax = 5000

/** A subscription with more prefixes is rejected; Kafka's own have a few. */
export const prefixesMax = 1000

/**
 * The metrics that a broker subscribed to, by prefixes of their names; '' = all. Compiled once per
 * subscription, so that a lookup is one binary search for any number of prefixes.
 */
export class MetricSelection {
  /** Sorted, without prefixes that another prefix covers. */
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
  /** From the last accepted push: each sum by its name and attributes. */
  #pushed = new Map<string, number>()
  /** The sums of the push in progress. */
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

  /** The push was accepted: the next deltas count from it. */
  onTaken(): void {
    this.#pushed = this.#pending
    this.#pushedAtMs = this.#pendingAtMs
  }
}
