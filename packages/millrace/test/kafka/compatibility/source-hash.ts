// The short hash of source files: part of the name of what is compiled or installed from them.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

export const sourceHash = async (paths: readonly string[]): Promise<string> => {
  const hash = createHash('sha256')
  for (const path of paths) hash.update(await readFile(path))
  return hash.digest('hex').slice(0, 12)
}
