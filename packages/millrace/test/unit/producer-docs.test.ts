// The pages about options and errors say what the tables in the code say.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { optionTable } from '../../src/producer/option-table.ts'
import { brokerErrors } from '../../src/protocol/errors.ts'
import { errorCodes } from '../../src/protocol/kafka-error.ts'

/** The repository's root, from the sources as from what was compiled. */
const rootFrom = (folder: string): string =>
  existsSync(join(folder, 'scripts/docs.mjs')) ? folder : rootFrom(dirname(folder))
const root = rootFrom(dirname(fileURLToPath(import.meta.url)))

const pages = (await import(pathToFileURL(join(root, 'scripts/docs.mjs')).href)) as {
  optionsPage(table: object, source: string): string
  errorsPage(codes: object, errors: ReadonlyMap<number, object>): string
}

const again = 'it is out of date: npm run build, then node scripts/docs.mjs'

it('docs/options.md is what the option table and the docstrings of the options say', () => {
  const page = readFileSync(join(root, 'docs/options.md'), 'utf8')
  const source = join(root, 'packages/millrace/src/producer/producer-options.ts')
  assert.ok(page === pages.optionsPage(optionTable, readFileSync(source, 'utf8')), again)
  for (const name of Object.keys(optionTable)) {
    assert.match(page, new RegExp(`^\\| \`${name}\` \\|.*\\| [^|]{20,} \\|$`, 'm'), name)
  }
})

it('docs/errors.md is what the error tables say', () => {
  const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  assert.ok(page === pages.errorsPage(errorCodes, brokerErrors), again)
  for (const code of Object.keys(errorCodes)) assert.ok(page.includes(`| \`${code}\` |`), code)
  for (const { number, name, text } of brokerErrors.values()) {
    if (number !== 0) assert.ok(page.includes(`| ${number} | \`${name}\` | ${text} |`), name)
  }
})
