// Owns the loading of packages when they are first used. Callers: the codecs, the checksum,
// client-credentials.ts, options from properties, instrumentation. An `import` of a native package
// would fail the loading of millrace on platforms without a binding, and every user would load
// codecs that few need. Bundlers cannot include a native package, so it is searched at run time.
// Invariant: Node's own `createRequire` loads it, because a test runner's `require` would load a
// native package once per file, and cannot load ES modules.

import { isAbsolute, join } from 'node:path'

const { createRequire } = process.getBuiltinModule('node:module')

/**
 * Undefined in a CommonJS bundle; in a bundle of webpack, the position of the source file at build
 * time.
 */
const moduleUrl: string | undefined = import.meta.url

/**
 * Where packages are searched, in this order: a bundle is usually in the directory of the started
 * script.
 */
const places = (): readonly string[] =>
  [moduleUrl, process.argv[1], join(process.cwd(), 'bundle.js')].filter(
    (place) => place !== undefined && (place.startsWith('file:') || isAbsolute(place)),
  ) as string[]

const isMissing = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException | null)?.code === 'MODULE_NOT_FOUND'

/** The exports of the package; throws Node's error if it is missing or cannot be loaded. */
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
 * The result of `load`, which imports an ES module that bundlers may include. The CommonJS build
 * requires it. If a test runner's `require` rejects it, Node's own loads it.
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
