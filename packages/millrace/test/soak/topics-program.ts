// Sends one record to each of very many topics, which the brokers create, and measures what each
// part of them costs. Run by topics-run.ts in a process of its own; the plan is its argument.

import { Producer } from '../../src/index.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import type { TopicsPart, TopicsPlan, TopicsReport } from './topics-plan.ts'

const plan = JSON.parse(process.argv[2]!) as TopicsPlan
const parts: TopicsPart[] = []
let failed = 0

const { brokers } = plan
const producer = new Producer({ brokers, logger: silentLogger, onError: () => {} })

const memoryBytes = async (): Promise<number> => {
  // The memory of buffers is given back by another thread, after the collection.
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.()
    await new Promise(setImmediate)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const sendWave = async (from: number, to: number): Promise<void> => {
  const sends = Array.from({ length: to - from }, (_, index) =>
    producer.send({ topic: `used-once-${from + index}`, value: 'x' }).catch(() => {
      failed++
    }),
  )
  await Promise.all(sends)
}

const measurePart = async (from: number): Promise<TopicsPart> => {
  const before = { cpu: cpuMs(), requests: producer.metrics().metadataRequests }
  const end = from + plan.partTopics
  for (let first = from; first < end; first += plan.waveTopics) {
    await sendWave(first, Math.min(first + plan.waveTopics, end))
  }
  const spentMs = cpuMs() - before.cpu
  const metadataRequests = producer.metrics().metadataRequests - before.requests
  return { memoryBytes: await memoryBytes(), metadataRequests, cpuMs: spentMs }
}

await producer.connect()
for (let from = 0; from < plan.topics; from += plan.partTopics) parts.push(await measurePart(from))
await producer.close()
process.send?.({ parts, failed } satisfies TopicsReport)
process.disconnect?.()
