// The entry point @millrace/opentelemetry/instrumentation.

export {
  MillraceInstrumentation,
  type MillraceInstrumentationConfig,
} from './millrace-instrumentation.ts'
