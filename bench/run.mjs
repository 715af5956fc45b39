// `npm run bench`: runs our contestants over a few workloads against a Kafka broker, reads each
// topic back, and prints a table. One after another, each in a process of its own, with the rounds
// interleaved; the figure is the median. The broker shares the machine: compare the lines of one
// table, not of two.
//
//   npm run bench -- --brokers HOST:PORT      a broker that creates topics by itself
//   npm run bench                             the project's own Kafka (needs Java)
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readTopicBatches } from '../packages/millrace/dist/src/testing.js'

const workloads = {
  throughput: { mode: 'throughput', records: 1_000_000, title: '1,000,000 records of 100 B' },
  flood: { mode: 'flood', records: 1_000_000, title: '1,000,000 records, not awaited' },
  concurrent: { mode: 'concurrent', records: 100_000, title: 'awaited sends, 1,000 at a time' },
  sync: { mode: 'sync', records: 5000, title: 'awaited sends, one after another' },
}
const contestants = ['millrace', 'millrace-send', 'millrace-batch']
const warmupRecords = 1000
const valueBytes = 100
const partitions = 6
const contestantTimeoutMs = 120_000

const { values: options } = parseArgs({
  options: {
    brokers: { type: 'string' },
    workloads: { type: 'string', default: Object.keys(workloads).join() },
    contestants: { type: 'string', default: contestants.join() },
    rounds: { type: 'string', default: '3' },
  },
})

const chosen = (text, known, what) => {
  const names = text.split(',')
  for (const name of names) {
    if (!known.includes(name)) throw new Error(`no ${what} ${name}: there are ${known.join(', ')}`)
  }
  return names
}

/** One run of one contestant; answers its report, or an Error. */
const runOnce = async (contestant, { mode, records }, brokers, corpus) => {
  const topic = `bench-${process.pid}-${Date.now()}`
  const script = fileURLToPath(new URL(`contestants/${contestant}.mjs`, import.meta.url))
  const child = spawn(process.execPath, [script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: contestantTimeoutMs,
    env: {
      ...process.env,
      BENCH_BROKERS: brokers,
      BENCH_TOPIC: topic,
      BENCH_MODE: mode,
      BENCH_N: String(records),
      BENCH_WARMUP: String(warmupRecords),
      BENCH_SIZE: String(valueBytes),
      BENCH_CORPUS: corpus,
      BENCH_IDEMPOTENT: '1',
    },
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const [exitCode] = await once(child, 'close')
  if (exitCode !== 0) return new Error(`it ended with exit code ${exitCode}`)
  const report = JSON.parse(output)
  if (report.errors > 0) return new Error(`${report.errors} records failed`)
  return checkTopic(report, brokers, topic, records + warmupRecords)
}

/** Whether the broker has all records, each once: a fast run that loses some is no run. */
const checkTopic = async (report, brokers, topic, expected) => {
  let records = 0
  let batches = 0
  for await (const batch of readTopicBatches({ brokers: brokers.split(','), topic })) {
    records += batch.recordCount
    batches++
  }
  if (records !== expected) return new Error(`the topic holds ${records} of ${expected} records`)
  return { ...report, recordsPerBatch: records / batches }
}

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1]

const count = (number) => Math.round(number).toLocaleString('en-US')

const row = (contestant, outcomes) => {
  const runs = outcomes.filter((outcome) => !(outcome instanceof Error))
  const failures = outcomes.filter((outcome) => outcome instanceof Error)
  if (runs.length === 0) return [contestant, `failed: ${failures[0].message}`]
  const of = (figure) => median(runs.map(figure))
  const ms = (figure) => (runs[0].p50 === undefined ? '' : of(figure).toFixed(2))
  return [
    contestant,
    count(of((run) => run.records / run.seconds)),
    of((run) => (run.cpu_s / run.records) * 1e6).toFixed(2),
    count(of((run) => run.rss_mb)),
    count(of((run) => run.recordsPerBatch)),
    ms((run) => run.p50),
    ms((run) => run.p99),
    `${runs.length}/${outcomes.length}`,
  ]
}

const head = ['', 'records/s', 'µs CPU/record', 'RSS MB', 'records/batch', 'p50 ms', 'p99 ms', 'ok']

const printTable = (title, rows) => {
  console.log(`\n${title}`)
  for (const [name, ...cells] of [head, ...rows]) {
    console.log(name.padEnd(16) + cells.map((cell) => cell.padStart(14)).join(''))
  }
}

/** What to run: checked before anything is started. */
const makePlan = () => {
  const rounds = Number(options.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be 1 or more')
  return {
    rounds,
    names: chosen(options.contestants, contestants, 'contestant'),
    chosenWorkloads: chosen(options.workloads, Object.keys(workloads), 'workload'),
  }
}

const runAll = async ({ rounds, names, chosenWorkloads }, brokers, corpus) => {
  for (const workload of chosenWorkloads) {
    const outcomes = new Map(names.map((name) => [name, []]))
    for (let round = 0; round < rounds; round++) {
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        outcomes.get(name).push(await runOnce(name, workloads[workload], brokers, corpus))
      }
    }
    printTable(
      `${workload}: ${workloads[workload].title}`,
      names.map((name) => row(name, outcomes.get(name))),
    )
    const failed = [...outcomes.values()].flat().some((outcome) => outcome instanceof Error)
    if (failed) process.exitCode = 1
  }
}

/** Values that differ and don't compress to nothing, the same in every run. */
const makeCorpus = () => {
  const corpus = Buffer.alloc(1000 * valueBytes)
  let state = 1
  for (let at = 0; at < corpus.length; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    corpus[at] = 32 + ((state >>> 16) % 64)
  }
  return corpus
}

/** The broker that was named, or the project's own for as long as `work` takes. */
const withBroker = async (work) => {
  if (options.brokers) return work(options.brokers)
  const fixture = '../packages/millrace/dist/test/kafka/fixture/index.js'
  const { startKafka } = await import(fixture)
  console.log('Starting Apache Kafka …')
  const properties = { 'num.partitions': String(partitions) }
  const kafka = await startKafka({ fullSpeed: true, heapMegabytes: 1024, properties })
  try {
    await work(kafka.brokers.join())
  } finally {
    await kafka.close()
  }
}

const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
try {
  const plan = makePlan()
  const corpus = join(folder, 'values.bin')
  await writeFile(corpus, makeCorpus())
  await withBroker((brokers) => runAll(plan, brokers, corpus))
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true })
}
