// The JavaScript runtimes that the packages must work on, each from the npm package that carries
// its program for this platform; the packages' own install scripts only look for these. Kept in the
// cache. What is pinned here is what docs/support.md says is tested.

import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached } from '../kafka/fixture/cache.ts'
import { npm, quietly } from './tools.ts'

export interface Runtime {
  readonly name: string
  readonly kind: 'node' | 'bun' | 'deno'
  readonly version: string
}

/** The oldest Node of each line that the packages take, the newest of each, and the others. */
export const runtimes: readonly Runtime[] = [
  { name: 'Node 20.19', kind: 'node', version: '20.19.0' },
  { name: 'Node 22.12', kind: 'node', version: '22.12.0' },
  { name: 'Node 22', kind: 'node', version: '22.23.3' },
  { name: 'Node 24', kind: 'node', version: '24.21.0' },
  { name: 'Node 26', kind: 'node', version: '26.10.0' },
  { name: 'Bun', kind: 'bun', version: '1.4.5' },
  { name: 'Deno', kind: 'deno', version: '2.9.6' },
]

const windows = process.platform === 'win32'
const exe = windows ? '.exe' : ''
const glibc = process.platform === 'linux' ? '-glibc' : ''
const bunArch = process.arch === 'arm64' ? 'aarch64' : process.arch
const bunPlatform = process.platform === 'win32' ? 'windows' : process.platform

/** The package of this platform, and the program in it. */
const places = {
  node: [`node-${windows ? 'win' : process.platform}-${process.arch}`, `bin/node${exe}`],
  bun: [`@oven/bun-${bunPlatform}-${bunArch}`, `bin/bun${exe}`],
  deno: [`@deno/${process.platform}-${process.arch}${glibc}`, `deno${exe}`],
} as const

/** The path of a runtime's program; fetches it where it is not there yet (30 to 130 MB). */
export const runtimePath = async ({ kind, version }: Runtime): Promise<string> => {
  const [name, program] = places[kind]
  const folder = await cached(`runtime-${kind}-${version}`, async (path) => {
    await mkdir(path, { recursive: true })
    await writeFile(join(path, 'package.json'), '{ "private": true }\n')
    await npm(['install', ...quietly, `${name}@${version}`], { cwd: path })
    if (!windows) await chmod(join(path, 'node_modules', name, program), 0o755)
  })
  return join(folder, 'node_modules', name, program)
}

/** The command that runs a file on a runtime. */
export const commandFor = (
  { kind }: Runtime,
  program: string,
  file: string,
): readonly [string, ...string[]] => {
  if (kind === 'deno') return [program, 'run', '--allow-all', '--no-prompt', '--quiet', file]
  return kind === 'bun' ? [program, 'run', file] : [program, file]
}
