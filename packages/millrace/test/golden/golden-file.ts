// Where the committed golden files are, for tests that run from source and for compiled ones: they
// lie in test/golden beside the package's own package.json, and are not copied to dist.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The path of `test/golden/<name>`. */
export const goldenFile = (name: string): string => {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error('no package.json above this file')
    folder = parent
  }
  return join(folder, 'test', 'golden', name)
}
