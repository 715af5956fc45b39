// Loads a package at the moment it is needed, in the call. For native packages: `import` would fail
// our own loading where the platform has no binding, and would make every user wait for codecs that
// few use. Bundlers do not look through this, on purpose: a native package can't go into a bundle,
// so it is looked up at run time, beside the bundle. Node's own `createRequire` loads it, also in a
// test runner that has a `require` of its own: that one would load a native package once per file,
// and cannot load ES modules.

import { isAbsolute, join } from 'node:path'

const { createRequire } = process.getBuiltinModule('node:module')

/** Undefined in a bundle in CommonJS form; the place of the build in one that webpack made. */
const moduleUrl: string | undefined = import.meta.url

/** Where packages are looked for, in this order: a bundle lies beside what was started, mostly. */
const places = (): readonly string[] =>
  [moduleUrl, process.argv[1], join(process.cwd(), 'bundle.js')].filter(
    (place) => place !== undefined && (place.startsWith('file:') || isAbsolute(place)),
  ) as string[]

const isMissing = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException | null)?.code === 'MODULE_NOT_FOUND'

/** The package's exports; throws what Node throws when it is missing or does not load. */
export const requireLibrary = (name: string): unknown => {
  let missing: unknown
  for (const place of places()) {
    try {
      return createRequire(place)(name)
    } catch (error) {
      if (!isMissing(error)) throw error
      missing ??= error
    }
  }
  throw missing
}

/**
 * What `load` imports, an ES module that bundlers may take in. The CommonJS build requires it,
 * which a test runner's own `require` may reject to do: then Node's does.
 */
export const importLibrary = async <Exports>(
  name: string,
  load: () => Promise<Exports>,
): Promise<Exports> => {
  try {
    return await load()
  } catch (error) {
    try {
      return requireLibrary(name) as Exports
    } catch {
      throw error
    }
  }
}
