// Transactions per second of one producer that awaits each commit, ours against Java's, on the same
// broker: both processes live through all rounds and take turns, so that what the machine does
// meanwhile affects both. Both topics are read back. Ends with exit code 1 where we are slower.
//
//   node bench/transactions.mjs --brokers HOST:PORT   a broker that creates topics by itself
//   node bench/transactions.mjs [--version 3.9.1]     the project's own Kafka (needs Java)
//   more: --rounds N --transactions N --records N --topic-partitions N
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Producer } from '../packages/millrace/dist/src/index.js'
import { readTopicBatches } from '../packages/millrace/dist/src/testing.js'

const fixturePath = '../packages/millrace/dist/test/kafka/fixture/index.js'
const warmupTransactions = 300
const ratioMin = 1

const { values: options, positionals } = parseArgs({
  options: {
    brokers: { type: 'string' },
    version: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    transactions: { type: 'string', default: '300' },
    records: { type: 'string', default: '100' },
    'topic-partitions': { type: 'string', default: '6' },
  },
  allowPositionals: true,
})
const rounds = Number(options.rounds)
const transactionCount = Number(options.transactions)
const recordCount = Number(options.records)

/** Our side, in a process of its own. */
const runOurs = async ([, brokers, topic]) => {
  const producer = new Producer({ brokers, transactionalId: topic })
  const value = Buffer.alloc(100)
  const work = (transaction) => {
    for (let index = 0; index < recordCount; index++) {
      transaction.enqueue({ topic, key: String(index), value })
    }
  }
  for await (const line of createInterface({ input: process.stdin })) {
    const cpu = process.cpuUsage()
    const start = performance.now()
    for (let number = 0; number < Number(line); number++) await producer.transaction(work)
    const elapsedMs = performance.now() - start
    const { user, system } = process.cpuUsage(cpu)
    console.log(JSON.stringify({ elapsedMs, cpuMs: (user + system) / 1000 }))
  }
  await producer.close()
}

/** A process that replies to each count with the time it took. */
class Side {
  constructor(name, topic, command, args) {
    this.name = name
    this.topic = topic
    this.runs = []
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
  }

  async run(count) {
    this.process.stdin.write(`${count}\n`)
    const { value, done } = await this.lines.next()
    if (done) throw new Error(`${this.name} ended`)
    return JSON.parse(value)
  }

  async end() {
    this.process.stdin.end()
    for (;;) if ((await this.lines.next()).done) return
  }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]

const report = ({ name, runs }) => {
  const rates = runs.map(({ elapsedMs }) => (transactionCount / elapsedMs) * 1000)
  const cpuMs = median(runs.map((run) => run.cpuMs / transactionCount)).toFixed(2)
  const [low, high] = [Math.min(...rates), Math.max(...rates)].map((rate) => rate.toFixed(0))
  const middle = median(rates)
  console.log(
    `${name.padEnd(9)} ${middle.toFixed(0).padStart(5)} transactions/s` +
      ` (${low} to ${high})   ${cpuMs} ms CPU each`,
  )
  return rates
}

/** A fast run that loses something is no run. */
const checkTopic = async (brokers, { name, topic }) => {
  let found = 0
  for await (const batch of readTopicBatches({
    brokers: brokers.split(','),
    topic,
    isolation: 'read_committed',
  })) {
    found += batch.recordCount
  }
  const wanted = (rounds * transactionCount + warmupTransactions) * recordCount
  if (found !== wanted) throw new Error(`${name}: ${found} of ${wanted} records are committed`)
}

const measure = async (brokers, libraries) => {
  const stamp = `${process.pid}-${Date.now()}`
  const names = { ours: `transactions-ours-${stamp}`, java: `transactions-java-${stamp}` }
  const own = [fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  const source = fileURLToPath(new URL('TransactionLoad.java', import.meta.url))
  const javaArgs = ['-cp', `${libraries}/*`, '-Dorg.slf4j.simpleLogger.defaultLogLevel=error']
  const sides = [
    new Side('millrace', names.ours, process.execPath, [...own, 'ours', brokers, names.ours]),
    new Side('Java', names.java, 'java', [
      ...javaArgs,
      ...[source, brokers, names.java, String(recordCount)],
    ]),
  ]
  for (const side of sides) await side.run(warmupTransactions)
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      side.runs.push(await side.run(transactionCount))
    }
  }
  for (const side of sides) await side.end()
  for (const side of sides) await checkTopic(brokers, side)
  const [ours, java] = sides.map(report)
  const ratios = ours.map((rate, round) => rate / java[round])
  const ratio = median(ours) / median(java)
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`
  console.log(`ratio of the medians: ${ratio.toFixed(2)} (rounds: ${spread}; at least ${ratioMin})`)
  if (ratio < ratioMin) process.exitCode = 1
}

const main = async () => {
  if (positionals[0] === 'ours') return runOurs(positionals)
  const fixture = await import(fixturePath)
  const libraries = await fixture.kafkaLibs(fixture.latestKafka)
  if (options.brokers) return measure(options.brokers, libraries)
  const properties = { 'num.partitions': options['topic-partitions'] }
  const settings = { fullSpeed: true, heapMegabytes: 1024, properties }
  const kafka = await fixture.startKafka(
    options.version ? { ...settings, version: options.version } : settings,
  )
  console.log(`Kafka ${kafka.version}, ${transactionCount} transactions of ${recordCount} records`)
  try {
    await measure(kafka.brokers.join(), libraries)
  } finally {
    await kafka.close()
  }
}

await main()
