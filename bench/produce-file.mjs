// One large file of lines to a topic, by `millrace produce`, kcat and Java's console producer, one
// after the other with the rounds interleaved: seconds, CPU, peak memory. The broker counts what
// each stored; what millrace stored first is read back by Java's console consumer, and compared
// with the file by count and SHA-256 (so the topic has one partition). The broker is warmed up by a
// run that is not counted. Ends with exit code 1 where a copy differs, millrace takes 200 MB or
// more, or is not the fastest.
//
//   npm run build && node bench/produce-file.mjs [--megabytes 1000] [--rounds 3] [--file FILE]
//     [--brokers HOST:PORT] [--kafka-libs FOLDER] [--contestants millrace,kcat,java]
//
// Needs Java, kcat and Linux (memory and CPU are read from /proc). Without --brokers it runs the
// project's own Kafka.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, createReadStream, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Admin } from '../packages/millrace/dist/src/index.js'

const fixture = '../packages/millrace/dist/test/kafka/fixture/index.js'
const command = fileURLToPath(new URL('../packages/cli/bin/millrace.js', import.meta.url))
const memoryMegabytesMax = 200
const sampleIntervalMs = 20
const ticksPerSecond = 100

const { values: options } = parseArgs({
  options: {
    brokers: { type: 'string' },
    file: { type: 'string' },
    megabytes: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    contestants: { type: 'string', default: 'millrace,kcat,java' },
    'kafka-libs': { type: 'string' },
  },
})

/** The same orders in every run: objects of about 280 bytes that don't compress to nothing. */
const writeOrders = (path, bytesWanted) => {
  let state = 1
  const next = (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % below
  }
  const words = Array.from({ length: 512 }, () => next(2 ** 24).toString(36))
  const word = () => words[next(words.length)]
  const item = () => ({
    sku: `${word()}-${next(2 ** 24)}`,
    quantity: 1 + next(9),
    price: next(100_000) / 100,
  })
  const order = (id) => ({
    id,
    customer: `customer-${next(100_000)}`,
    placedAt: 1_700_000_000_000 + id * 37,
    note: `${word()} ${word()} ü`,
    items: Array.from({ length: 1 + next(6) }, item),
  })
  const file = openSync(path, 'w')
  let id = 0
  for (let bytes = 0; bytes < bytesWanted; ) {
    const block = Array.from({ length: 2000 }, () => `${JSON.stringify(order(id++))}\n`).join('')
    bytes += writeSync(file, block)
  }
  closeSync(file)
}

/** Count of lines and checksum of a stream. */
const digest = async (stream) => {
  const hash = createHash('sha256')
  let lines = 0
  for await (const chunk of stream) {
    hash.update(chunk)
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++
  }
  return { lines, sum: hash.digest('hex') }
}

const commands = {
  millrace: ({ brokers, topic, path }) => ({
    program: process.execPath,
    args: [command, 'produce', topic, '-b', brokers, '--file', path, '--quiet'],
  }),
  kcat: ({ brokers, topic, path }) => ({
    program: 'kcat',
    args: ['-P', '-b', brokers, '-t', topic, '-l', path],
  }),
  java: ({ brokers, topic, path, libraries }) => ({
    program: 'java',
    args: [
      ...['-cp', `${libraries}/*`, 'org.apache.kafka.tools.ConsoleProducer'],
      ...['--bootstrap-server', brokers, '--topic', topic],
    ],
    input: path,
  }),
}

