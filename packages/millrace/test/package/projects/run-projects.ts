// Runs projects one after the other, each in the folder of its installation: the shared tools, or
// packages of its own by npm. Called by projects.test.ts and scripts/projects.mjs.

import { mkdir, readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { emptyFolder, installInto, packAll, removeFolder, type Tarball } from '../tarballs.ts'
import { toolsFolder } from '../tools.ts'
import { adapterProjects } from './adapters.ts'
import { bundlerProjects } from './bundlers.ts'
import { compilerProjects } from './compilers.ts'
import { firstStepProjects } from './first-steps.ts'
import { frameworkProjects } from './frameworks.ts'
import { installationProjects } from './package-managers.ts'
import { type Project, runProject } from './project.ts'
import { testRunnerProjects } from './test-runners.ts'
import { tracingProjects } from './tracing.ts'

/** Every project, in the order in which they run. */
export const projects: readonly Project[] = [
  ...firstStepProjects,
  ...compilerProjects,
  ...testRunnerProjects,
  ...adapterProjects,
  ...tracingProjects,
  ...bundlerProjects,
  ...frameworkProjects,
  ...installationProjects,
]

/** The rows of the table in docs/support.md. */
export const supportRows = (): readonly string[] =>
  projects.map(
    ({ name, tested, quick }) =>
      `| ${name} | ${tested} | ${quick ? '`npm test`, ' : ''}\`npm run projects\` |`,
  )

/** Links each package of one `node_modules` into another, so that projects find it. */
const linkPackages = async (from: string, to: string): Promise<void> => {
  await mkdir(to, { recursive: true })
  for (const name of await readdir(from)) {
    if (name === '.package-lock.json') continue
    if (!name.startsWith('@')) await symlink(join(from, name), join(to, name))
    else await linkPackages(join(from, name), join(to, name))
  }
}

/** The packed packages, and a folder for each installation that projects share. */
export class ProjectFolders {
  /** Holds all of them. */
  readonly root: string
  readonly tarballs: ReadonlyMap<string, Tarball>
  readonly #installed = new Map<string, Promise<string>>()

  private constructor(root: string, tarballs: ReadonlyMap<string, Tarball>) {
    this.root = root
    this.tarballs = tarballs
  }

  static async create(): Promise<ProjectFolders> {
    const root = await emptyFolder('projects')
    return new ProjectFolders(root, await packAll(join(root, 'tarballs')))
  }

  /** Runs a project; throws what failed. */
  async run(project: Project): Promise<void> {
    await runProject(project, await this.#folderFor(project), this.tarballs)
  }

  remove(): Promise<void> {
    return removeFolder(this.root)
  }

  #folderFor({ install, packages = [] }: Project): Promise<string> {
    const key = JSON.stringify([install, packages])
    const known = this.#installed.get(key)
    if (known !== undefined) return known
    const folder = join(this.root, `installed-${this.#installed.size + 1}`)
    const ours = ['millrace', ...packages].map((name) => this.tarballs.get(name)!)
    const made =
      install === 'shared' ? this.#shared(folder, ours) : this.#own(folder, ours, install)
    this.#installed.set(key, made)
    return made
  }

  async #own(folder: string, ours: readonly Tarball[], others: readonly string[]): Promise<string> {
    await installInto(folder, ours, others)
    return folder
  }

  /** The tools are below, our packages above: a project finds both. */
  async #shared(folder: string, ours: readonly Tarball[]): Promise<string> {
    await installInto(folder, ours)
    const below = join(folder, 'projects')
    const tools = join(await toolsFolder('projects/tools'), 'node_modules')
    await linkPackages(tools, join(below, 'node_modules'))
    return below
  }
}
