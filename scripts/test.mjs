// Runs the test suites, the fastest first: check (format, types, repository rules), then the
// folders under test/ that need only Node, then browser (a real Chromium), then kafka (a real
// broker). `npm test` runs all of them. A suite that could not run is listed at the end, and fails
// in CI.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { check } from './check.mjs'
import { compiledPath, emptyCounts, runAgain, runTests, summaryLine } from './run-tests.mjs'
import { fail, filesUnder, packages, root, ScriptError, say } from './workspace.mjs'

const usage = `npm test -- [--suite SUITE]… [--name PATTERN] [FILE…]

  --suite SUITE     check, or a folder under test/: unit, golden, types, docs, sim, package,
                  soak, bench, browser, kafka; "fast" is all but these two. Repeat it for
                  several. Without it: everything.
  --name PATTERN  only tests whose name matches
  FILE            a test file, or a part of its path: npm test -- murmur2`

/** Suites that measure time and memory: their files run one by one. */
const suitesAlone = ['package', 'soak', 'bench', 'browser', 'kafka']

/** Suites that need more than Node and are not in "fast"; the runner checks their needs first. */
const suitesOfMachine = ['browser', 'kafka']

/** The order of the suites; those that are not listed come last. */
const suiteOrder = ['check', 'golden', 'types', 'unit', 'docs', 'sim', 'package', 'soak', 'bench']

/**
 * Files of the kafka suite that look for lost and doubled records at random moments: a single
 * failure of one of them counts. The other files start brokers and clients of other people, which
 * sometimes fail by themselves: up to `againMax` of those are run once more, and the summary names
 * those that passed then.
 */
const judgesOfLoss = /\/(chaos|spool|transactions-atomic)[^/]*$/
const againMax = 2

const inCi = !['', 'false', undefined].includes(process.env.CI)

const tests = () =>
  packages()
    .flatMap((folder) => filesUnder(`${folder}/test`))
    .filter((path) => path.endsWith('.test.ts'))

/** The suite that a test file belongs to: its folder under test/. */
const suiteOf = (path) => {
  if (path.endsWith('/tidy.test.ts')) return 'check'
  return /^packages\/[^/]+\/test\/([^/]+)\//.exec(path)?.[1] ?? 'unit'
}