const procNumber = (pid, file, pattern) => {
  try {
    return Number(pattern.exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** CPU seconds of a process, from the two fields behind the 13th of its stat. */
const cpuSeconds = (pid) => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  } catch {
    return 0
  }
}

/** Runs a contestant to its end; what it took, sampled while it was alive. */
const measure = async ({ program, args, input }) => {
  const stdin = input === undefined ? 'ignore' : openSync(input, 'r')
  const startedMs = performance.now()
  const child = spawn(program, args, { stdio: [stdin, 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  let peakMegabytes = 0
  let cpu = 0
  const sampler = setInterval(() => {
    const kilobytes = procNumber(child.pid, 'status', /VmHWM:\s+(\d+)/)
    peakMegabytes = Math.max(peakMegabytes, kilobytes / 1000)
    cpu = Math.max(cpu, cpuSeconds(child.pid))
  }, sampleIntervalMs)
  const [code] = await once(child, 'close')
  clearInterval(sampler)
  if (stdin !== 'ignore') closeSync(stdin)
  if (code !== 0) throw new Error(`${program} ended with exit code ${code}: ${errors.slice(-500)}`)
  return { seconds: (performance.now() - startedMs) / 1000, cpu, peakMegabytes }
}

/** What Java's console consumer reads, from the beginning to the number of records wanted. */
const readBack = async ({ brokers, topic, libraries }, count) => {
  const child = spawn(
    'java',
    [
      ...['-cp', `${libraries}/*`, 'org.apache.kafka.tools.consumer.ConsoleConsumer'],
      ...['--bootstrap-server', brokers, '--topic', topic, '--from-beginning'],
      ...['--max-messages', String(count), '--timeout-ms', '60000'],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  return digest(child.stdout)
}

const java = async (libraries, args) => {
  const child = spawn('java', ['-cp', `${libraries}/*`, ...args], { stdio: 'ignore' })
  await once(child, 'close')
}

/** The log's end by the broker, so that a record too many is seen as well. */
const endOffset = async ({ brokers, topic, libraries }) => {
  const tool = 'org.apache.kafka.tools.GetOffsetShell'
  const args = ['-cp', `${libraries}/*`, tool, '--bootstrap-server', brokers, '--topic', topic]
  const child = spawn('java', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  for await (const chunk of child.stdout) output += chunk
  return Number(/:0:(\d+)/.exec(output)?.[1])
}

/** One run; the topic is read back where `checks` says so, and is gone afterwards. */
const runOnce = async (name, setting, admin, wanted, checks) => {
  const topic = `produce-file-${name}-${process.pid}-${Date.now()}`
  await admin.createTopic({ name: topic, partitions: 1 }, { timeoutMs: 30_000 })
  const target = { ...setting, topic }
  const result = await measure(commands[name](target))
  const stored = await endOffset(target)
  if (stored !== wanted.lines) throw new Error(`${name}: ${stored} of ${wanted.lines} records`)
  if (checks) {
    const { lines, sum } = await readBack(target, wanted.lines)
    if (lines !== wanted.lines || sum !== wanted.sum) {
      throw new Error(`${name}: Java read ${lines} lines, SHA-256 ${sum}; not what was sent`)
    }
  }
  const { brokers, libraries } = setting
  const tool = ['org.apache.kafka.tools.TopicCommand', '--bootstrap-server', brokers]
  await java(libraries, [...tool, '--delete', '--topic', topic])
  console.log(
    `${name.padEnd(10)} ${result.seconds.toFixed(2)} s  CPU ${result.cpu.toFixed(2)} s  ` +
      `peak ${result.peakMegabytes.toFixed(0)} MB${checks ? '  read back by Java: the same' : ''}`,
  )
  return result
}

const median = (numbers) => numbers.toSorted((one, other) => one - other)[numbers.length >> 1]

const compare = (results, wanted) => {
  const medians = new Map(
    [...results].map(([name, runs]) => [name, median(runs.map(({ seconds }) => seconds))]),
  )
  console.log(`\n${''.padEnd(10)}  seconds    MB/s  CPU s  peak MB  times millrace`)
  const own = medians.get('millrace')
  for (const [name, runs] of results) {
    const seconds = medians.get(name)
    const cells = [
      seconds.toFixed(2).padStart(8),
      (wanted.bytes / 1e6 / seconds).toFixed(0).padStart(7),
      median(runs.map(({ cpu }) => cpu))
        .toFixed(1)
        .padStart(6),
      Math.max(...runs.map(({ peakMegabytes }) => peakMegabytes))
        .toFixed(0)
        .padStart(8),
      own === undefined ? '' : (seconds / own).toFixed(2).padStart(15),
    ]
    console.log(`${name.padEnd(10)} ${cells.join(' ')}`)
  }
  const memory = Math.max(0, ...(results.get('millrace') ?? []).map((run) => run.peakMegabytes))
  if (memory >= memoryMegabytesMax) throw new Error(`millrace took ${memory.toFixed(0)} MB`)
  const faster = [...medians].find(([, seconds]) => seconds < own)
  if (faster !== undefined) throw new Error(`${faster[0]} was faster than millrace`)
}

const run = async (brokers, libraries, path) => {
  const wanted = await digest(createReadStream(path))
  wanted.bytes = statSync(path).size
  console.log(`${path}: ${wanted.lines} lines, ${wanted.bytes} bytes\n`)
  const names = options.contestants.split(',')
  const results = new Map(names.map((name) => [name, []]))
  const admin = new Admin({ brokers })
  const setting = { brokers, path, libraries }
  // The broker's JVM compiles while it works: the first contestant would be slower.
  await runOnce(names[0], setting, admin, wanted, false)
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      // The console consumer takes twenty times as long as the sending.
      const checks = round === 0 && name === 'millrace'
      const outcome = await runOnce(name, setting, admin, wanted, checks)
      results.get(name).push(outcome)
    }
  }
  await admin.close()
  compare(results, wanted)
}

/** The console tools of 4.4.0 need a class that its published jars lack. */
const kafkaVersion = '4.3.1'

/** The broker and the libraries that were named, or the project's own. */
const withKafka = async (work) => {
  const { kafkaLibs, startKafka } = await import(fixture)
  const libraries = options['kafka-libs'] ?? (await kafkaLibs(kafkaVersion))
  if (options.brokers !== undefined) return work(options.brokers, libraries)
  const kafka = await startKafka({ version: kafkaVersion, fullSpeed: true, heapMegabytes: 1024 })
  try {
    return await work(kafka.brokers.join(), libraries)
  } finally {
    await kafka.close()
  }
}

const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
try {
  const path = options.file ?? join(folder, 'orders.ndjson')
  if (options.file === undefined) writeOrders(path, Number(options.megabytes) * 1e6)
  await withKafka((brokers, libraries) => run(brokers, libraries, path))
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true })
}
