// Owns the loading of @millrace/opentelemetry. If an OpenTelemetry SDK runs in the process and the
// application has installed that package, records have spans without an option. Caller:
// interceptors.ts, when a producer is created. Invariant: the package is searched once.

import { requireLibrary } from '../protocol/compression/library.ts'
import type { Logger } from '../runtime/logger.ts'

/** The global field in which all copies of OpenTelemetry's API store the registration of an SDK. */
const apiKey = Symbol.for('opentelemetry.js.api.1')
const absentCodes: readonly unknown[] = ['MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED']

let hasTried = false

export const loadInstrumentation = (logger: Logger): void => {
  const api = (globalThis as { [apiKey]?: { trace?: unknown } })[apiKey]
  if (hasTried || api?.trace === undefined) return
  hasTried = true
  try {
    requireLibrary('@millrace/opentelemetry/register')
  } catch (error) {
    if (absentCodes.includes((error as NodeJS.ErrnoException | null)?.code)) return
    logger.warn(`millrace: @millrace/opentelemetry could not be loaded: ${error}`)
  }
}