const selectFiles = (wanted) =>
  wanted.flatMap((text) => {
    const part = text
      .replace(/^\.\//, '')
      .replace(/\bdist\//, '')
      .replace(/\.js$/, '.ts')
    const found = tests().filter((path) => path.includes(part))
    if (found.length === 0) throw new ScriptError(`No test file's path contains ${text}.`)
    return found
  })

const knownSuites = () => [
  ...new Set(['check', 'fast', ...suitesOfMachine, ...tests().map(suiteOf)]),
]

const selectSuites = (wanted) => {
  const unknown = wanted.find((suite) => !knownSuites().includes(suite))
  if (unknown !== undefined) {
    throw new ScriptError(`There is no suite ${unknown}; there are ${knownSuites().join(', ')}.`)
  }
  const isWanted = (suite) =>
    wanted.length === 0 ||
    wanted.includes(suite) ||
    (wanted.includes('fast') && !suitesOfMachine.includes(suite))
  return { withCheck: isWanted('check'), files: tests().filter((path) => isWanted(suiteOf(path))) }
}

/**
 * The broker fixture, which also knows what it needs from this machine; null before it is built.
 */
const loadFixture = async () => {
  const path = join(root, compiledPath('packages/millrace/test/kafka/fixture/index.ts'))
  return existsSync(path) ? import(pathToFileURL(path).href) : null
}

/** Downloads Kafka's Java libraries; returns what of the Kafka suite cannot run on this machine. */
const prepareKafka = async () => {
  const fixture = await loadFixture()
  if (fixture === null) return { ready: false, problems: ['the broker fixture is not there'] }
  const missing = [
    (await fixture.javaAvailable()) ? null : 'Java 17 or newer (with javac)',
    (await fixture.mavenAvailable()) ? null : 'Maven',
  ].filter((name) => name !== null)
  if (missing.length > 0) {
    return { ready: false, problems: [`${missing.join(' and ')} not found on this machine`] }
  }
  say('Real Kafka: looking for its Java libraries (downloaded once, then cached) …')
  return fixture.prepareKafka()
}

const secondsSince = (startedMs) => Math.round((Date.now() - startedMs) / 1000)

const runSuite = async (name, files, settings) => {
  if (files.length === 0) return
  say(`Suite ${name}: ${files.length === 1 ? '1 test file' : `${files.length} test files`} …`)
  const startedMs = Date.now()
  await runTests(files, { ...settings, concurrency: suitesAlone.includes(name) ? 1 : 2 })
  settings.times.push(`${name} ${secondsSince(startedMs)} s`)
}

/** All suites that need only Node, one after the other. */
const runPlainSuites = async (files, settings) => {
  const place = (name) => (suiteOrder.includes(name) ? suiteOrder.indexOf(name) : suiteOrder.length)
  const names = [...new Set(files.map(suiteOf))].sort((a, b) => place(a) - place(b))
  for (const name of names) {
    const own = files.filter((path) => suiteOf(path) === name)
    // The first run of `package` downloads its tools, `docs` starts many processes, and `bench`
    // repeats measurements that look slow.
    const fileTimeoutMs = ['docs', 'package', 'bench'].includes(name) ? 600_000 : 240_000
    await runSuite(name, own, { ...settings, fileTimeoutMs })
  }
}

/** Adds a suite that could not run to the summary; in CI it counts as a failure. */
const reportMissing = (sentence, counts) => {
  if (inCi) {
    counts.failed += 1
    counts.problems.push(`${sentence} (in CI that is a failure)`)
  } else counts.notRun.push(sentence)
}

/** The path of Chromium, installed from Debian's packages if needed; null if there is none. */
const findChromium = async () => {
  const path = join(root, compiledPath('packages/console/test/browser/fixture/chromium.ts'))
  if (!existsSync(path)) return null
  say(
    'Browser: looking for Chromium (installed once from Debian’s packages if that is permitted) …',
  )
  const { chromiumPath } = await import(pathToFileURL(path).href)
  return chromiumPath()
}

const runBrowserSuite = async (files, settings) => {
  if (files.length === 0) return
  if ((await findChromium()) !== null) {
    await runSuite('browser', files, { ...settings, fileTimeoutMs: 240_000 })
    return
  }
  const reason = 'Chromium not found on this machine (MILLRACE_CHROMIUM names one)'
  const sentence = `the browser suite (${files.length} test files) did not run: ${reason}`
  reportMissing(sentence, settings.counts)
}

const runKafkaSuite = async (files, { ready, problems }, settings) => {
  const { counts } = settings
  if (ready) {
    for (const problem of problems) reportMissing(`real Kafka: ${problem}`, counts)
    await runSuite('kafka', files, settings)
    const failed = counts.failedFiles.filter(({ name }) => suiteOf(name) === 'kafka')
    if (failed.length > againMax || failed.some(({ name }) => judgesOfLoss.test(name))) return
    if (failed.length > 0) say('Files of the kafka suite in which a test failed, once more …')
    await runAgain(failed, { ...settings, concurrency: 1 })
  } else {
    const reason = problems.join('; ')
    reportMissing(
      `the real-Kafka suite (${files.length} test files) did not run: ${reason}`,
      counts,
    )
  }
}

const printSummary = (counts, times, startedMs) => {
  console.log(`\n${'─'.repeat(72)}`)
  if (counts.notRun.length > 0) {
    console.log('SKIPPED:')
    for (const sentence of counts.notRun) console.log(`  ${sentence}`)
  }
  for (const name of counts.unstable) {
    console.log(`UNSTABLE: ${name} failed, and passed when it ran again: a fault to be found`)
  }
  for (const problem of counts.problems) console.log(`FAILED: ${problem}`)
  console.log(`Took ${secondsSince(startedMs)} s: ${times.join(', ')}.`)
  console.log(summaryLine(counts))
}

const main = async () => {
  const { values, positionals } = parseArgs({
    options: {
      suite: { type: 'string', multiple: true, default: [] },
      name: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const startedMs = Date.now()
  const selected =
    positionals.length > 0
      ? { withCheck: false, files: selectFiles(positionals) }
      : selectSuites(values.suite.flatMap((suite) => suite.split(',')))
  const counts = selected.withCheck ? await check() : emptyCounts()
  const times = selected.withCheck ? [`check ${secondsSince(startedMs)} s`] : []
  const filesOf = (suite) => selected.files.filter((path) => suiteOf(path) === suite)
  const kafkaFiles = filesOf('kafka')
  const isOther = (path) =>
    !suitesOfMachine.includes(suiteOf(path)) && !(selected.withCheck && suiteOf(path) === 'check')
  // Before the unit suite: its schema test reads the message files of a Kafka jar.
  const preparation = kafkaFiles.length > 0 ? await prepareKafka() : null
  const settings = { counts, times, namePattern: values.name }
  await runPlainSuites(selected.files.filter(isOther), settings)
  await runBrowserSuite(filesOf('browser'), settings)
  if (preparation !== null) {
    await runKafkaSuite(kafkaFiles, preparation, { ...settings, fileTimeoutMs: 420_000 })
  }
  printSummary(counts, times, startedMs)
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0
}

await main().catch(fail)
