// The entry point @millrace/opentelemetry/register: loading it enables MillraceInstrumentation with
// OpenTelemetry's global providers. A producer loads it if an OpenTelemetry SDK runs in the
// process; `node --import` loads it in other cases. The environment variables that select the SDK's
// instrumentations also select this one, by the name `millrace`.

import { MillraceInstrumentation } from './millrace-instrumentation.ts'
import { hasInstrumentation, setAutomatic } from './telemetry-owners.ts'

const names = (variable: string): readonly string[] | null => {
  const list = process.env[variable]
  return list === undefined || list === '' ? null : list.split(',').map((name) => name.trim())
}

const isSelected = (): boolean =>
  names('OTEL_NODE_ENABLED_INSTRUMENTATIONS')?.includes('millrace') !== false &&
  names('OTEL_NODE_DISABLED_INSTRUMENTATIONS')?.includes('millrace') !== true

if (!hasInstrumentation() && isSelected()) setAutomatic(new MillraceInstrumentation())
