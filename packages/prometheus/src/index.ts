// The entry point of @millrace/prometheus. It lists every public name by hand.

export { type CollectOptions, collectMetrics, type MetricsCollection } from './collector.ts'
