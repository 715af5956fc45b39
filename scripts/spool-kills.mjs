// The long forms of the tests of a spool on a real Kafka, of which the short ones are part of
// `npm test`: a service that is killed again and again, about ten minutes for each version of
// Kafka, and with the argument `outage` brokers that are away for ten minutes.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compiledPath, emptyCounts, runTests, summaryLine } from './run-tests.mjs'
import { fail, root, ScriptError, say } from './workspace.mjs'

const fileTimeoutMs = 1_800_000
const versions = ['4.4.0', '3.9.1']

const prepareKafka = async () => {
  const path = join(root, compiledPath('packages/millrace/test/kafka/fixture/index.ts'))
  const { prepareKafka: prepare } = await import(pathToFileURL(path))
  const { ready, problems } = await prepare()
  if (!ready) throw new ScriptError(problems.join('\n'))
}

const runOutage = async (counts) => {
  say('All brokers are away for ten minutes, at 5,000 records/s of 1 KiB …')
  process.env.MILLRACE_SPOOL_OUTAGE = 'long'
  const files = ['packages/millrace/test/kafka/spool-outage.test.ts']
  await runTests(files, { concurrency: 1, fileTimeoutMs, counts })
}

const runKills = async (counts) => {
  process.env.MILLRACE_SPOOL_KILLS = 'long'
  for (const version of versions) {
    say(`Kafka ${version}: 50 kills for each durability, about ten minutes …`)
    process.env.MILLRACE_SPOOL_KAFKA = version
    const files = ['packages/millrace/test/kafka/spool-kills.test.ts']
    await runTests(files, { concurrency: 1, fileTimeoutMs, counts })
  }
}

const main = async () => {
  await prepareKafka()
  const counts = emptyCounts()
  if (process.argv[2] === 'outage') await runOutage(counts)
  else await runKills(counts)
  for (const problem of counts.problems) console.log(`FAILED: ${problem}`)
  console.log(summaryLine(counts))
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0
}

await main().catch(fail)
