// Runs compiled test files with Node's own runner and counts what they did. Called by check.mjs and
// test.mjs; test-reporter.mjs prints.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readJson, root, run } from './workspace.mjs'

/**
 * `problems` are sentences about what failed or could not run; `notRun` about what did not run;
 * `failedFiles` are the counts of each test file in which a test failed; `unstable` the names of
 * those that failed and then passed.
 */
export const emptyCounts = () => ({
  passed: 0,
  failed: 0,
  skipped: 0,
  problems: [],
  notRun: [],
  failedFiles: [],
  unstable: [],
})

/** `3 passed, 0 failed` with `, 1 skipped` where there were any. */
export const summaryLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`

/** Where the compiled form of a test is. */
export const compiledPath = (source) =>
  source.replace(/^(packages\/[^/]+)\//, '$1/dist/').replace(/\.ts$/, '.js')

const script = (name) => pathToFileURL(join(root, 'scripts', name)).href

/**
 * Runs the test files (named by their sources) and adds to `counts`. A file that is still alive
 * after `fileTimeoutMs` is ended by test-guard.mjs and counts as failed.
 */
export const runTests = async (sources, { concurrency, fileTimeoutMs, counts, namePattern }) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
  const countsPath = join(folder, 'counts.json')
  const args = [
    '--enable-source-maps',
    `--import=${script('test-guard.mjs')}`,
    '--test',
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${fileTimeoutMs}`,
    `--test-reporter=${script('test-reporter.mjs')}`,
    '--test-reporter-destination=stdout',
    ...(namePattern === undefined ? [] : [`--test-name-pattern=${namePattern}`]),
    ...sources.map(compiledPath),
  ]
  const environment = { ...process.env }
  delete environment.NODE_TEST_CONTEXT
  environment.MILLRACE_TEST_COUNTS = countsPath
  environment.MILLRACE_TEST_FILE_TIMEOUT_MS = String(fileTimeoutMs)
  const code = await run(process.execPath, args, { env: environment })
  const result = readJson(countsPath)
  rmSync(folder, { recursive: true, force: true })
  if (result === null) {
    counts.failed += 1
    counts.problems.push('the test runner ended before it had counted its tests')
    return counts
  }
  counts.passed += result.passed
  counts.failed += result.failed
  counts.skipped += result.skipped
  counts.problems.push(...result.problems)
  counts.notRun.push(...result.notRun)
  counts.failedFiles.push(...result.failedFiles)
  if (code !== 0 && result.failed === 0) {
    counts.failed += 1
    counts.problems.push(`the test runner ended with exit code ${code} though no test failed`)
  }
  return counts
}

/**
 * Runs the failed files of a finished run once more. Where all tests of a file pass then, these
 * counts take the place of the first ones, and its name is added to `counts.unstable`.
 */
export const runAgain = async (failedFiles, settings) => {
  const { counts } = settings
  for (const first of failedFiles) {
    const again = emptyCounts()
    await runTests([first.name], { ...settings, counts: again })
    if (again.failed > 0 || again.passed === 0) continue
    counts.passed += again.passed - first.passed
    counts.failed -= first.failed
    counts.skipped += again.skipped - first.skipped
    counts.problems = counts.problems.filter((problem) => !problem.startsWith(`${first.name}: `))
    counts.unstable.push(first.name)
  }
}
