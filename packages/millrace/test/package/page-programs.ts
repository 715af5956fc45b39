// The TypeScript of our pages, as files of a user's project. The docs suite runs every block with
// its types taken away; here they are read.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { blocksOf, type DocBlock, isQuoted } from '../docs/doc-blocks.ts'
import { findRoot } from '../tidy/repository.ts'

const imported = /\b(?:from|import) '((?:@[\w-]+\/)?[\w-]+)(?:\/[^']*)?'/g

/** Names of the packages that a program imports. */
const packagesOf = ({ code }: DocBlock): string[] =>
  [...code.replaceAll(/'node:[^']*'/g, '').matchAll(imported)].map(([, name]) => name!)

/** By the names of their files, which say page and line; skips those that import others. */
export const pagePrograms = async (
  installed: readonly string[],
): Promise<Readonly<Record<string, string>>> => {
  const root = findRoot()
  const names = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md'))
  const programs: Record<string, string> = {}
  for (const page of ['README.md', ...names.map((name) => `docs/${name}`)]) {
    for (const block of blocksOf(page, await readFile(join(root, page), 'utf8'))) {
      if (block.language !== 'ts' || isQuoted(block)) continue
      if (!packagesOf(block).every((name) => installed.includes(name))) continue
      const file = `${block.place.replaceAll(/\W+/g, '-')}.mts`
      programs[file] = `export {}\n${block.code}`
    }
  }
  return programs
}
