// Loads a peer's package from the folder that `npm run bench` installed it into (BENCH_MODULES):
// peers are no dependencies of this repository.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const base = join(process.env.BENCH_MODULES ?? process.cwd(), 'package.json')
const require = createRequire(base)

export const loadPackage = async (name) => {
  try {
    return require(name)
  } catch (error) {
    if (error.code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED' && error.code !== 'ERR_REQUIRE_ESM') {
      throw error
    }
  }
  // Only an import finds it: its entry is named by `exports`, for modules.
  const { exports, main } = require(join(base, '..', 'node_modules', name, 'package.json'))
  const entry = exports?.['.'] ?? exports ?? main
  const pick = (target) =>
    typeof target === 'string' ? target : pick(target.node ?? target.import ?? target.default)
  return import(pathToFileURL(join(base, '..', 'node_modules', name, pick(entry))).href)
}

/** Ends the contestant with a word about why it can't do this load. */
export const unsupported = (note) => {
  process.stdout.write(`${JSON.stringify({ unsupported: true, note })}\n`)
  process.exit(0)
}
