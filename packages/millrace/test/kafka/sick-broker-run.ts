// One load with one client on a real Kafka of three nodes, of which one gets sick for a while, and
// the figures of that time. Used by sick-broker.test.ts.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { partitionForKey } from '../../src/index.ts'
import { pause, programPath } from '../soak/load-process.ts'
import { type Kafka, kafkaLibs, latestKafka, startKafka } from './fixture/index.ts'
import { type SlowProxy, startSlowProxy } from './loopback-proxy.ts'
import type { SickLoad, SickReport } from './sick-broker-load.ts'

export const partitions = 6
export const sickId = 3
export const racks = ['a', 'b', 'c'] as const
/** The listener on which node 3 is behind a proxy. */
const proxied = 'PROXIED'
const keysPerPartition = 10
const bucketMs = 20
const topicAttemptsMax = 100
const javaProgram = fileURLToPath(new URL('./SickBrokerLoad.java', import.meta.url))

export type Client = 'java' | 'millrace'
export type Sickness = 'none' | 'frozen' | 'slow'

export interface SickPlan {
  readonly client: Client
  readonly sickness: Sickness
  /** Beside the brokers' addresses, by Kafka's names. */
  readonly properties: Readonly<Record<string, string>>
  readonly keylessPerSecond: number
  readonly keyedPerSecond: number
  readonly calmMs: number
  /** At most. */
  readonly sickMs: number
  readonly afterMs: number
  /** It ends earlier once so many records of each kind are delivered to the other nodes. */
  readonly enough?: number
}

/** What was delivered while the node was sick. */
export interface Flow {
  readonly perSecond: number
  /** The fewest in a second, the seconds counted from the beginning. */
  readonly lowest: number
  /** The longest time without one. */
  readonly pauseMs: number
  /** Of those that were sent meanwhile and delivered at last, the part delivered meanwhile. */
  readonly inTime: number
}

export interface SickFigures {
  readonly keyless: Flow
  /** Part of the records without a key that were sent meanwhile to the sick node. */
  readonly keylessToSick: number
  /** Records with a key for the nodes that are well, and for the sick one. */
  readonly healthy: Flow
  readonly sick: Flow
  readonly failed: Readonly<Record<string, number>>
  readonly isEnough: boolean
  /**
   * Records in the log by the node that leads their partition, of the whole run, without the first
   * one of each partition.
   */
  readonly inLog: Readonly<Record<number, number>>
}

/** So many keys for each partition. */
const evenKeys = (): string[] => {
  const keys: string[][] = Array.from({ length: partitions }, () => [])
  for (let index = 0; keys.some(({ length }) => length < keysPerPartition); index += 1) {
    const key = `key-${index}`
    const own = keys[partitionForKey(key, partitions)]!
    if (own.length < keysPerPartition) own.push(key)
  }
  return Array.from({ length: keysPerPartition }, (_, row) => keys.map((own) => own[row]!)).flat()
}

/** The partitions that other nodes lead. */
const ofOthers = (leaders: readonly number[]): number[] =>
  [...leaders.keys()].filter((partition) => leaders[partition] !== sickId)

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

/** Adds up some partitions' series, part by part. */
const added = (series: readonly (readonly number[])[], chosen: readonly number[]): number[] => {
  const [first] = series
  return first!.map((_, at) => sumOf(chosen.map((partition) => series[partition]![at]!)))
}

const longestRunOf0 = (values: readonly number[]): number => {
  let longest = 0
  let run = 0
  for (const value of values) {
    run = value === 0 ? run + 1 : 0
    longest = Math.max(longest, run)
  }
  return longest
}

const flowOf = (sent: readonly number[], delivered: readonly number[]): Flow => {
  const perSecond = 1000 / bucketMs
  const seconds: number[] = []
  for (let at = 0; at + perSecond <= delivered.length; at += perSecond) {
    seconds.push(sumOf(delivered.slice(at, at + perSecond)))
  }
  return {
    perSecond: Math.round((sumOf(delivered) * perSecond) / delivered.length),
    lowest: Math.min(...seconds),
    pauseMs: longestRunOf0(delivered) * bucketMs,
    inTime: sumOf(delivered) / Math.max(1, sumOf(sent)),
  }
}

/** Three nodes in three racks, and the proxy in front of node 3. */
export class SickKafka implements AsyncDisposable {
  readonly kafka: Kafka
  readonly #proxy: SlowProxy
  #topics = 0

  private constructor(kafka: Kafka, proxy: SlowProxy) {
    this.kafka = kafka
    this.#proxy = proxy
  }

  /** The cluster does not notice that a node is frozen: clients have to. */
  static async start(): Promise<SickKafka> {
    const proxy = await startSlowProxy()
    const kafka = await startKafka({
      nodes: 3,
      racks,
      listeners: { [proxied]: 'PLAINTEXT' },
      advertisedPorts: { [proxied]: { [sickId]: proxy.port } },
      properties: { 'broker.session.timeout.ms': '600000', 'broker.heartbeat.interval.ms': '2000' },
    })
    proxy.targetPort = kafka.node(sickId).listenerPort(proxied)
    return new SickKafka(kafka, proxy)
  }

