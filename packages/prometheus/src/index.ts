// The entry point of @millrace/prometheus: every public name.

export { type CollectOptions, collectMetrics, type MetricsCollection } from './collector.ts'
