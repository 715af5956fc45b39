// Where measurements are kept: bench/results, which git ignores.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const repository = fileURLToPath(new URL('../..', import.meta.url))
export const resultsFolder = join(repository, 'bench', 'results')

/** Writes `bench/results/NAME` and returns its path from the repository's root. */
export const saveResult = (name, content) => {
  mkdirSync(resultsFolder, { recursive: true })
  const path = join(resultsFolder, name)
  writeFileSync(
    path,
    typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`,
  )
  return relative(repository, path)
}

/** `2026-01-31-235959`, for names of files. */
export const stamp = (date = new Date()) =>
  date.toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '')
