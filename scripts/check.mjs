// One command that says whether the sources are in order: format and lint (nothing is written),
// types, and the tidy test, which checks the repository rules. All three run, even when an earlier
// one has failed.

import { fileURLToPath } from 'node:url'
import { build } from './build.mjs'
import { ensureInstalled } from './install.mjs'
import { emptyCounts, runTests, summaryLine } from './run-tests.mjs'
import { fail, runNode, say } from './workspace.mjs'

const tidyTest = 'packages/millrace/test/tidy.test.ts'

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
  return runTests([tidyTest], { concurrency: 1, fileTimeoutMs: 120_000, counts })
}

const main = async () => {
  const counts = await check()
  for (const problem of counts.problems) console.log(`  FAILED  ${problem}`)
  console.log(summaryLine(counts))
  process.exitCode = counts.failed > 0 ? 1 : 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main().catch(fail)
