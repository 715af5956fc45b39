// The tests that throw damaged bytes at decoders, codecs, handshakes and the in-process cluster,
// again and again, each round with a fresh seed, until the time is over or a round fails. `npm
// test` runs one round with seeds that stay the same.

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { emptyCounts, runTests, summaryLine } from './run-tests.mjs'
import { fail, ScriptError, say } from './workspace.mjs'

const usage = `npm run fuzz -- [--seconds N] [--seed N] [--cases N]

  --seconds N  no round begins after so many seconds (default: 60)
  --seed N     one round with this seed: what a failure names
  --cases N    damaged messages per API in a round (default: 100000)`

const files = [
  'packages/millrace/test/unit/protocol-hostile.test.ts',
  'packages/millrace/test/unit/security-hostile.test.ts',
  'packages/millrace/test/unit/in-process-cluster-hostile.test.ts',
  'packages/millrace/test/unit/fetched-batches.test.ts',
  'packages/millrace/test/unit/client-hostile.test.ts',
  'packages/millrace/test/unit/compression-codecs.test.ts',
  'packages/millrace/test/unit/records-batch.test.ts',
  'packages/millrace/test/unit/net-frame-splitter.test.ts',
  'packages/millrace/test/unit/sasl-messages.test.ts',
  'packages/millrace/test/unit/otlp.test.ts',
]

const seedMax = 2 ** 31

/** A damaged response through a producer takes about a millisecond, for each of 15 APIs. */
const fileTimeoutMsOf = (cases) => 600_000 + cases * 15 * 10

const readOptions = () => {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string' },
      cases: { type: 'string', default: '100000' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const numbers = {}
  for (const [name, text] of Object.entries(values)) {
    if (name === 'help' || text === undefined) continue
    const value = Number(text)
    if (!Number.isInteger(value) || value < 0) {
      throw new ScriptError(`--${name} takes a whole number from 0 on.\n\n${usage}`)
    }
    numbers[name] = value
  }
  return numbers
}

const main = async () => {
  const options = readOptions()
  if (options === null) {
    console.log(usage)
    return
  }
  const counts = emptyCounts()
  const deadlineMs = performance.now() + options.seconds * 1_000
  process.env.MILLRACE_HOSTILE_CASES = String(options.cases)
  let rounds = 0
  do {
    const seed = options.seed ?? randomInt(seedMax)
    process.env.MILLRACE_SEED = String(seed)
    rounds += 1
    say(`Round ${rounds}, seed ${seed} …`)
    await runTests(files, { concurrency: 2, fileTimeoutMs: fileTimeoutMsOf(options.cases), counts })
    if (counts.failed > 0) {
      const own = `npm run fuzz -- --seed ${seed} --cases ${options.cases}`
      console.log(`FAILED with seed ${seed}; again by: ${own}`)
      console.log('(A property of fast-check prints a seed of its own above.)')
    }
  } while (counts.failed === 0 && options.seed === undefined && performance.now() < deadlineMs)
  for (const problem of counts.problems) console.log(`FAILED: ${problem}`)
  console.log(summaryLine(counts))
  process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0
}

await main().catch(fail)
