// A Prometheus metric whose values are read from snapshots at each scrape. prom-client's own
// classes can't do this: a Summary there only has values that it observed itself. It must have the
// methods that a prom-client registry calls. Caller: collector.ts.

import type { Distribution, MetricRow } from 'millrace'
import { inBaseUnit } from './names.ts'

export type Labels = Readonly<Record<string, string>>

/** One number of a snapshot, with its labels. */
export interface Sample {
  readonly labels: Labels
  readonly value: number | Distribution
}

interface Value {
  readonly labels: Labels
  readonly value: number
  readonly metricName?: string
}

const types = { counter: 'counter', gauge: 'gauge', distribution: 'summary' } as const

export class SnapshotMetric {
  /** prom-client changes it for the OpenMetrics format. */
  name: string
  readonly help: string
  readonly type: (typeof types)[keyof typeof types]
  readonly aggregator = 'sum'
  readonly #row: MetricRow
  readonly #read: () => Iterable<Sample>

  constructor(name: string, row: MetricRow, read: () => Iterable<Sample>) {
    this.name = name
    this.help = row.doc
    this.type = types[row.kind]
    this.#row = row
    this.#read = read
  }

  /** prom-client calls it at each scrape. */
  async get() {
    const { name, help, type, aggregator } = this
    return { name, help, type, aggregator, values: this.#values() }
  }

  /** Does nothing: the values come from snapshots and can't be reset. */
  reset(): void {}

  #values(): Value[] {
    const values: Value[] = []
    for (const { labels, value } of this.#read()) {
      if (typeof value === 'number') values.push({ labels, value: inBaseUnit(value, this.#row) })
      else values.push(...this.#summary(labels, value))
    }
    return values
  }

  #summary(labels: Labels, { p50, p99, max, sum, count }: Distribution): Value[] {
    const at = (quantile: string, value: number): Value => ({
      labels: { ...labels, quantile },
      value: inBaseUnit(value, this.#row),
    })
    return [
      at('0.5', p50),
      at('0.99', p99),
      at('1', max),
      { metricName: `${this.name}_sum`, labels, value: inBaseUnit(sum, this.#row) },
      { metricName: `${this.name}_count`, labels, value: count },
    ]
  }
}
