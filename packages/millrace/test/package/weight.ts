// How heavy the library is for who depends on it: how long `import 'millrace'` takes in a fresh
// process, and how many bytes an install puts on the disk.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { runChecked } from '../kafka/fixture/commands.ts'

/**
 * Processes that do nothing, load those of Node's own modules that any client with sockets, TLS and
 * compression needs, or load the library.
 */
const programs = {
  bare: '0',
  builtIns: ['net', 'tls', 'zlib', 'crypto', 'stream', 'dns/promises']
    .map((name) => `await import('node:${name}')`)
    .join(';'),
  millrace: "await import('millrace')",
}

type ProgramName = keyof typeof programs

/** Milliseconds since the process was born, by the clock and of the processor. */
interface Spent {
  readonly wallMs: number
  readonly cpuMs: number
}

/** Medians. What waits for a processor costs `wallMs`, a slower processor both. */
export type ImportTimes = Readonly<Record<ProgramName, Spent>>

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1]!

const sayWhatWasSpent = `;{
  const { user, system } = process.cpuUsage()
  const spent = { wallMs: performance.now(), cpuMs: (user + system) / 1e3 }
  process.stdout.write(JSON.stringify(spent))
}`

const timeOnce = async (folder: string, program: string): Promise<Spent> => {
  const args = ['--input-type=module', '--eval', program + sayWhatWasSpent]
  const { stdout } = await runChecked(process.execPath, args, { cwd: folder })
  return JSON.parse(stdout.toString()) as Spent
}

/** Rounds are interleaved, so that a busy moment of the machine meets all three alike. */
export const measureImport = async (folder: string, rounds: number): Promise<ImportTimes> => {
  const found: Record<ProgramName, Spent[]> = { bare: [], builtIns: [], millrace: [] }
  const names = Object.keys(programs) as ProgramName[]
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) found[name].push(await timeOnce(folder, programs[name]))
  }
  const summed = (name: ProgramName): Spent => ({
    wallMs: median(found[name].map(({ wallMs }) => wallMs)),
    cpuMs: median(found[name].map(({ cpuMs }) => cpuMs)),
  })
  return { bare: summed('bare'), builtIns: summed('builtIns'), millrace: summed('millrace') }
}

export interface InstallSize {
  /** Bytes of everything but what is for one platform only. */
  readonly bytes: number
  /** Bytes of the native packages of this platform, which npm chooses. */
  readonly platformBytes: number
  /** Bytes by package. */
  readonly packages: ReadonlyMap<string, number>
}

const bytesUnder = async (folder: string): Promise<number> => {
  let total = 0
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    total += (await stat(join(entry.parentPath, entry.name))).size
  }
  return total
}

interface LockEntry {
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
}

/** What is installed in a user's folder, by npm's own record of it. */
export const measureInstall = async (
  folder: string,
  installed: Readonly<Record<string, LockEntry>>,
): Promise<InstallSize> => {
  const packages = new Map<string, number>()
  let bytes = 0
  let platformBytes = 0
  for (const [path, { optional, os, cpu }] of Object.entries(installed)) {
    if (!path.includes('node_modules/')) continue
    const size = await bytesUnder(join(folder, path))
    packages.set(path.replace(/^.*node_modules\//, ''), size)
    if (optional === true && (os !== undefined || cpu !== undefined)) platformBytes += size
    else bytes += size
  }
  return { bytes, platformBytes, packages }
}
