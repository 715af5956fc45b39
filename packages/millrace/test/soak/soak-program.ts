// Sends very many records to an in-process cluster that fails every so often and keeps little, and
// measures the heap. Run by soak-run.ts in a process of its own; the plan is its argument.

import { type KafkaError, Producer, type RecordMetadata } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { type Random, seededRandom } from '../../src/runtime/random.ts'
import { type FaultRule, startCluster, type TestCluster } from '../../src/testing.ts'
import type { SoakPlan, SoakReport } from './soak-plan.ts'

const measurements = 40
const topic = 'soak'
const partitions = 12
const batchRecords = 50

const plan = JSON.parse(process.argv[2]!) as SoakPlan
const surprises: string[] = []
process.on('uncaughtException', (error) => surprises.push(String(error)))
process.on('warning', (warning) => surprises.push(String(warning)))

const turn = (): Promise<void> => new Promise((resolve) => systemClock.setImmediate(resolve))

/** What can go wrong with a request; each as often as the others. */
const faultKinds: readonly Omit<FaultRule, 'api' | 'count' | 'when'>[] = [
  { error: 'NOT_ENOUGH_REPLICAS' },
  { error: 'NOT_LEADER_OR_FOLLOWER' },
  { error: 'REQUEST_TIMED_OUT', at: 'after' },
  { error: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', at: 'after' },
  { close: true },
  { close: true, at: 'after' },
  { delayMs: 20 },
  { drop: true, at: 'after' },
]

const setFaults = (cluster: TestCluster, random: Random) => {
  const share = plan.faultShare / faultKinds.length
  return faultKinds.map((kind) =>
    cluster.fault({
      api: 'Produce',
      count: Number.POSITIVE_INFINITY,
      when: () => random.next() < share,
      ...kind,
    }),
  )
}

class Soak {
  readonly #cluster: TestCluster
  readonly #producer: Producer
  readonly #faults: ReturnType<typeof setFaults>
  readonly #startedAt = systemClock.now()
  readonly #value = Buffer.alloc(100, 'x')
  readonly #keys = Array.from({ length: 1000 }, (_, index) => `key-${index}`)
  /** One bit for each record: whether it has its result. */
  readonly #hasResult = new Uint8Array(Math.ceil(plan.records / 8))
  readonly #codes: Record<string, number> = {}
  readonly #heapBytes: number[] = []
  readonly #bufferBytes: number[] = []
  readonly #leak: unknown[] = []
  #sent = 0
  #delivered = 0
  #failed = 0
  #settledTwice = 0

  constructor(cluster: TestCluster) {
    this.#cluster = cluster
    this.#faults = setFaults(cluster, seededRandom(plan.seed))
    this.#producer = new Producer({
      brokers: cluster.brokers,
      logger: silentLogger,
      onError: () => {},
      // Many requests, and short pauses after their many faults.
      batchBytes: 64 * 1024,
      retryBackoffMs: 10,
      requestTimeoutMs: 500,
      reconnectBackoffMaxMs: 100,
    })
  }

  #settled(number: number, error: KafkaError | null): void {
    const bit = 1 << (number & 7)
    if ((this.#hasResult[number >> 3]! & bit) !== 0) this.#settledTwice++
    this.#hasResult[number >> 3]! |= bit
    if (error === null) this.#delivered++
    else {
      this.#failed++
      this.#codes[error.code] = (this.#codes[error.code] ?? 0) + 1
    }
    if (plan.leakBytes > 0 && number % 100 === 0) {
      this.#leak.push(new Array(Math.ceil((plan.leakBytes * 100) / 8)).fill(number))
    }
  }

  #record(number: number) {
    return { topic, key: this.#keys[number % this.#keys.length]!, value: this.#value }
  }

  /** Every kind of call has its turn. */
  async #sendSome(): Promise<void> {
    const number = this.#sent
    const left = plan.records - number
    if (number % 2000 === 0 && left >= batchRecords) {
      this.#sent += batchRecords
      const records = Array.from({ length: batchRecords }, (_, index) =>
        this.#record(number + index),
      )
      void this.#producer.sendBatch(records).then(({ results }) => {
        for (const [index, result] of results.entries()) {
          this.#settled(number + index, result instanceof Error ? (result as KafkaError) : null)
        }
      })
    } else if (number % 10 === 0) {
      this.#sent++
      await this.#producer.ready()
      this.#producer.send(this.#record(number)).then(
        (_: RecordMetadata) => this.#settled(number, null),
        (error: KafkaError) => this.#settled(number, error),
      )
    } else {
      const callback = (error: KafkaError | null): void => this.#settled(number, error)
      if (this.#producer.enqueue(this.#record(number), callback)) this.#sent++
      else await this.#producer.ready()
    }
  }

  async run(): Promise<void> {
    const measureEvery = Math.ceil(plan.records / measurements)
    const cutEvery = Math.ceil(plan.records / (plan.reconnects + 1))
    let measureAt = measureEvery
    let cutAt = cutEvery
    while (this.#sent < plan.records) {
      await this.#sendSome()
      if (this.#sent >= cutAt) {
        cutAt += cutEvery
        for (const node of this.#cluster.nodes) node.disconnectAll()
      }
      if (this.#sent >= measureAt) {
        measureAt += measureEvery
        await this.#measure()
      }
    }
    await this.#measure()
  }

  async #measure(): Promise<void> {
    await this.#producer.flush()
    await turn()
    globalThis.gc!()
    await turn()
    globalThis.gc!()
    const { heapUsed, external } = process.memoryUsage()
    this.#heapBytes.push(heapUsed)
    this.#bufferBytes.push(external)
  }

  async finish(): Promise<SoakReport> {
    await this.#producer.close()
    const { connectionsOpened } = this.#producer.metrics()
    const elapsedMs = systemClock.now() - this.#startedAt
    const inLog = this.#cluster.partitions(topic).reduce((sum, { endOffset }) => sum + endOffset, 0)
    const produceRequests = this.#cluster.requests.Produce!
    await this.#cluster.close()
    await turn()
    return {
      sent: this.#sent,
      delivered: this.#delivered,
      failed: this.#failed,
      settledTwice: this.#settledTwice,
      codes: this.#codes,
      inLog,
      produceRequests,
      faults: this.#faults.reduce((sum, { hits }) => sum + hits, 0),
      connectionsOpened,
      heapBytes: this.#heapBytes,
      bufferBytes: this.#bufferBytes,
      elapsedMs,
      surprises,
      // The pipe to the parent is how we report.
      resources: process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap'),
    }
  }
}

const cluster = await startCluster({
  nodes: 3,
  topics: { [topic]: partitions },
  retention: { records: 10_000 },
})
const soak = new Soak(cluster)
await soak.run()
process.send!(await soak.finish(), () => process.disconnect!())
