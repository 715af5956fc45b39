// Records which producers have telemetry, so that the option `interceptors` and an instrumentation
// never trace a producer twice. The state is global in the process, because the ES module and the
// CommonJS build of this package can both be loaded. Callers: open-telemetry.ts,
// millrace-instrumentation.ts, and register.ts.

interface Owners {
  /** The producers that have telemetry. */
  readonly producers: WeakSet<object>
  /** Whether an instrumentation was created in this process; it may be disabled. */
  hasInstrumentation: boolean
  /** The instrumentation that register.ts created without the application; null = none. */
  automatic: Instrumentation | null
}

interface Instrumentation {
  disable(): void
}

const key = Symbol.for('@millrace/opentelemetry')

const owners = (): Owners => {
  const holder = globalThis as { [key]?: Owners }
  holder[key] ??= { producers: new WeakSet(), hasInstrumentation: false, automatic: null }
  return holder[key]
}

/** Returns false if another part of this package already has the producer. */
export const claimProducer = (producer: object): boolean => {
  const { producers } = owners()
  if (producers.has(producer)) return false
  producers.add(producer)
  return true
}

export const releaseProducer = (producer: object): void => {
  owners().producers.delete(producer)
}

export const hasInstrumentation = (): boolean => owners().hasInstrumentation

/** Called when an application creates an instrumentation; it replaces the automatic one. */
export const replaceAutomatic = (): void => {
  const all = owners()
  all.hasInstrumentation = true
  all.automatic?.disable()
  all.automatic = null
}

export const setAutomatic = (instrumentation: Instrumentation): void => {
  owners().automatic = instrumentation
}
