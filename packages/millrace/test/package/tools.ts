// The tools that look at our packages from outside (tools/package.json) and make their types, those
// that load them in the projects of users (projects/tools/package.json), and other clients
// (../kafka/consumers/package.json). They are larger than all that the other test suites need, so
// they are fetched at first use and kept in the cache; a package-lock.json beside each package.json
// pins every version. No install script runs.

import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { cached } from '../kafka/fixture/cache.ts'
import { type CommandOptions, type CommandResult, runChecked } from '../kafka/fixture/commands.ts'

const listed = ['package.json', 'package-lock.json']

/** The folders that list tools, with the name of each in the cache. */
const toolSets = {
  tools: 'package-tools',
  'projects/tools': 'project-tools',
  '../kafka/consumers': 'consumers',
  '../kafka/authorities': 'authorities',
} as const

export type ToolSet = keyof typeof toolSets

const source = (set: ToolSet, name: string): URL => new URL(`${set}/${name}`, import.meta.url)

/** npm by the file that this process was started by, or the command of that name. */
export const npm = (args: readonly string[], options?: CommandOptions): Promise<CommandResult> => {
  const path = process.env.npm_execpath
  return path?.endsWith('npm-cli.js')
    ? runChecked(process.execPath, [path, ...args], options)
    : runChecked('npm', args, options)
}

/** Arguments of every npm call: no scripts run, no audit, no funding notice, errors only. */
export const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']

/** The folder whose `node_modules` has the tools. */
export const toolsFolder = async (set: ToolSet = 'tools'): Promise<string> => {
  const lock = await readFile(source(set, 'package-lock.json'))
  const digest = createHash('sha256').update(lock).digest('hex').slice(0, 12)
  return cached(`${toolSets[set]}-${digest}`, async (folder) => {
    await mkdir(folder, { recursive: true })
    for (const name of listed) await copyFile(source(set, name), join(folder, name))
    // Without the argument, a fetch during `npm pack --dry-run` would install nothing.
    await npm(['ci', '--no-dry-run', ...quietly], { cwd: folder })
  })
}

/** A file of a tool, as `esbuild/bin/esbuild`. */
export const toolPath = async (path: string): Promise<string> =>
  join(await toolsFolder(), 'node_modules', path)

/** The exports of a tool; the path is that of its module. */
export const importTool = async <Module>(path: string, set: ToolSet = 'tools'): Promise<Module> => {
  const file = join(await toolsFolder(set), 'node_modules', path)
  return (await import(pathToFileURL(file).href)) as Module
}
