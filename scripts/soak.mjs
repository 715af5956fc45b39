// Sends very many records through faults and cut connections to an in-process cluster, in a process
// of its own, and says whether memory, handles or timers were kept. A shorter form is one of the
// tests.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { compiledPath } from './run-tests.mjs'
import { fail, root, say, Trouble } from './workspace.mjs'

const usage = `npm run soak -- [--records N] [--seed N]

  --records N  how many records (default: 10000000)
  --seed N     which requests meet a fault (default: 1)`

const load = (name) =>
  import(pathToFileURL(join(root, compiledPath(`packages/millrace/test/soak/${name}.ts`))))

const readOptions = () => {
  const { values } = parseArgs({
    options: {
      records: { type: 'string', default: '10000000' },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const records = Number(values.records)
  const seed = Number(values.seed)
  if (!Number.isInteger(records) || records < 1_000) {
    throw new Trouble(`--records takes a number from 1000 on.\n\n${usage}`)
  }
  if (!Number.isInteger(seed)) throw new Trouble(`--seed takes a whole number.\n\n${usage}`)
  return { records, seed }
}

const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(2)} MiB`

const main = async () => {
  const options = readOptions()
  if (options === null) {
    console.log(usage)
    return
  }
  // Named here for whoever looks for what runs them: dist/test/soak/soak-run.js, soak-plan.js.
  const { runSoak } = await load('soak-run')
  const { heapTrend, soakPlan, soakProblems } = await load('soak-plan')
  const plan = soakPlan(options)
  say(`${plan.records} records, one request of ${Math.round(1 / plan.faultShare)} meets a fault …`)
  const report = await runSoak(plan)
  const { mean, growth, uncertainty } = heapTrend(report)
  console.log(`
  records       ${report.delivered} delivered, ${report.failed} failed, ${report.inLog} in the log
  time          ${(report.elapsedMs / 1000).toFixed(1)} s
  requests      ${report.produceRequests}, of which ${report.faults} met a fault
  connections   ${report.connectionsOpened}
  heap          ${mebibytes(mean)} on average after garbage collection
  its trend     ${mebibytes(growth)} from first to last (chance alone: ±${mebibytes(uncertainty)})
  buffers       ${mebibytes(Math.max(...report.bufferBytes))} at most
  left open     ${report.resources.length === 0 ? 'nothing' : report.resources.join(', ')}
`)
  const problems = soakProblems(plan, report)
  for (const problem of problems) console.log(`FAILED: ${problem}`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

await main().catch(fail)
