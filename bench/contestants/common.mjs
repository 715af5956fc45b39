// What our contestants share: the task from the environment, keys and values, the five loads, the
// clock and the report line. A contestant brings the calls of one way of sending (see `run`).
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'

const text = (name, otherwise) => process.env[`BENCH_${name}`] || otherwise
const number = (name, otherwise) => Number(text(name, otherwise))

export const task = {
  brokers: text('BROKERS', '127.0.0.1:9092').split(','),
  topic: text('TOPIC', 'bench'),
  mode: text('MODE', 'throughput'),
  recordCount: number('N', 100_000),
  warmupCount: number('WARMUP', 1000),
  valueBytes: number('SIZE', 100),
  keyBytes: number('KEY_SIZE', 16),
  compression: text('COMPRESSION', 'none'),
  idempotent: text('IDEMPOTENT', '0') === '1',
  lingerMs: number('LINGER_MS', 0),
  recordsPerSecond: number('RATE', 2000),
  concurrency: number('CONCURRENCY', 1000),
  /** The durability of a spool; empty = none. */
  spool: text('SPOOL', ''),
}

/** Records `from` to `to` - 1 of a load; the warm-up uses the numbers behind the last one. */
const warmup = { from: task.recordCount, to: task.recordCount + task.warmupCount }
const load = { from: 0, to: task.recordCount }

/** The key of record i is i in decimal digits, led by zeros. */
const makeKeys = (count) => {
  const bytes = Buffer.alloc(count * task.keyBytes, '0')
  for (let index = 0; index < count; index++) {
    let rest = index
    for (let at = (index + 1) * task.keyBytes - 1; rest > 0; at--) {
      bytes[at] += rest % 10
      rest = Math.floor(rest / 10)
    }
  }
  return bytes
}

const makeValues = () => {
  const path = text('CORPUS', '')
  const corpus = path ? readFileSync(path) : Buffer.alloc(100 * task.valueBytes, 'millrace ')
  const values = []
  for (let at = 0; at + task.valueBytes <= corpus.length; at += task.valueBytes) {
    values.push(corpus.subarray(at, at + task.valueBytes))
  }
  return values
}

const keys = makeKeys(warmup.to)
const values = makeValues()

export const record = (index) => ({
  topic: task.topic,
  key: keys.subarray(index * task.keyBytes, (index + 1) * task.keyBytes),
  value: values[index % values.length],
})

let errorCount = 0

/** Hands `work(first, end)` one piece of the records after the other, several pieces at a time. */
export const inPieces = async (from, to, pieceRecords, piecesAtATime, work) => {
  let next = from
  const worker = async () => {
    while (next < to) {
      const first = next
      next = Math.min(first + pieceRecords, to)
      await work(first, next)
    }
  }
  await Promise.all(Array.from({ length: piecesAtATime }, worker))
}

/** Counts a failed record; prints the first ones. */
export const failed = (error) => {
  if (errorCount++ < 3) console.error(error instanceof Error ? error.message : error)
}

/** Every delivered record must come with its offset. */
export const delivered = (metadata) => {
  if (!(metadata.offset >= 0)) failed(`no offset for a record of partition ${metadata.partition}`)
}

/** CPU seconds of the main thread so far; undefined where Node does not say (before 22.15). */
const mainThreadSeconds = () => {
  const used = process.threadCpuUsage?.()
  return used === undefined ? undefined : (used.user + used.system) / 1e6
}

/** With BENCH_DELAY=1 the delay of the event loop in milliseconds, by a timer of 1 ms. */
const startDelay = () => {
  if (text('DELAY', '') !== '1') return () => ({})
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  return () => {
    histogram.disable()
    return { delay_p50: histogram.percentile(50) / 1e6, delay_p99: histogram.percentile(99) / 1e6 }
  }
}

/** The clock runs from the first send to the last acknowledgement, in the load only. */
const startClock = () => {
  const cpu = process.cpuUsage()
  const mainStarted = mainThreadSeconds()
  const loop = performance.eventLoopUtilization()
  const delay = startDelay()
  const startedMs = performance.now()
  return () => {
    const seconds = (performance.now() - startedMs) / 1000
    const used = process.cpuUsage(cpu)
    const main_cpu_s = mainStarted === undefined ? undefined : mainThreadSeconds() - mainStarted
    const loop_utilization = performance.eventLoopUtilization(loop).utilization
    return {
      seconds,
      cpu_s: (used.user + used.system) / 1e6,
      main_cpu_s,
      loop_utilization,
      ...delay(),
    }
  }
}

