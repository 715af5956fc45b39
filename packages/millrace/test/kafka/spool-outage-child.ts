// A process for spool-outage.test.ts: it measures how fast it delivers with a spool, takes records
// at a steady rate while the brokers are away, and measures how fast it delivers what has gathered.
// Its standard input says when a phase begins; its output says what each one found.

import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Producer } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'

export interface OutagePlan {
  readonly brokers: readonly string[]
  readonly directory: string
  readonly topic: string
  readonly partitions: number
  readonly normalRecords: number
  readonly awayMs: number
  readonly recordsPerSecond: number
  readonly valueBytes: number
}

const tickMs = 5
const outstandingMax = 2000
const plan = JSON.parse(process.argv[2]!) as OutagePlan
const errors: string[] = []
const producer = new Producer({
  brokers: plan.brokers,
  spool: { directory: plan.directory, maxBytes: 10 * 2 ** 30 },
  onError: (error) => errors.push(`${error.code}: ${error.message}`),
})
const filling = 'x'.repeat(plan.valueBytes)
let sent = 0
let taken = 0
let peakBytes = 0

const say = (message: object): void => {
  writeSync(1, `${JSON.stringify(message)}\n`)
}

const measureMemory = (): void => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
}

const submit = (): Promise<undefined> => {
  const number = sent++
  const partition = number % plan.partitions
  const value = `${number} ${filling}`
  return Promise.resolve(producer.submit({ topic: plan.topic, partition, value })).then(() => {
    taken++
    return undefined
  })
}

const delivered = (): number => producer.metrics().recordsDelivered

/** As fast as it can. */
const normal = async (): Promise<void> => {
  const startedAt = systemClock.now()
  while (sent < plan.normalRecords) {
    const block = Array.from({ length: 500 }, submit)
    await Promise.all(block)
  }
  await producer.flush()
  const seconds = (systemClock.now() - startedAt) / 1000
  measureMemory()
  say({ normalPerSecond: plan.normalRecords / seconds, normalBytes: peakBytes })
}

/** At the plan's rate. */
const away = (): Promise<void> => {
  const startedAt = systemClock.now()
  const first = sent
  return new Promise((resolve) => {
    const tick = (): void => {
      const elapsedMs = systemClock.now() - startedAt
      measureMemory()
      if (elapsedMs >= plan.awayMs) {
        resolve()
        return
      }
      const due = first + Math.floor((elapsedMs / 1000) * plan.recordsPerSecond)
      while (sent < due && sent - taken < outstandingMax) submit()
      systemClock.setTimer(tickMs, tick)
    }
    tick()
  })
}

const reportAway = async (before: number): Promise<void> => {
  await producer.flushSpool()
  const spool = producer.metrics().spool!
  say({ takenAway: taken - before, spoolBytes: spool.bytes, oldestMs: spool.oldestMs, peakBytes })
}

/** Until everything is delivered; the time counts from the first record on. */
const deliver = async (): Promise<void> => {
  const before = delivered()
  let startedAt: number | null = null
  const done = producer.flush()
  let isDone = false
  done.then(() => {
    isDone = true
  })
  await new Promise<void>((resolve) => {
    const look = (): void => {
      measureMemory()
      if (startedAt === null && delivered() > before) startedAt = systemClock.now()
      if (isDone) resolve()
      else systemClock.setTimer(20, look)
    }
    look()
  })
  const seconds = (systemClock.now() - startedAt!) / 1000
  say({ backlogPerSecond: (delivered() - before) / seconds, seconds, peakBytes })
}

const run = async (): Promise<void> => {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  await normal()
  await lines.next()
  const before = taken
  await away()
  await reportAway(before)
  await lines.next()
  await deliver()
  const report = await producer.close()
  say({ report, taken, errors: errors.slice(0, 10) })
  process.exit(0)
}

run().catch((error) => {
  say({ errors: [String(error)] })
  process.exit(1)
})