  async #setSick(sickness: Sickness, isSick: boolean): Promise<void> {
    if (sickness === 'frozen') await this.kafka.node(sickId).kill(isSick ? 'SIGSTOP' : 'SIGCONT')
    if (sickness === 'slow') this.#proxy.responseDelayMs = isSick ? 200 : 0
  }

  async #offsetsByLeader(topic: string, leaders: readonly number[]) {
    const byLeader: Record<number, number> = {}
    for (const { partition, end } of await this.kafka.admin.offsets(topic)) {
      const leader = leaders[partition]!
      byLeader[leader] = (byLeader[leader] ?? 0) + end - 1
    }
    return byLeader
  }

  async #startLoad(client: Client, load: SickLoad): Promise<ChildProcess> {
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env
    const plan = JSON.stringify(load)
    const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=off'
    // The rate is low: better compilers would only take processor time from the brokers.
    const java = ['java', '-Xmx512m', '-XX:TieredStopAtLevel=1', quiet]
    const libraries = join(await kafkaLibs(latestKafka), '*')
    const [command, ...args] =
      client === 'java'
        ? [...java, '-cp', libraries, javaProgram, plan]
        : [process.execPath, programPath('../kafka/sick-broker-load'), plan]
    return spawn(command!, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  }

  /** A new topic of which each node leads as many partitions; Kafka places them at random. */
  async #createTopic(): Promise<{ topic: string; leaders: readonly number[] }> {
    const { kafka } = this
    for (let attempt = 1; attempt <= topicAttemptsMax; attempt += 1) {
      this.#topics += 1
      const topic = `sick-${this.#topics}`
      await kafka.admin.createTopic(topic, { partitions, replicationFactor: 1 })
      const leaders = (await kafka.node(1).leadersOf(topic))!
      const isEven = kafka.nodes.every(
        ({ id }) => leaders.filter((leader) => leader === id).length === partitions / racks.length,
      )
      if (isEven) return { topic, leaders }
    }
    throw new Error(`None of ${topicAttemptsMax} topics had even leaders.`)
  }

  /** Runs the load in a topic of its own. */
  async run(plan: SickPlan): Promise<SickFigures> {
    const { kafka } = this
    const { topic, leaders } = await this.#createTopic()
    const isProxied = plan.sickness === 'slow'
    const brokers = isProxied ? kafka.brokersOn(proxied).slice(0, sickId - 1) : kafka.brokers
    const { enough: count } = plan
    const enough = count === undefined ? count : { count, partitions: ofOthers(leaders) }
    const load = await this.#startLoad(plan.client, {
      ...plan,
      properties: { 'bootstrap.servers': brokers.join(','), ...plan.properties },
      topic,
      partitions,
      keys: evenKeys(),
      valueBytes: 1000,
      loadMs: plan.calmMs + plan.sickMs + plan.afterMs,
      bucketMs,
      enough,
    })
    const lines = createInterface({ input: load.stdout! })[Symbol.asyncIterator]()
    const line = async () => {
      const { done, value } = await lines.next()
      if (done === true) throw new Error(`The load of ${plan.client} ended early.`)
      return JSON.parse(value)
    }
    try {
      await line()
      await pause(plan.calmMs)
      await this.#setSick(plan.sickness, true)
      const sickAt = Date.now()
      const loaded = line()
      loaded.catch(() => {})
      await (plan.enough === undefined ? pause(plan.sickMs) : loaded)
      const wellAt = Date.now()
      await this.#setSick(plan.sickness, false)
      const { isEnough } = await loaded
      const figures = figuresOf((await line()) as SickReport, leaders, sickAt, wellAt)
      return { ...figures, isEnough, inLog: await this.#offsetsByLeader(topic, leaders) }
    } finally {
      await this.#setSick(plan.sickness, false)
      await this.#endLoad(load)
    }
  }

  async #endLoad(load: ChildProcess): Promise<void> {
    if (load.exitCode !== null || load.signalCode !== null) return
    const ended = once(load, 'exit')
    load.kill('SIGKILL')
    await ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kafka.close()
    await this.#proxy[Symbol.asyncDispose]()
  }
}

const figuresOf = (
  { beganAt, keyless, keyed, failed }: SickReport,
  leaders: readonly number[],
  sickAt: number,
  wellAt: number,
): Omit<SickFigures, 'inLog' | 'isEnough'> => {
  const from = Math.ceil((sickAt - beganAt) / bucketMs)
  const to = Math.floor((wellAt - beganAt) / bucketMs)
  const all = [...leaders.keys()]
  const ofSick = all.filter((partition) => leaders[partition] === sickId)
  const within = (series: readonly (readonly number[])[], chosen: readonly number[]) =>
    added(series, chosen).slice(from, to)
  const flow = ({ sent, delivered }: SickReport['keyed'], chosen: readonly number[]): Flow =>
    flowOf(within(sent, chosen), within(delivered, chosen))
  const sentTo = (chosen: readonly number[]) => sumOf(within(keyless.sent, chosen))
  return {
    keyless: flow(keyless, all),
    keylessToSick: sentTo(ofSick) / Math.max(1, sentTo(all)),
    healthy: flow(keyed, ofOthers(leaders)),
    sick: flow(keyed, ofSick),
    failed,
  }
}
