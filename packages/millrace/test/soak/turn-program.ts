// What one producer does to its event loop: either a batch of very many records, or a stall of the
// application in the middle of sending. Run by turns.test.ts in a process of its own, so that
// nothing but the producer is measured; it prints one report.

import { type KafkaError, Producer, type ProducerRecord } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'

export interface TurnPlan {
  readonly work: 'batch' | 'stall'
  readonly brokers: readonly string[]
  readonly topic: string
  readonly records: number
  readonly stallMs: number
}

export interface TurnReport {
  /** CPU time of each event-loop turn, longest first; not all. */
  readonly turnsMs: readonly number[]
  readonly turnCount: number
  /** The call of sendBatch itself. */
  readonly callMs: number
  readonly elapsedMs: number
  readonly delivered: number
  readonly codes: readonly string[]
  readonly connectionsOpened: number
  readonly connectionFailures: number
  readonly retries: number
  readonly warnings: readonly string[]
}

const reportedTurns = 200
const plan = JSON.parse(process.argv[2]!) as TurnPlan
const warnings: string[] = []
const logger = {
  debug: (message: string) => warnings.push(message),
  info: (message: string) => warnings.push(message),
  warn: (message: string) => warnings.push(message),
  error: (message: string) => warnings.push(message),
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const turn = (): Promise<void> => new Promise((resolve) => systemClock.setImmediate(resolve))

const records = (): ProducerRecord[] => {
  const value = Buffer.alloc(100, 'x')
  return Array.from({ length: plan.records }, (_, index) => ({
    topic: plan.topic,
    key: `key-${index % 1000}`,
    value,
  }))
}

/** Measures every turn until it is stopped. */
const watchTurns = () => {
  const turns: number[] = []
  let last = cpuMs()
  let over = false
  const look = (): void => {
    const now = cpuMs()
    turns.push(now - last)
    last = now
    if (!over) systemClock.setImmediate(look)
  }
  systemClock.setImmediate(look)
  return () => {
    over = true
    return turns.sort((one, other) => other - one)
  }
}

/** Keeps the thread busy, as an application does that computes. */
const stall = (ms: number): void => {
  const until = systemClock.now() + ms
  while (systemClock.now() < until);
}

const batch = async (producer: Producer) => {
  const all = records()
  // Code that runs for the first time is slow.
  await producer.sendBatch(all)
  await turn()
  const endWatch = watchTurns()
  await turn()
  const start = cpuMs()
  const sending = producer.sendBatch(all)
  const callMs = cpuMs() - start
  const { results, failedIndexes } = await sending
  const turns = endWatch()
  const codes = failedIndexes.map((index) => (results[index] as KafkaError).code)
  return { turns, callMs, codes, delivered: results.length - codes.length }
}

/** Requests are under way when the stall begins, and their responses come while it lasts. */
const stalled = async (producer: Producer) => {
  const codes: string[] = []
  let delivered = 0
  const all = records()
  const half = all.length / 2
  const sends: Promise<void>[] = []
  const send = (record: ProducerRecord): void => {
    sends.push(
      producer.send(record).then(
        () => {
          delivered++
        },
        ({ code }: KafkaError) => {
          codes.push(code)
        },
      ),
    )
  }
  for (const record of all.slice(0, half)) send(record)
  while (producer.metrics().requestsInFlight === 0) await turn()
  stall(plan.stallMs)
  for (const record of all.slice(half)) send(record)
  await Promise.all(sends)
  return { turns: [], callMs: 0, codes, delivered }
}

const producer = new Producer({
  brokers: plan.brokers,
  logger,
  onError: () => {},
  // Far below the stall: judged by the clock alone, everything would be late.
  ...(plan.work === 'stall' && { requestTimeoutMs: 1000, connectTimeoutMs: 1000 }),
})
await producer.send({ topic: plan.topic, value: 'first' })
const startedAt = systemClock.now()
const { turns, callMs, codes, delivered } = await (plan.work === 'batch' ? batch : stalled)(
  producer,
)
const elapsedMs = systemClock.now() - startedAt
const { connectionsOpened, connectionFailures, retries } = producer.metrics()
await producer.close()
const report: TurnReport = {
  turnsMs: turns.slice(0, reportedTurns),
  turnCount: turns.length,
  callMs,
  elapsedMs,
  delivered,
  codes: codes.slice(0, 100),
  connectionsOpened,
  connectionFailures,
  retries,
  warnings,
}
process.send!(report, () => process.disconnect!())
