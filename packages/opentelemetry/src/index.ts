// The entry point of @millrace/opentelemetry. It lists every public name by hand.

export { type OpenTelemetryOptions, openTelemetry } from './open-telemetry.ts'
export type { TelemetryOptions } from './producer-telemetry.ts'
export type { MetricsSource } from './snapshot-metrics.ts'
export type { SpanMode } from './spans.ts'
