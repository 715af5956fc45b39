// The long forms of the tests of rotating secrets on a real Kafka, of which the short ones are part
// of `npm test`: passwords, certificates and tokens, each replaced again and again for two minutes
// under 5,000 records a second. With an argument only the files whose names contain it.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compiledPath, emptyCounts, runTests, summaryLine } from './run-tests.mjs'
import { fail, filesUnder, root, ScriptError, say } from './workspace.mjs'

const fileTimeoutMs = 1_800_000
const folder = 'packages/millrace/test/kafka'

const prepareKafka = async () => {
  const path = join(root, compiledPath(`${folder}/fixture/index.ts`))
  const { prepareKafka: prepare } = await import(pathToFileURL(path))
  const { ready, problems } = await prepare()
  if (!ready) throw new ScriptError(problems.join('\n'))
}

const main = async () => {
  const [part = ''] = process.argv.slice(2)
  const files = filesUnder(folder).filter((path) => /\/rotation-.*\.test\.ts$/.test(path))
  const wanted = files.filter((path) => path.includes(part))
  if (wanted.length === 0) throw new ScriptError(`No test of rotations has ${part} in its name.`)
  await prepareKafka()
  process.env.MILLRACE_ROTATION = 'long'
  say(`${wanted.length} test files, each test for two minutes …`)
  const counts = emptyCounts()
  await runTests(wanted, { concurrency: 1, fileTimeoutMs, counts })
  for (const problem of counts.problems) console.log(`FAILED: ${problem}`)
  console.log(summaryLine(counts))
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0
}

await main().catch(fail)
