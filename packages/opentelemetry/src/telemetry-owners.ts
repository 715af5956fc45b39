// Which producers have telemetry, so that none has it twice: by the option `interceptors`, and by
// an instrumentation. Kept for the whole process, since the ES module build and the CommonJS build
// of this package can both be loaded.

interface Owners {
  /** Producers whose records have spans. */
  readonly producers: WeakSet<object>
  /** One was created in this process; it may be disabled. */
  hasInstrumentation: boolean
  /** The one that was created without the application's doing; null = none. */
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

/** False: another part of this package has it. */
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

/** An instrumentation is created: it replaces the automatic one. */
export const noteInstrumentation = (): void => {
  const all = owners()
  all.hasInstrumentation = true
  all.automatic?.disable()
  all.automatic = null
}

export const setAutomatic = (instrumentation: Instrumentation): void => {
  owners().automatic = instrumentation
}
