// Our packages as npm would publish them, and empty folders that have them installed: what the
// tests of this suite and scripts/runtimes.mjs look at. Nothing here leads back to the sources.

import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findRoot } from '../tidy/repository.ts'
import { npm, quietly } from './tools.ts'

export interface PackedFile {
  readonly path: string
  readonly size: number
}

export interface Tarball {
  readonly name: string
  readonly path: string
  /** Bytes to download. */
  readonly size: number
  /** Bytes on the disk. */
  readonly unpackedSize: number
  readonly files: readonly PackedFile[]
}

interface PackReport {
  readonly name: string
  readonly filename: string
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly PackedFile[]
}

/** npm's output comes after what the scripts of the packages have printed. */
const readReport = (output: string): PackReport[] => {
  const start = /^[[{]$/m.exec(output)?.index ?? 0
  const report = JSON.parse(output.slice(start)) as PackReport[] | Record<string, PackReport>
  return Object.values(report)
}

/** A folder outside the repository, by its real path. */
export const emptyFolder = async (purpose: string): Promise<string> =>
  realpath(await mkdtemp(join(tmpdir(), `millrace-${purpose}-`)))

/** Packs every package, or those named, into a folder; by the packages' names. */
export const packAll = async (
  folder: string,
  names: readonly string[] = [],
): Promise<ReadonlyMap<string, Tarball>> => {
  await mkdir(folder, { recursive: true })
  const which = names.length === 0 ? ['--workspaces'] : names.map((name) => `--workspace=${name}`)
  const args = ['pack', ...which, `--pack-destination=${folder}`, '--json', '--loglevel=error']
  const { stdout } = await npm(args, { cwd: findRoot() })
  return new Map(
    readReport(stdout.toString()).map((one) => [
      one.name,
      { ...one, path: join(folder, basename(one.filename)) },
    ]),
  )
}

/** A folder in which the tarballs are installed, and what else is named as `name@version`. */
export const installInto = async (
  folder: string,
  tarballs: readonly Tarball[],
  others: readonly string[] = [],
): Promise<void> => {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  const paths = tarballs.map(({ path }) => path)
  await npm(['install', ...quietly, ...paths, ...others], { cwd: folder })
}

const programs = fileURLToPath(new URL('programs', import.meta.url))

/** Puts the programs of programs/ into a folder. */
export const copyPrograms = (folder: string): Promise<void> =>
  cp(programs, folder, { recursive: true })

export const removeFolder = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 5 })
