// What the scripts share: where the repository is, how a command is run, which files there are.
// Only what Node ships is imported here, for this runs before anything is installed.

import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Says what a script is doing, apart from what the tools it calls say. */
export const say = (message) => console.log(`[millrace] ${message}`)

/** A failure whose message is all that a person needs: it is printed without a stack. */
export class ScriptError extends Error {}

/** Prints the failure and sets the exit code; for the end of a script's main function. */
export const fail = (error) => {
  const isPlain = error instanceof ScriptError || error?.code?.startsWith?.('ERR_PARSE_ARGS')
  console.error(`[millrace] ${isPlain ? error.message : (error?.stack ?? error)}`)
  process.exitCode = 1
}

/** Runs a command from the repository's root with our own output; resolves with its exit code. */
export const run = (command, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options })
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? (signal ? 1 : 0)))
  })

/** Runs a script of an installed package with this Node. */
export const runNode = (script, args, options) =>
  run(process.execPath, [join(root, script), ...args], options)

/** The folders under packages/ that are built. */
export const packages = () =>
  readdirSync(join(root, 'packages'))
    .filter((name) => existsSync(join(root, 'packages', name, 'tsconfig.json')))
    .sort()
    .map((name) => `packages/${name}`)

/**
 * Every file under a folder, as paths with `/` from the repository's root; none where it is
 * missing.
 */
export const filesUnder = (folder) => {
  const absolute = join(root, folder)
  if (!existsSync(absolute)) return []
  const found = []
  for (const entry of readdirSync(absolute, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'dist') continue
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) found.push(...filesUnder(path))
    else if (entry.isFile()) found.push(path)
  }
  return found.sort()
}

/** The contents of a JSON file; null where it is missing or damaged. */
export const readJson = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null
  }
}
