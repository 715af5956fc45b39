// Files of this package, whether the test runs from its source or from dist.

import { existsSync } from 'node:fs'

/** The package's folder: the nearest one upwards with a manifest. */
const packageFolder = (): URL => {
  let folder = new URL('.', import.meta.url)
  while (!existsSync(new URL('package.json', folder))) folder = new URL('..', folder)
  return folder
}

export const packageFile = (path: string): URL => new URL(path, packageFolder())
