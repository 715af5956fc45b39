// A world for the tests of the two layers: the in-process cluster on an in-memory network under
// virtual time, and what a sender needs to live in it.

import type { ClusterOptions } from '../../src/in-process-cluster/cluster-options.ts'
import { TestCluster } from '../../src/in-process-cluster/in-process-cluster.ts'
import type { ProducerEnvironment } from '../../src/producer/environment.ts'
import type { ProducerOptions } from '../../src/producer/producer-options.ts'
import type { Logger } from '../../src/runtime/logger.ts'
import { MemoryNetwork } from '../../src/runtime/memory-transport.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import type { Address } from '../../src/runtime/transport.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'

const limitMsDefault = 600_000

export class Stage {
  readonly cluster: TestCluster
  readonly clock: VirtualClock
  readonly network: MemoryNetwork
  readonly environment: ProducerEnvironment
  /** Warnings and errors that the senders logged. */
  readonly logged: string[] = []
  /** When each Produce request came in. */
  readonly produceTimes: number[] = []

  private constructor(cluster: TestCluster, clock: VirtualClock, network: MemoryNetwork) {
    this.cluster = cluster
    this.clock = clock
    this.network = network
    this.environment = { clock, transport: network, random: seededRandom(7) }
    cluster.onRequest(({ api }) => {
      if (api === 'Produce') this.produceTimes.push(clock.now())
    })
  }

  /** `latencyMs` is what each piece of bytes takes, one way. */
  static async open(options: ClusterOptions = {}, latencyMs = 0): Promise<Stage> {
    const clock = new VirtualClock()
    const network = new MemoryNetwork({ clock, latencyMs })
    const runtime = { transport: network, clock, random: seededRandom(1) }
    const topics = { orders: 3, ...options.topics }
    const start = TestCluster.start({ ...options, topics }, runtime)
    return new Stage(await clock.runUntil(start, limitMsDefault), clock, network)
  }

  /** Where the one node listens. */
  get address(): Address {
    const [host = '', port = ''] = this.cluster.node(1).address.split(':')
    return { host, port: Number(port) }
  }

  target(options: Partial<ProducerOptions> = {}): ProducerOptions {
    const write = (message: string): void => {
      this.logged.push(message)
    }
    const logger: Logger = { debug() {}, info() {}, warn: write, error: write }
    return { brokers: this.cluster.brokers, logger, ...options }
  }

  /** Runs the world until the promise settles; rejects where that takes longer. */
  run<Value>(promise: Promise<Value>, limitMs = limitMsDefault): Promise<Value> {
    return this.clock.runUntil(promise, limitMs)
  }

  /** The values in the log, by partition, then by offset. */
  values(topic = 'orders'): string[] {
    return this.cluster.records(topic).map(({ value }) => String(value))
  }

  async close(): Promise<void> {
    this.network.endOutage(this.address)
    await this.run(this.cluster.close())
  }
}

/** Opens a stage for the body and closes it, whatever happens. */
export const onStage = async (
  options: ClusterOptions,
  body: (stage: Stage) => Promise<void>,
  latencyMs = 0,
): Promise<void> => {
  const stage = await Stage.open(options, latencyMs)
  try {
    await body(stage)
  } finally {
    await stage.close()
  }
}
