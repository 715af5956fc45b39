// Loads a package at the moment it is needed, in the call. For native packages only: `import` would
// fail our own loading where the platform has no binding, and would make every user wait for codecs
// that few use. Bundlers do not look through this, on purpose: a native package can't go into a
// bundle, so it is looked up at run time, beside the bundle.

import { createRequire } from 'node:module'
import { join } from 'node:path'

let requireFrom: NodeJS.Require | undefined

/** The package's exports; throws what Node throws when it is missing or does not load. */
export const requireLibrary = (name: string): unknown => {
  // A bundle in CommonJS form has no import.meta.url; it most likely lies beside what was started.
  requireFrom ??= createRequire(
    import.meta.url ?? process.argv[1] ?? join(process.cwd(), 'bundle.js'),
  )
  return requireFrom(name)
}
