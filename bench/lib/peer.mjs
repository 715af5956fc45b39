// The peer of a measurement: the project's own Kafka, or the in-process cluster in another process.
// Both offer the same: addresses, topics made on demand, an end.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Admin } from '../../packages/millrace/dist/src/index.js'

const fixturePath = '../../packages/millrace/dist/test/kafka/fixture/index.js'
const peerScript = fileURLToPath(new URL('../scaling/peer.mjs', import.meta.url))

/** A broker makes so many partitions in one request at most (KRaft: 10,000 records, two each). */
export const partitionsPerTopicMax = 5000
const createTimeoutMs = 120_000
const waitMs = 200

/**
 * A measurement must not see elections because the machine stood still for a moment, and ten
 * thousand partitions must not take ten megabytes of index each.
 */
const properties = {
  'auto.create.topics.enable': 'false',
  'broker.session.timeout.ms': '60000',
  'log.index.size.max.bytes': '65536',
  'message.max.bytes': String(8 * 2 ** 20),
}

const startRealKafka = async (nodes) => {
  const { startKafka } = await import(fixturePath)
  const heapMegabytes = nodes === 1 ? 1024 : 512
  const kafka = await startKafka({ nodes, fullSpeed: true, heapMegabytes, properties })
  return { name: `Kafka ${kafka.version}`, brokers: kafka.brokers, close: () => kafka.close() }
}

const startInProcess = async (nodes) => {
  const child = spawn(process.execPath, [peerScript, JSON.stringify({ nodes })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  const close = async () => {
    child.stdin.end()
    await once(child, 'exit')
  }
  return { name: 'in-process cluster', brokers: JSON.parse(line), close }
}

/** Leaders of a topic that was just made spread over the cluster. */
const untilLed = async (admin, name, partitions) => {
  const deadline = performance.now() + createTimeoutMs
  for (;;) {
    const description = await admin.describeTopic(name).catch(() => null)
    const led = description?.partitionList.filter(({ leaderId }) => leaderId >= 0) ?? []
    if (led.length === partitions) return
    if (performance.now() > deadline) throw new Error(`topic ${name} got no leaders`)
    await new Promise((resolve) => setTimeout(resolve, waitMs))
  }
}

/** `kind` is `kafka` or `cluster`. */
export const startPeer = async (kind, nodes = 1) => {
  const peer = await (kind === 'kafka' ? startRealKafka : startInProcess)(nodes)
  const admin = new Admin({ brokers: peer.brokers })
  let topicCount = 0
  return {
    ...peer,
    /** Makes topics that have `partitions` together, and returns their names. */
    makeTopics: async (partitions, config = {}) => {
      const names = []
      for (let left = partitions; left > 0; left -= partitionsPerTopicMax) {
        const name = `scaling-${topicCount++}`
        const count = Math.min(left, partitionsPerTopicMax)
        await admin.createTopic(
          { name, partitions: count, replicationFactor: 1, config },
          { timeoutMs: createTimeoutMs },
        )
        await untilLed(admin, name, count)
        names.push(name)
      }
      return names
    },
    close: async () => {
      await admin.close()
      await peer.close()
    },
  }
}
