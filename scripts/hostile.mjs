// Producers of a cluster whose responses are damaged at random, for ten minutes: memory, typed
// errors, and normal use afterwards. A shorter form is one of the soak tests.

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { emptyCounts, runTests, summaryLine } from './run-tests.mjs'
import { fail, say } from './workspace.mjs'

const usage = `npm run hostile -- [--seconds N] [--seed N]

  --seconds N  how long responses are damaged (default: 600)
  --seed N     which responses are damaged, and how (default: a new one)`

const main = async () => {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '600' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  process.env.MILLRACE_HOSTILE_SECONDS = values.seconds
  process.env.MILLRACE_SEED = values.seed
  say(`Damaged responses for ${values.seconds} s, seed ${values.seed} …`)
  const counts = emptyCounts()
  const fileTimeoutMs = 600_000 + Number(values.seconds) * 2_000
  const files = ['packages/millrace/test/soak/hostile.test.ts']
  await runTests(files, { concurrency: 1, fileTimeoutMs, counts })
  for (const problem of counts.problems) console.log(`FAILED: ${problem}`)
  console.log(summaryLine(counts))
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0
}

await main().catch(fail)
