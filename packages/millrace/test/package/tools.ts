// The tools that look at our packages from outside (tools/package.json), and what makes their
// types. They are larger than all that the other rings need, so they are fetched when the first
// wants them and kept in the cache; tools/package-lock.json pins each of them. No install script
// runs.

import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { cached } from '../kafka/fixture/cache.ts'
import { type CommandOptions, type CommandResult, runChecked } from '../kafka/fixture/commands.ts'

const listed = ['package.json', 'package-lock.json']

const source = (name: string): URL => new URL(`tools/${name}`, import.meta.url)

/** npm by the file that this process was started by, or the command of that name. */
export const npm = (args: readonly string[], options?: CommandOptions): Promise<CommandResult> => {
  const path = process.env.npm_execpath
  return path?.endsWith('npm-cli.js')
    ? runChecked(process.execPath, [path, ...args], options)
    : runChecked('npm', args, options)
}

/** What every call of npm is to have: nothing runs, nothing is asked, nothing is told. */
export const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']

/** The folder whose `node_modules` has the tools. */
export const toolsFolder = async (): Promise<string> => {
  const lock = await readFile(source('package-lock.json'))
  const digest = createHash('sha256').update(lock).digest('hex').slice(0, 12)
  return cached(`package-tools-${digest}`, async (folder) => {
    await mkdir(folder, { recursive: true })
    for (const name of listed) await copyFile(source(name), join(folder, name))
    await npm(['ci', ...quietly], { cwd: folder })
  })
}

/** A file of a tool, as `esbuild/bin/esbuild`. */
export const toolPath = async (path: string): Promise<string> =>
  join(await toolsFolder(), 'node_modules', path)

/** The exports of a tool; the path is that of its module. */
export const importTool = async <Module>(path: string): Promise<Module> =>
  (await import(pathToFileURL(await toolPath(path)).href)) as Module
