// The repository as the tidy rules see it: every file that is, or would be, committed. The rules
// themselves take such a list, so that small samples can stand in for it.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface RepositoryFile {
  /** With `/`, from the repository's root. */
  readonly path: string
  readonly text: string
}

/** What a rule found; `line` counts from 1, and 0 stands for the file as a whole. */
export interface Violation {
  readonly path: string
  readonly line: number
  readonly message: string
}

/**
 * The folder of the workspace's package.json, seen from the source or the compiled form of this
 * file.
 */
export const findRoot = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (dirname(folder) !== folder) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest) && readFileSync(manifest, 'utf8').includes('"millrace-workspace"')) {
      return folder
    }
    folder = dirname(folder)
  }
  throw new Error('The workspace of millrace is not above this file.')
}

const isBinary = (bytes: Buffer): boolean => bytes.subarray(0, 8_000).includes(0)

/** What git never tracks here; for a copy of the repository that git does not know. */
const untracked = /(^|\/)(node_modules|dist|\.git|\.cache)(\/|$)|^bench\/results\//

const listPaths = (root: string): string[] => {
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z']
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 } as const
  try {
    return execFileSync('git', list, { ...options, stdio: 'pipe' }).split('\0')
  } catch {
    const names = readdirSync(root, { recursive: true, encoding: 'utf8' })
    return names.map((name) => name.replaceAll('\\', '/')).filter((name) => !untracked.test(name))
  }
}

/** All text files that git tracks or would track. */
export const readRepository = (root: string): RepositoryFile[] => {
  const files: RepositoryFile[] = []
  for (const path of [...new Set(listPaths(root))].sort()) {
    const absolute = join(root, path)
    if (path === '' || !existsSync(absolute) || !statSync(absolute).isFile()) continue
    const bytes = readFileSync(absolute)
    if (!isBinary(bytes)) files.push({ path, text: bytes.toString('utf8') })
  }
  return files
}

export const describeViolation = ({ path, line, message }: Violation): string =>
  `${path}${line > 0 ? `:${line}` : ''}: ${message}`
