// What a project is: a few files of a user's, the tools beside them, and the commands that run them
// against a cluster that counts what arrives. The lists of projects are in the files beside this
// one; projects.test.ts runs the quick ones, scripts/projects.mjs all of them.

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { startCluster } from '../../../src/testing.ts'
import { runCommand } from '../../kafka/fixture/commands.ts'
import type { Tarball } from '../tarballs.ts'

/** Where a project runs. */
export interface Surroundings {
  /** The project's folder; its files are there. */
  readonly folder: string
  /** Every package of the repository, packed, by name. */
  readonly tarballs: ReadonlyMap<string, Tarball>
  /** Runs a command in the folder; throws with what it printed where it fails. */
  readonly run: (command: readonly string[], environment?: Environment) => Promise<string>
}

export type Environment = Readonly<Record<string, string>>

/** A program as its `argv`; the first word is `node`, a tool in `node_modules/.bin`, or a path. */
export type Command = readonly string[]

export interface Project {
  readonly name: string
  /** What docs/support.md says was run. */
  readonly tested: string
  /** Whether `npm test` runs it. */
  readonly quick: boolean
  /**
   * The shared tools (tools/package.json) and `millrace`, or a folder of its own with these
   * packages, by npm. Without it `prepare` installs them.
   */
  readonly install: 'shared' | readonly string[]
  /** Packages of this repository that it installs beside `millrace`. */
  readonly packages?: readonly string[]
  readonly files: Readonly<Record<string, string>>
  readonly prepare?: (surroundings: Surroundings) => Promise<void>
  readonly commands: readonly Command[]
  readonly environment?: Environment
  /** What no command may print, as a bundler's warning. */
  readonly forbidden?: RegExp
  /** How many records the cluster has at the end. */
  readonly records: number
}

const commandTimeoutMs = 300_000

/** What a failed command printed, without the middle of a long text. */
const shortened = (text: string): string =>
  text.length <= 4_000 ? text : `${text.slice(0, 1_000)}\n…\n${text.slice(-3_000)}`

const runIn =
  (folder: string, binFolders: readonly string[], common: Environment): Surroundings['run'] =>
  async ([name, ...args], environment = {}) => {
    const path = [...binFolders, dirname(process.execPath), process.env.PATH].join(':')
    const { code, stdout, stderr } = await runCommand(name!, args, {
      cwd: folder,
      timeoutMs: commandTimeoutMs,
      environment: { ...common, ...environment, PATH: path },
    })
    const printed = `${stdout.toString()}${stderr}`
    if (code === 0) return printed
    throw new Error(`${name} ${args.join(' ')} ended with code ${code}:\n${shortened(printed)}`)
  }

export const writeFiles = async (
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<void> => {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text.trimStart())
  }
}

/** The project's folder below that of its installation. */
export const projectFolder = (folder: string, { name }: Project): string =>
  join(folder, name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'))

/** Runs a project in a folder below one in which its packages are installed; throws what failed. */
export const runProject = async (
  project: Project,
  folder: string,
  tarballs: ReadonlyMap<string, Tarball>,
): Promise<void> => {
  const place = projectFolder(folder, project)
  await using cluster = await startCluster({ topics: { orders: 1 } })
  const environment = {
    MILLRACE_BROKERS: cluster.brokers.join(','),
    CI: '1',
    NODE_OPTIONS: '',
    NO_COLOR: '1',
    ...project.environment,
  }
  await mkdir(place, { recursive: true })
  await writeFiles(place, project.files)
  const bins = [place, folder].map((one) => join(one, 'node_modules/.bin'))
  const run = runIn(place, bins, environment)
  await project.prepare?.({ folder: place, tarballs, run })
  for (const command of project.commands) {
    const printed = await run(command)
    if (project.forbidden?.test(printed)) throw new Error(shortened(printed))
  }
  const count = cluster.records('orders').length
  if (count !== project.records) {
    throw new Error(`${count} records arrived; ${project.records} were sent`)
  }
}
