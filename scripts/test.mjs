// The rings of tests, in the order of their price: check (format, types, house rules), then the
// folders under test/ that need nothing from outside, then browser (a real Chromium), at last kafka
// (a real broker).
// `npm test` runs all; what had to be left out is said at the end, and in CI it is a failure.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { check } from './check.mjs'
import { compiledPath, emptyCounts, runTests, summaryLine } from './run-tests.mjs'
import { fail, filesUnder, packages, root, say, Trouble } from './workspace.mjs'

const usage = `npm test -- [--ring RING]… [--name PATTERN] [FILE…]

  --ring RING     check, or a folder under test/: unit, golden, types, docs, sim, package,
                  soak, bench, browser, kafka; "fast" is all but these two. Repeat it for
                  several. Without it: everything.
  --name PATTERN  only tests whose name matches
  FILE            a test file, or a part of its path: npm test -- murmur2`

/** Rings that measure time and memory: their files run one by one. */
const ringsAlone = ['package', 'soak', 'bench', 'browser', 'kafka']

/** Rings that need more than Node: not part of "fast", and asked first whether they can run. */
const ringsOfMachine = ['browser', 'kafka']

/** In this order; a ring that is not named here comes after those that are. */
const ringOrder = ['check', 'golden', 'types', 'unit', 'docs', 'sim', 'package', 'soak', 'bench']

const inCi = !['', 'false', undefined].includes(process.env.CI)

const tests = () =>
  packages()
    .flatMap((folder) => filesUnder(`${folder}/test`))
    .filter((path) => path.endsWith('.test.ts'))

/** The ring that a test file belongs to: its folder under test/. */
const ringOf = (path) => {
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
    if (found.length === 0) throw new Trouble(`No test file's path contains ${text}.`)
    return found
  })

const knownRings = () => [...new Set(['check', 'fast', ...ringsOfMachine, ...tests().map(ringOf)])]

const selectRings = (wanted) => {
  const unknown = wanted.find((ring) => !knownRings().includes(ring))
  if (unknown !== undefined) {
    throw new Trouble(`There is no ring ${unknown}; there are ${knownRings().join(', ')}.`)
  }
  const isWanted = (ring) =>
    wanted.length === 0 ||
    wanted.includes(ring) ||
    (wanted.includes('fast') && !ringsOfMachine.includes(ring))
  return { withCheck: isWanted('check'), files: tests().filter((path) => isWanted(ringOf(path))) }
}

/**
 * The broker fixture, which also knows what it needs from this machine; null before it is built.
 */
const loadFixture = async () => {
  const path = join(root, compiledPath('packages/millrace/test/kafka/fixture/index.ts'))
  return existsSync(path) ? import(pathToFileURL(path).href) : null
}

/** Says what of the real-Kafka ring can't run here. The Java libraries are there afterwards. */
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

const runRing = async (name, files, settings) => {
  if (files.length === 0) return
  say(`Ring ${name}: ${files.length === 1 ? '1 test file' : `${files.length} test files`} …`)
  const startedMs = Date.now()
  await runTests(files, { ...settings, concurrency: ringsAlone.includes(name) ? 1 : 2 })
  settings.times.push(`${name} ${secondsSince(startedMs)} s`)
}

/** All rings that need only Node, one after the other. */
const runPlainRings = async (files, settings) => {
  const place = (name) => (ringOrder.includes(name) ? ringOrder.indexOf(name) : ringOrder.length)
  const names = [...new Set(files.map(ringOf))].sort((a, b) => place(a) - place(b))
  for (const name of names) {
    const own = files.filter((path) => ringOf(path) === name)
    // The ring of packages fetches its tools the first time, that of docs starts many processes,
    // and that of the guard measures again what looks slow.
    const fileTimeoutMs = ['docs', 'package', 'bench'].includes(name) ? 600_000 : 240_000
    await runRing(name, own, { ...settings, fileTimeoutMs })
  }
}

/** What could not run is said in the summary; in CI it is a failure. */
const reportMissing = (sentence, counts) => {
  if (inCi) {
    counts.failed += 1
    counts.problems.push(`${sentence} (in CI that is a failure)`)
  } else counts.leftOut.push(sentence)
}

/** Chromium is found, or comes from Debian's packages; null where there is none. */
const findChromium = async () => {
  const path = join(root, compiledPath('packages/console/test/browser/fixture/chromium.ts'))
  if (!existsSync(path)) return null
  say('Browser: looking for Chromium (installed once from Debian’s packages, where we may) …')
  const { chromiumPath } = await import(pathToFileURL(path).href)
  return chromiumPath()
}

const runBrowserRing = async (files, settings) => {
  if (files.length === 0) return
  if ((await findChromium()) !== null) {
    await runRing('browser', files, { ...settings, fileTimeoutMs: 240_000 })
    return
  }
  const reason = 'Chromium not found on this machine (MILLRACE_CHROMIUM names one)'
  const sentence = `the browser ring (${files.length} test files) did not run: ${reason}`
  reportMissing(sentence, settings.counts)
}

const runKafkaRing = async (files, { ready, problems }, settings) => {
  const { counts } = settings
  if (ready) {
    for (const problem of problems) reportMissing(`real Kafka: ${problem}`, counts)
    await runRing('kafka', files, settings)
  } else {
    const reason = problems.join('; ')
    reportMissing(`the real-Kafka ring (${files.length} test files) did not run: ${reason}`, counts)
  }
}

const printSummary = (counts, times, startedMs) => {
  console.log(`\n${'─'.repeat(72)}`)
  if (counts.leftOut.length > 0) {
    console.log('LEFT OUT:')
    for (const sentence of counts.leftOut) console.log(`  ${sentence}`)
  }
  for (const problem of counts.problems) console.log(`FAILED: ${problem}`)
  console.log(`Took ${secondsSince(startedMs)} s: ${times.join(', ')}.`)
  console.log(summaryLine(counts))
}

const main = async () => {
  const { values, positionals } = parseArgs({
    options: {
      ring: { type: 'string', multiple: true, default: [] },
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
      : selectRings(values.ring.flatMap((ring) => ring.split(',')))
  const counts = selected.withCheck ? await check() : emptyCounts()
  const times = selected.withCheck ? [`check ${secondsSince(startedMs)} s`] : []
  const filesOf = (ring) => selected.files.filter((path) => ringOf(path) === ring)
  const kafkaFiles = filesOf('kafka')
  const isOther = (path) =>
    !ringsOfMachine.includes(ringOf(path)) && !(selected.withCheck && ringOf(path) === 'check')
  // Before the unit ring, for its schema test compares with the message files of a Kafka jar.
  const preparation = kafkaFiles.length > 0 ? await prepareKafka() : null
  const settings = { counts, times, namePattern: values.name }
  await runPlainRings(selected.files.filter(isOther), settings)
  await runBrowserRing(filesOf('browser'), settings)
  if (preparation !== null) {
    await runKafkaRing(kafkaFiles, preparation, { ...settings, fileTimeoutMs: 420_000 })
  }
  printSummary(counts, times, startedMs)
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0
}

await main().catch(fail)
