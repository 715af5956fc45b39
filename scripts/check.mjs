// One command that says whether the sources are in order: format and lint (nothing is written),
// types, the tidy test, which checks the repository rules, and the quick tests of the docs, which
// name tests and files: a rename fails here and not only in CI. All run, even when an earlier one
// has failed. `npm test` calls `check` and runs the tests of the docs with their suite.

import { fileURLToPath } from 'node:url'
import { build } from './build.mjs'
import { ensureInstalled } from './install.mjs'
import { emptyCounts, runTests, summaryLine } from './run-tests.mjs'
import { fail, runNode, say } from './workspace.mjs'

const tidyTest = 'packages/millrace/test/tidy.test.ts'
const docsTests = ['guarantees', 'links', 'translated-pages'].map(
  (name) => `packages/millrace/test/docs/${name}.test.ts`,
)
const testOptions = { concurrency: 1, fileTimeoutMs: 120_000 }

/**
 * Runs the checks; resolves with the tests' counts, each other check that failed counted as one.
 */
export const check = async () => {
  await ensureInstalled()
  const counts = emptyCounts()
  say('Check: format and lint (biome) …')
  const biome = await runNode('node_modules/@biomejs/biome/bin/biome', ['ci', '--colors=off', '.'])
  if (biome !== 0) {
    counts.failed += 1
    counts.problems.push('biome: format or lint (fix most with: npx biome check --write)')
  }
  say('Check: types (tsc) …')
  try {
    await build()
  } catch (error) {
    fail(error)
    counts.failed += 1
    counts.problems.push('types: the build failed')
    return counts
  }
  say('Check: repository rules (tidy test) …')
  return runTests([tidyTest], { ...testOptions, counts })
}

const main = async () => {
  const counts = await check()
  say('Check: names in the docs …')
  await runTests(docsTests, { ...testOptions, counts })
  for (const problem of counts.problems) console.log(`  FAILED  ${problem}`)
  console.log(summaryLine(counts))
  process.exitCode = counts.failed > 0 ? 1 : 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main().catch(fail)
