// The long forms of the tests that kill, freeze and restart the nodes of a real Kafka under load:
// about eight minutes. The short ones are part of `npm test`.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compiledPath, emptyCounts, runTests, summaryLine } from './run-tests.mjs'
import { fail, filesUnder, root, ScriptError, say } from './workspace.mjs'

const fileTimeoutMs = 1_200_000

const prepareKafka = async () => {
  const path = join(root, compiledPath('packages/millrace/test/kafka/fixture/index.ts'))
  const { javaAvailable, mavenAvailable, prepareKafka: prepare } = await import(pathToFileURL(path))
  if (!(await javaAvailable()) || !(await mavenAvailable())) {
    throw new ScriptError(
      'A real Kafka needs Java 17 or newer (with javac) and Maven on this machine.',
    )
  }
  const { ready, problems } = await prepare()
  if (!ready) throw new ScriptError(problems.join('\n'))
}

const main = async () => {
  await prepareKafka()
  const files = filesUnder('packages/millrace/test/kafka').filter((path) =>
    /\/chaos-[\w-]+\.test\.ts$/.test(path),
  )
  say(`${files.length} long runs against a real Kafka: about eight minutes …`)
  const folder = mkdtempSync(join(tmpdir(), 'millrace-chaos-'))
  const summaryPath = join(folder, 'summary')
  process.env.MILLRACE_CHAOS = 'long'
  process.env.MILLRACE_CHAOS_SUMMARY = summaryPath
  const counts = await runTests(files, { concurrency: 1, fileTimeoutMs, counts: emptyCounts() })
  if (existsSync(summaryPath)) process.stdout.write(readFileSync(summaryPath, 'utf8'))
  rmSync(folder, { recursive: true })
  for (const problem of counts.problems) console.log(`FAILED: ${problem}`)
  console.log(summaryLine(counts))
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0
}

await main().catch(fail)