const percentiles = (latencies) => {
  latencies.sort()
  const at = (quantile) => latencies[Math.floor(quantile * (latencies.length - 1))]
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) }
}

const timed = async (one, index, latencies) => {
  const sentMs = performance.now()
  try {
    delivered(await one(index))
  } catch (error) {
    failed(error)
  }
  latencies[index] = performance.now() - sentMs
}

/** What is due is sent every millisecond, whether earlier records were acknowledged or not. */
const openLoop = (one, latencies) =>
  new Promise((resolve) => {
    const startedMs = performance.now()
    let next = 0
    let left = latencies.length
    const settled = () => {
      if (--left === 0) resolve()
    }
    const step = () => {
      const elapsedMs = performance.now() - startedMs
      const due = Math.floor((elapsedMs / 1000) * task.recordsPerSecond) + 1
      for (; next < due && next < latencies.length; next++)
        timed(one, next, latencies).then(settled)
      if (next < latencies.length) setTimeout(step, 1)
    }
    step()
  })

const closedLoop = async (one, latencies, concurrency) => {
  let next = 0
  const worker = async () => {
    while (next < latencies.length) await timed(one, next++, latencies)
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}

const runLoad = async ({ bulk, one, flood = bulk }, latencies) => {
  switch (task.mode) {
    case 'throughput':
      return bulk(load.from, load.to)
    case 'flood':
      return flood(load.from, load.to)
    case 'latency':
      return openLoop(one, latencies)
    case 'sync':
      return closedLoop(one, latencies, 1)
    case 'concurrent':
      return closedLoop(one, latencies, task.concurrency)
    default:
      throw new Error(`no such mode: ${task.mode}`)
  }
}

/**
 * Runs the load that the environment names and prints the report. `use(producer)` returns
 *  bulk(from, to)   sends these records as fast as this way goes; resolves when all have settled
 *  one(index)       sends one record; resolves with its metadata
 *  flood(from, to)  instead of bulk: sends without awaiting, under the producer's own backpressure
 * `make(options)` makes something else than a Producer; the warm-up connects it.
 */
export const run = async (use, make = makeProducer) => {
  try {
    await runTask(use, make)
  } catch (error) {
    console.error(error instanceof Error ? `error: ${error.message}` : error)
    process.exit(1)
  }
}

/** Loaded when it is needed: the peers of ../peers must not carry it in their memory. */
const makeProducer = async (options) => {
  const { Producer } = await import('../../packages/millrace/dist/src/index.js')
  return new Producer(options)
}

/** With BENCH_PROFILE=FILE (and BENCH_PROFILE_KIND=heap) a profile of the load alone. */
const startProfile = async () => {
  const path = text('PROFILE', '')
  if (path === '') return () => {}
  const profiler = await import('../lib/profiler.mjs')
  return profiler.startProfile(text('PROFILE_KIND', 'cpu'), path)
}

/** A spool in a new directory, and how to remove it. */
const makeSpool = () => {
  if (task.spool === '') return { options: {}, remove: () => {} }
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-spool-'))
  return {
    options: { spool: { directory, durability: task.spool, maxBytes: 2 ** 33 } },
    remove: () => rmSync(directory, { recursive: true }),
  }
}

const runTask = async (use, make) => {
  const spool = makeSpool()
  const producer = await make({
    brokers: task.brokers,
    compression: task.compression,
    idempotent: task.idempotent,
    ...spool.options,
  })
  const way = use(producer)
  await producer.connect?.()
  await way.bulk(warmup.from, warmup.to)
  if (errorCount > 0) throw new Error('the warm-up failed')

  const awaited = task.mode !== 'throughput' && task.mode !== 'flood'
  const latencies = new Float64Array(awaited ? task.recordCount : 0)
  const stopProfile = await startProfile()
  const stopClock = startClock()
  await runLoad(way, latencies)
  const report = {
    records: task.recordCount,
    errors: errorCount,
    ...stopClock(),
    rss_mb: process.resourceUsage().maxRSS / 1024,
    node: process.version,
    ...(awaited ? percentiles(latencies) : {}),
  }
  await stopProfile()
  await producer.close({ timeoutMs: 3000 })
  spool.remove()
  process.stdout.write(`${JSON.stringify(report)}\n`)
}
