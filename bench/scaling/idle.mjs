// Many producers in one process that have sent a record each and have nothing to do: what they cost
// per second, and what memory each holds. The task comes as JSON in the first argument.
import { setTimeout as pause } from 'node:timers/promises'
import { Producer } from '../../packages/millrace/dist/src/index.js'

const { brokers, topics, producerCount, idleMs } = JSON.parse(process.argv[2])

globalThis.gc?.()
const rssBefore = process.memoryUsage().rss
const producers = Array.from({ length: producerCount }, () => new Producer({ brokers }))
const [topic] = topics
await Promise.all(producers.map((producer) => producer.send({ topic, value: 'once' })))
await pause(500)
globalThis.gc?.()
const rssAfter = process.memoryUsage().rss
const cpuStart = process.cpuUsage()
await pause(idleMs)
const { user, system } = process.cpuUsage(cpuStart)
await Promise.all(producers.map((producer) => producer.close()))
const report = {
  cpuMsPerSecond: (user + system) / idleMs,
  kilobytesPerProducer: (rssAfter - rssBefore) / producerCount / 1024,
  node: process.version,
}
process.stdout.write(`${JSON.stringify(report)}\n`)
