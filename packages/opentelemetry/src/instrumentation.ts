// The entry point @millrace/opentelemetry/instrumentation. It exports MillraceInstrumentation and
// its configuration, for applications with OpenTelemetry's SDK.

export {
  MillraceInstrumentation,
  type MillraceInstrumentationConfig,
} from './millrace-instrumentation.ts'
