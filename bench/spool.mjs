// What a spool costs: a lone submit() with durability `process`, with `machine` in turns with an
// fdatasync of our own behind as many bytes in a file of the same directory, and the throughput of
// W2 with a spool beside without. Ends with exit code 1 where a target is missed.
//
//   npm run bench -- spool [--brokers HOST:PORT] [--count N] [--rounds N] [--directory DIR]
//
// Without --brokers it starts the project's own Kafka. --rounds 0 leaves W2 out.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { close, fdatasync, mkdtempSync, openSync, readFileSync, rmSync, write } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { Producer } from '../packages/millrace/dist/src/index.js'
import { repository } from './lib/results.mjs'
import { quantile, ratioWithinRounds } from './lib/statistics.mjs'

const processMsMax = 1
const machineRatioMax = 1.5
const throughputRatioMin = 0.5

const warmupCount = 2000
const valueBytes = 100
/** About what the log's block of one such record takes, with the number of its batch. */
const blockBytes = 200

const { values: options } = parseArgs({
  options: {
    brokers: { type: 'string' },
    count: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '5' },
    directory: { type: 'string', default: tmpdir() },
  },
})
const count = Number(options.count)

const check = (text, isMet) => {
  console.log(`${isMet ? 'met   ' : 'MISSED'}  ${text}`)
  if (!isMet) process.exitCode = 1
}

const times = () => new Float64Array(count)

const report = (name, milliseconds) => {
  const all = [...milliseconds]
  const figures = [0.1, 0.5, 0.9, 0.99].map(
    (share) => `p${share * 100} ${quantile(all, share).toFixed(3)}`,
  )
  console.log(`        ${name.padEnd(26)} ${figures.join('   ')} ms`)
  return quantile(all, 0.5)
}

/** Runs `step(index)` for each index; those below 0 are the warm-up. */
const withSpool = async (brokers, directory, durability, step) => {
  const topic = `spool-${process.pid}-${Date.now()}`
  const value = Buffer.alloc(valueBytes, 'millrace ')
  const producer = new Producer({ brokers, spool: { directory, durability } })
  await producer.send({ topic, partition: 0, value })
  const submit = async (index, milliseconds) => {
    const start = performance.now()
    await producer.submit({ topic, partition: 0, value })
    if (index >= 0) milliseconds[index] = performance.now() - start
  }
  for (let index = -warmupCount; index < count; index++) await step(index, submit)
  await producer.close()
}

const measureProcess = async (brokers, directory) => {
  const submits = times()
  await withSpool(brokers, directory, 'process', (index, submit) => submit(index, submits))
  const median = report("submit(), 'process'", submits)
  check(
    `a lone submit() with 'process': p50 ${median.toFixed(3)} ms of ${processMsMax}`,
    median <= processMsMax,
  )
}

/** Appends a block to a file and forces it to the device: both times. */
const appender = (path) => {
  const file = openSync(path, 'wx')
  const block = Buffer.alloc(blockBytes, 'millrace ')
  let position = 0
  return {
    append: async () => {
      await promisify(write)(file, block, 0, block.length, position)
      position += block.length
    },
    sync: promisify(fdatasync).bind(null, file),
    close: () => promisify(close)(file),
  }
}

const measureMachine = async (brokers, directory) => {
  const [submits, syncs, both] = [times(), times(), times()]
  const file = appender(join(directory, 'fdatasync'))
  await withSpool(brokers, join(directory, 'spool'), 'machine', async (index, submit) => {
    await submit(index, submits)
    const start = performance.now()
    await file.append()
    const written = performance.now()
    await file.sync()
    if (index < 0) return
    const end = performance.now()
    syncs[index] = end - written
    both[index] = end - start
  })
  await file.close()
  const median = report("submit(), 'machine'", submits)
  const syncMedian = report('fdatasync', syncs)
  const bothMedian = report('write and fdatasync', both)
  const ratio = median / syncMedian
  check(
    `a lone submit() with 'machine': ${ratio.toFixed(2)} × an fdatasync of ${machineRatioMax} ` +
      `(${(median / bothMedian).toFixed(2)} × write and fdatasync)`,
    ratio <= machineRatioMax,
  )
}

/** The rates of W2 by contestant, in rounds; its table is printed. */
const runThroughput = async (brokers, contestants) => {
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(new URL('run.mjs', import.meta.url)),
      ...['--workload', 'W2', '--only', contestants.join(), '--rounds', options.rounds],
      ...['--brokers', brokers],
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TMPDIR: options.directory },
    },
  )
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text
    process.stdout.write(text)
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error('W2 failed')
  const [, path] = /Kept in (\S+)/.exec(output)
  const { workloads } = JSON.parse(readFileSync(join(repository, path), 'utf8'))
  return workloads[0].results.map(({ outcomes }) =>
    outcomes.map(({ records, seconds }) => records / seconds),
  )
}

const measureThroughput = async (brokers) => {
  if (options.rounds === '0') return
  const [without, with_] = await runThroughput(brokers, ['millrace', 'millrace-spool'])
  const ratio = ratioWithinRounds(with_, without)
  check(
    `W2 with 'process': ${ratio.toFixed(2)} × without, at least ${throughputRatioMin}`,
    ratio >= throughputRatioMin,
  )
}

const measure = async (brokers) => {
  const directory = mkdtempSync(join(options.directory, 'millrace-spool-'))
  try {
    await measureProcess(brokers, join(directory, 'process'))
    await measureMachine(brokers, directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
  await measureThroughput(brokers)
}

if (options.brokers) await measure(options.brokers)
else {
  const fixture = await import('../packages/millrace/dist/test/kafka/fixture/index.js')
  const kafka = await fixture.startKafka({ fullSpeed: true })
  try {
    await measure(kafka.brokers.join())
  } finally {
    await kafka.close()
  }
}
