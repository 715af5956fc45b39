// Converts a field of a metrics snapshot to the name and unit of a Prometheus metric: snake case,
// base units (seconds instead of milliseconds), and the suffix `_total` for counters. Dashboards
// depend on the names, so they must not change. Callers: collector.ts and snapshot-metric.ts.

import type { MetricRow } from 'millrace'

const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** `requestLatencyMs` → `millrace_producer_request_latency_seconds`. */
export const prometheusName = (prefix: string, field: string, row: MetricRow): string => {
  const name = `${prefix}${snakeCase(field.replace(/Ms$/, 'Seconds'))}`
  return row.kind === 'counter' ? `${name}_total` : name
}

/** Converts milliseconds to seconds; -1 means "unknown" and becomes NaN. */
export const inBaseUnit = (value: number, row: MetricRow): number => {
  if (row.unit !== 'ms') return value
  return value < 0 ? Number.NaN : value / 1000
}
