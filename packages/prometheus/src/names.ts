// From a field of a snapshot to the name of a Prometheus metric: words in snake case, base units
// (seconds instead of milliseconds), `_total` behind what only grows.

import type { MetricRow } from 'millrace'

const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** `requestLatencyMs` → `millrace_producer_request_latency_seconds`. */
export const prometheusName = (prefix: string, field: string, row: MetricRow): string => {
  const name = `${prefix}${snakeCase(field.replace(/Ms$/, 'Seconds'))}`
  return row.kind === 'counter' ? `${name}_total` : name
}

/** Milliseconds become seconds; -1, which stands for "not known", is no time. */
export const inBaseUnit = (value: number, row: MetricRow): number => {
  if (row.unit !== 'ms') return value
  return value < 0 ? Number.NaN : value / 1000
}
