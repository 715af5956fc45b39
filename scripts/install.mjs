// Installs the packages that package-lock.json wants, where they are not there yet. Called by
// prepare.mjs and build.mjs before anything else, so it imports only what Node ships.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readJson, root, run, ScriptError, say } from './workspace.mjs'

const nodeOldest = [20, 19]

const checkNode = () => {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const [oldestMajor, oldestMinor] = nodeOldest
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return
  throw new ScriptError(
    `Node ${nodeOldest.join('.')} or newer is needed, and this is ${process.versions.node}. ` +
      'Install a newer Node and run the same command again.',
  )
}

/**
 * Why packages must be installed; null when what is there is what package-lock.json wants. npm
 * keeps its own record of what it installed, written last of all, so a broken-off install shows
 * too.
 */
const whyInstall = () => {
  const wanted = readJson(join(root, 'package-lock.json'))
  if (wanted === null) throw new ScriptError('package-lock.json is missing or damaged: restore it.')
  const installed = readJson(join(root, 'node_modules/.package-lock.json'))
  if (installed === null) return 'nothing is installed yet'
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (!path.includes('node_modules/')) continue
    const present = installed.packages[path]
    // A package for another platform is in the lock file and not on the disk.
    if (present === undefined && (entry.optional || entry.devOptional || entry.peer)) continue
    const same = present?.version === entry.version && present?.integrity === entry.integrity
    if (!same) return `package-lock.json is newer (${path.replace(/^.*node_modules\//, '')})`
    if (!entry.link && !existsSync(join(root, path))) return `${path} is missing`
  }
  return null
}

const install = async (reason) => {
  say(`Installing packages with npm ci, because ${reason} …`)
  const npm = process.env.npm_execpath
  const quickFailure = ['--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000']
  const args = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', ...quickFailure]
  // npm ci is called as the npm that called us; its settings for this run stay out of the install.
  const code = npm?.endsWith('.js')
    ? await run(process.execPath, [npm, ...args])
    : await run('npm', args, { shell: process.platform === 'win32' })
  if (code === 0) return
  throw new ScriptError(
    'npm ci failed; its message is above. It needs the npm registry once: check that this ' +
      'machine reaches it, then run the same command again.',
  )
}

/** Installs where needed. */
export const ensureInstalled = async () => {
  checkNode()
  const reason = whyInstall()
  if (reason !== null) await install(reason)
}
