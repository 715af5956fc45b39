// The long form of the test of the exactly-once pages, on a real Kafka: 100,000 inputs for each
// client, while processes are killed, ended and frozen. It takes ten minutes or more, and the first
// time longer: it fetches or compiles the native part of @confluentinc/kafka-javascript. The short
// form is part of `npm test`.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compiledPath, emptyCounts, runTests, summaryLine } from './run-tests.mjs'
import { fail, root, ScriptError, say } from './workspace.mjs'

const fileTimeoutMs = 3_600_000
const versions = ['4.4.0', '3.9.1']

const prepareKafka = async () => {
  const path = join(root, compiledPath('packages/millrace/test/kafka/fixture/index.ts'))
  const { prepareKafka: prepare } = await import(pathToFileURL(path))
  const { ready, problems } = await prepare()
  if (!ready) throw new ScriptError(problems.join('\n'))
}

const main = async () => {
  await prepareKafka()
  process.env.MILLRACE_EXACTLY_ONCE = 'long'
  const counts = emptyCounts()
  for (const version of versions) {
    say(`Kafka ${version}: 100,000 inputs for each client …`)
    process.env.MILLRACE_EXACTLY_ONCE_KAFKA = version
    const files = ['packages/millrace/test/kafka/exactly-once.test.ts']
    await runTests(files, { concurrency: 1, fileTimeoutMs, counts })
  }
  for (const problem of counts.problems) console.log(`FAILED: ${problem}`)
  console.log(summaryLine(counts))
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0
}

await main().catch(fail)
