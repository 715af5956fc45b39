// The long form of the test of slow and frozen brokers and of racks, on a real Kafka of three
// nodes: Millrace and Java's producer in turns, three rounds, about 30 minutes. It prints the
// tables of docs/measurements.md. Arguments name the parts that run: frozen, buffer (frozen, with a
// buffer that gets full), slow, racks; all by default. The short form is part of `npm test`.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compiledPath, emptyCounts, runTests, summaryLine } from './run-tests.mjs'
import { fail, root, ScriptError, say } from './workspace.mjs'

const fileTimeoutMs = 3_600_000
const allParts = ['frozen', 'buffer', 'slow', 'racks']

const prepareKafka = async () => {
  const path = join(root, compiledPath('packages/millrace/test/kafka/fixture/index.ts'))
  const { prepareKafka: prepare } = await import(pathToFileURL(path))
  const { ready, problems } = await prepare()
  if (!ready) throw new ScriptError(problems.join('\n'))
}

const partsOf = (names) => {
  const strange = names.find((name) => !allParts.includes(name))
  if (strange !== undefined) {
    throw new ScriptError(`A part must be one of ${allParts.join(', ')}, got ${strange}`)
  }
  return names.length === 0 ? allParts : names
}

const main = async () => {
  const parts = partsOf(process.argv.slice(2))
  await prepareKafka()
  say(`Millrace and Java's producer in turns, three rounds: ${parts.join(', ')} …`)
  const folder = mkdtempSync(join(tmpdir(), 'millrace-sick-brokers-'))
  const summaryPath = join(folder, 'summary')
  process.env.MILLRACE_SICK_BROKERS = parts.join(',')
  process.env.MILLRACE_SICK_BROKERS_SUMMARY = summaryPath
  const files = ['packages/millrace/test/kafka/sick-broker.test.ts']
  const counts = await runTests(files, { concurrency: 1, fileTimeoutMs, counts: emptyCounts() })
  if (existsSync(summaryPath)) process.stdout.write(readFileSync(summaryPath, 'utf8'))
  rmSync(folder, { recursive: true })
  for (const problem of counts.problems) console.log(`FAILED: ${problem}`)
  console.log(summaryLine(counts))
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0
}

await main().catch(fail)
