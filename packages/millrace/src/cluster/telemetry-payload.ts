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

/** Which metrics a broker asked for: by the beginnings of their names; '' = all. */
export const isRequested = (name: string, prefixes: readonly string[]): boolean =>
  prefixes.some((prefix) => name.startsWith(prefix))

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

  read(prefixes: readonly string[], asDeltas: boolean, wallTimeMs: number): OtlpMetrics {
    this.#pending = new Map()
    this.#pendingAtMs = wallTimeMs
    const metrics: OtlpMetric[] = []
    for (const metric of this.#source.read()) {
      if (!isRequested(metric.name, prefixes)) continue
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
