// Sends very many records through faults and cut connections to an in-process cluster, in a process
// of its own, and says whether memory, handles or timers were kept; or one record to each of very
// many topics, and says whether memory, requests and processor time stay as they are. Shorter forms
// are tests.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { compiledPath } from './run-tests.mjs'
import { fail, root, ScriptError, say } from './workspace.mjs'

const usage = `npm run soak -- [--records N] [--seed N]
npm run soak -- --topics N [--kafka]

  --records N  how many records (default: 10000000)
  --seed N     which requests meet a fault (default: 1)
  --topics N   one record to each of N topics, measured in ten parts
  --kafka      with --topics: a real Kafka, which takes long to create topics (try 2000)`

const load = (name) =>
  import(pathToFileURL(join(root, compiledPath(`packages/millrace/test/soak/${name}.ts`))))

const readOptions = () => {
  const { values } = parseArgs({
    options: {
      records: { type: 'string', default: '10000000' },
      seed: { type: 'string', default: '1' },
      topics: { type: 'string' },
      kafka: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const records = Number(values.records)
  const seed = Number(values.seed)
  if (!Number.isInteger(records) || records < 1_000) {
    throw new ScriptError(`--records takes a number from 1000 on.\n\n${usage}`)
  }
  const topics = Number(values.topics ?? 0)
  if (!Number.isInteger(topics) || topics < 0 || topics % 10 > 0) {
    throw new ScriptError(`--topics takes a multiple of 10.\n\n${usage}`)
  }
  if (!Number.isInteger(seed)) throw new ScriptError(`--seed takes a whole number.\n\n${usage}`)
  return { records, seed, topics, isKafka: values.kafka }
}

const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(2)} MiB`

const printParts = ({ parts }, partTopics) => {
  const rows = parts.map(({ memoryBytes, metadataRequests, cpuMs }, index) => {
    const cells = [(index + 1) * partTopics, mebibytes(memoryBytes), metadataRequests]
    return `| ${cells.join(' | ')} | ${cpuMs.toFixed(0)} ms |`
  })
  const head = '| topics until here | memory | metadata requests of the part | its CPU time |'
  console.log([head, '| ---: | ---: | ---: | ---: |', ...rows].join('\n'))
}

/** A real Kafka, where wanted; null = the in-process cluster. */
const startBrokers = async (isKafka) => {
  if (!isKafka) return null
  const path = join(root, compiledPath('packages/millrace/test/kafka/fixture/index.ts'))
  const { startKafka } = await import(pathToFileURL(path))
  return startKafka({ properties: { 'num.partitions': '1' } })
}

const soakTopics = async (topics, isKafka) => {
  // This script runs dist/test/soak/topics-run.js, topics-plan.js.
  const { runTopics } = await load('topics-run')
  const { topicsPlan, topicsProblems } = await load('topics-plan')
  const kafka = await startBrokers(isKafka)
  const plan = topicsPlan({ topics, partTopics: topics / 10, brokers: kafka?.brokers ?? [] })
  say(`${topics} topics, one record each …`)
  const report = await runTopics(plan).finally(() => kafka?.close())
  printParts(report, plan.partTopics)
  // Below 5,000 topics the producer keeps all of them: nothing is flat yet.
  const problems = topics < 25_000 ? [] : topicsProblems(report, true)
  if (report.failed > 0) problems.push(`${report.failed} records failed`)
  return problems
}

const soakRecords = async (options) => {
  // This script runs dist/test/soak/soak-run.js, soak-plan.js.
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
  return soakProblems(plan, report)
}

const main = async () => {
  const options = readOptions()
  if (options === null) {
    console.log(usage)
    return
  }
  const { topics, isKafka, ...rest } = options
  const problems = topics > 0 ? await soakTopics(topics, isKafka) : await soakRecords(rest)
  for (const problem of problems) console.log(`FAILED: ${problem}`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

await main().catch(fail)
