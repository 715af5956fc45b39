// Observable instruments for the numbers of producer.metrics(), named `millrace.producer.` and the
// field in snake case. It owns the instruments. A snapshot is taken only when the SDK collects, so
// there is no cost between collections. Callers: producer-telemetry.ts and the public API.

import type { Attributes, BatchObservableResult, Meter, Observable } from '@opentelemetry/api'
import { type Distribution, type MetricRow, metricTable, type ProducerMetrics } from 'millrace'
import { attribute } from './conventions.ts'

/** The object that the metrics are read from. */
export interface MetricsSource {
  /** Returns a snapshot, as `metrics()` of a producer does. */
  metrics(): ProducerMetrics
}

type Field = keyof typeof metricTable

interface Instrument {
  readonly field: Field
  readonly row: MetricRow
  readonly observable: Observable
}

export const instrumentName = (field: string): string => {
  const words = field.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return `millrace.producer.${words}`
}

const makeInstrument = (meter: Meter, field: Field, row: MetricRow): Instrument => {
  const options = { description: row.doc, unit: row.unit === 'ms' ? 's' : row.unit }
  const name = instrumentName(field)
  const observable =
    row.kind === 'counter'
      ? meter.createObservableCounter(name, options)
      : meter.createObservableGauge(name, options)
  return { field, row, observable }
}

export class SnapshotMetrics {
  readonly #meter: Meter
  readonly #instruments: readonly Instrument[]
  readonly #sources = new Set<MetricsSource>()
  readonly #observe = (result: BatchObservableResult): void => {
    for (const source of this.#sources) this.#read(source.metrics(), result)
  }

  constructor(meter: Meter) {
    this.#meter = meter
    this.#instruments = Object.entries(metricTable).map(([field, row]) =>
      makeInstrument(meter, field as Field, row),
    )
  }

  add(source: MetricsSource): void {
    if (this.#sources.size === 0) {
      this.#meter.addBatchObservableCallback(this.#observe, this.#observables)
    }
    this.#sources.add(source)
  }

  delete(source: MetricsSource): void {
    if (!this.#sources.delete(source) || this.#sources.size > 0) return
    this.#meter.removeBatchObservableCallback(this.#observe, this.#observables)
  }

  get #observables(): Observable[] {
    return this.#instruments.map(({ observable }) => observable)
  }

  #read(metrics: ProducerMetrics, result: BatchObservableResult): void {
    const attributes = { [attribute.clientId]: metrics.clientId }
    for (const { field, row, observable } of this.#instruments) {
      const value: number | Distribution = metrics[field]
      const scale = row.unit === 'ms' ? 1000 : 1
      const observe = (number: number, more: Attributes = {}): void =>
        result.observe(observable, number / scale, { ...attributes, ...more })
      if (typeof value === 'number') {
        if (value >= 0) observe(value)
      } else {
        observe(value.p50, { quantile: 0.5 })
        observe(value.p99, { quantile: 0.99 })
        observe(value.max, { quantile: 1 })
      }
    }
  }
}
