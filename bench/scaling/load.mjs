// One load of scaling.mjs, in a process of its own: records at a fixed rate, or as fast as they go,
// after a warm-up that is not counted. The task comes as JSON in the first argument; the report
// goes to standard output as one line of JSON.
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { Producer } from '../../packages/millrace/dist/src/index.js'
import { startProfile } from '../lib/profiler.mjs'

const task = {
  brokers: [],
  topics: [],
  producerCount: 1,
  /** Of all producers together; 0 = as fast as they go. */
  recordsPerSecond: 0,
  valueBytes: 100,
  keyed: true,
  /** `callback`: enqueue with a callback for each record; `none`: without; `promise`: send. */
  results: 'callback',
  warmupMs: 1000,
  measuredMs: 3000,
  options: {},
  /** Where a profile of the measured stretch goes; null = none. */
  profile: null,
  profileKind: 'cpu',
  ...JSON.parse(process.argv[2] ?? '{}'),
}

/**
 * Most records that are handed over in one turn of a flood, so that other things get their turn.
 */
const floodTurnRecords = 1000
const keyCount = 1 << 17
const keyBytes = 16

const values = Array.from({ length: 16 }, (_, index) => Buffer.alloc(task.valueBytes, 97 + index))
const keys = Array.from({ length: task.keyed ? keyCount : 0 }, (_, index) =>
  Buffer.from(String(index).padStart(keyBytes, '0')),
)

let failures = 0
const onFailure = (error) => {
  if (failures++ < 3) console.error(error.message)
}
const settled = (error) => {
  if (error !== null) onFailure(error)
}

const recordAt = (index) => ({
  topic: task.topics[index % task.topics.length],
  key: task.keyed ? keys[index % keyCount] : null,
  value: values[index & 15],
})

const producers = Array.from(
  { length: task.producerCount },
  () => new Producer({ brokers: task.brokers, ...task.options }),
)

/** False = not taken. A rejected promise is reported once, as a failed callback is. */
const hand = {
  callback: (producer, record) => producer.enqueue(record, settled),
  none: (producer, record) => producer.enqueue(record),
  promise: (producer, record) => {
    producer.send(record).then(() => {}, onFailure)
    return true
  },
}[task.results]

let sent = 0

/** Sends what is due, every millisecond; what a producer does not take is tried again. */
const paced = (endMs) =>
  new Promise((resolve) => {
    const startedMs = performance.now()
    const first = sent
    const step = () => {
      const now = performance.now()
      const due = first + Math.floor(((now - startedMs) / 1000) * task.recordsPerSecond)
      while (sent < due && hand(producers[sent % producers.length], recordAt(sent))) sent++
      if (now < endMs) setTimeout(step, 1)
      else resolve()
    }
    step()
  })

const flood = (endMs) =>
  Promise.all(
    producers.map(async (producer) => {
      while (performance.now() < endMs) {
        for (let count = 0; count < floodTurnRecords; count++) {
          if (!hand(producer, recordAt(sent))) break
          sent++
        }
        await producer.ready()
        await new Promise(setImmediate)
      }
    }),
  )

const send = (forMs) => (task.recordsPerSecond > 0 ? paced : flood)(performance.now() + forMs)

const sumOf = (name) => producers.reduce((sum, producer) => sum + producer.metrics()[name], 0)

const snapshot = () => ({
  atMs: performance.now(),
  cpu: process.cpuUsage(),
  delivered: sumOf('recordsDelivered'),
  batches: sumOf('batches'),
  requests: sumOf('requests'),
})

/** Metadata of a new topic may not have spread yet. */
const untilKnown = async (producer, topic) => {
  for (;;) {
    try {
      return await producer.partitionsFor(topic)
    } catch (error) {
      if (error.code !== 'UNKNOWN_TOPIC') throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

const difference = (start, end) => {
  const records = end.delivered - start.delivered
  const batches = end.batches - start.batches
  const requests = end.requests - start.requests
  const seconds = (end.atMs - start.atMs) / 1000
  const cpuUs = end.cpu.user + end.cpu.system - start.cpu.user - start.cpu.system
  return {
    recordsPerSecond: records / seconds,
    bytesPerSecond: (records * (task.valueBytes + (task.keyed ? keyBytes : 0))) / seconds,
    cpuUsPerRecord: cpuUs / records,
    cpuShare: cpuUs / 1e6 / seconds,
    recordsPerBatch: records / batches,
    batchesPerRequest: batches / requests,
    requestsPerSecond: requests / seconds,
  }
}

const main = async () => {
  for (const producer of producers) {
    await Promise.all(task.topics.map((topic) => untilKnown(producer, topic)))
  }
  await send(task.warmupMs)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const stopProfile =
    task.profile === null ? null : await startProfile(task.profileKind, task.profile)
  delay.enable()
  const start = snapshot()
  await send(task.measuredMs)
  const end = snapshot()
  delay.disable()
  const heldBytes = sumOf('bufferUsedBytes')
  await stopProfile?.()
  await Promise.all(producers.map((producer) => producer.flush()))
  const report = {
    ...difference(start, end),
    requestMs: producers[0].metrics().requestLatencyMs.p50,
    heldMegabytes: heldBytes / 2 ** 20,
    peakRssMegabytes: process.resourceUsage().maxRSS / 1024,
    loopDelayP50Ms: delay.percentile(50) / 1e6,
    loopDelayP99Ms: delay.percentile(99) / 1e6,
    loopDelayMaxMs: delay.max / 1e6,
    sent,
    delivered: sumOf('recordsDelivered'),
    failures,
    retries: sumOf('retries'),
    node: process.version,
  }
  await Promise.all(producers.map((producer) => producer.close()))
  process.stdout.write(`${JSON.stringify(report)}\n`)
}

await main()
