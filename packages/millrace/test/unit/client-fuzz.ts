// Damaged responses of one API go through a running producer: connection, metadata, engine,
// metrics and telemetry, on virtual time. Each use of the producer provokes one or more responses
// of the API. client-hostile.test.ts runs it, in threads of client-fuzz-thread.ts, because the
// hooks of Node's test runner cost more than most responses do.

import assert from 'node:assert/strict'
import { KafkaError, Producer, type ProducerOptions } from '../../src/index.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { type Random, randomBelow, seededRandom } from '../../src/runtime/random.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { memoryUsed } from '../soak/memory-used.ts'
import { ResponseTimes } from './damaged-response.ts'
import { ScriptedCluster } from './scripted-cluster.ts'

export interface FuzzPlan {
  readonly api: string
  readonly isTransactional?: boolean
  /** Damaged responses. */
  readonly cases: number
  readonly seed: number
}

export interface FuzzOutcome {
  readonly damaged: number
  readonly uses: number
  readonly producers: number
  readonly growthBytes: number
  readonly slowCount: number
  readonly slowestMs: number
  readonly cpuSeconds: number
}

/** Time of the processor. The compiler and the garbage collector may hold up a few responses. */
const slowShareMax = 0.01
const slowestMsMax = 1_000
const heapGrowthMax = 40 * 1024 * 1024
/** After so many uses the heap is measured, and a good cluster must be used normally. */
const usesPerCheck = 2_000
/** Longer ones are what `npm run fuzz` runs. */
const longRunCases = 10_000
const usesPerProducer = 25
const usesPerTurn = 100

const error = { NOT_LEADER: 6, NOT_COORDINATOR: 16, UNKNOWN_SUBSCRIPTION: 117 }

/** APIs that a producer uses once; the others come again when the cluster needs them. */
const oncePerProducer = new Set(['InitProducerId', 'FindCoordinator', 'GetTelemetrySubscriptions'])
const oncePerConnection = new Set(['ApiVersions', 'SaslHandshake', 'SaslAuthenticate'])

const provocations: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  Metadata: { Produce: error.NOT_LEADER },
  FindCoordinator: { EndTxn: error.NOT_COORDINATOR },
  GetTelemetrySubscriptions: { PushTelemetry: error.UNKNOWN_SUBSCRIPTION },
}

const isTyped = (reason: unknown): KafkaError => {
  assert.ok(reason instanceof KafkaError, `no KafkaError: ${reason}`)
  assert.notEqual(reason.code, 'INTERNAL', reason.stack)
  return reason
}

const optionsFor = ({ api, isTransactional }: FuzzPlan): Partial<ProducerOptions> => ({
  enableMetricsPush: api.includes('Telemetry'),
  ...(isTransactional === true ? { transactionalId: 'x' } : {}),
  ...(api.startsWith('Sasl')
    ? { sasl: { mechanism: 'PLAIN', username: 'u', password: 'p' } as const }
    : {}),
})

/** The producer's callbacks count as the processing of responses. */
const measuredClock = (clock: VirtualClock, { times }: ScriptedCluster): Clock => ({
  now: () => clock.now(),
  wallTime: () => clock.wallTime(),
  setTimer: (delayMs, callback) => clock.setTimer(delayMs, () => times.measure(callback)),
  setImmediate: (callback) => clock.setImmediate(() => times.measure(callback)),
})

/**
 * It lets promises settle, but no event of the loop happens. Node frees what weak references held
 * in such events only: memoryUsed gives them a turn.
 */
const turn = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))

class Fuzz {
  readonly #plan: FuzzPlan
  readonly #clock = new VirtualClock({ stepsMax: Number.MAX_SAFE_INTEGER, turn })
  readonly #random: Random
  readonly #cluster: ScriptedCluster
  #producer: Producer
  #uses = 0
  #producers = 0
  #growth = 0

  constructor(plan: FuzzPlan) {
    this.#plan = plan
    this.#random = seededRandom(plan.seed)
    this.#cluster = new ScriptedCluster(this.#clock, seededRandom(plan.seed + 1))
    // Under version 2, brokers add partitions and offsets by themselves.
    if (/^Add\w+ToTxn$/.test(plan.api)) this.#cluster.transactionVersion = 1
    this.#producer = this.#make()
  }

  #make(): Producer {
    this.#producers++
    return new Producer(
      {
        brokers: ['10.0.0.1:9092', '10.0.0.2:9092'],
        logger: silentLogger,
        onError: () => {},
        deliveryTimeoutMs: 2_000,
        requestTimeoutMs: 500,
        maxBlockMs: 2_000,
        unknownTopicTimeoutMs: 1_000,
        retryBackoffMaxMs: 200,
        reconnectBackoffMaxMs: 100,
        ...optionsFor(this.#plan),
      },
      {
        clock: measuredClock(this.#clock, this.#cluster),
        random: this.#random,
        transport: this.#cluster,
      },
    )
  }

  #settled<Value>(promise: Promise<Value>): Promise<Value> {
    return this.#clock.runUntil(promise, 600_000)
  }

  /** One record or transaction. */
  async #work(producer: Producer, topic: string): Promise<void> {
    if (this.#plan.isTransactional !== true) {
      await producer.send({ topic, value: 'x' })
      return
    }
    await producer.transaction(async (transaction) => {
      if (this.#plan.api.includes('Offset')) {
        await transaction.sendOffsets([{ topic: 't', partition: 0, offset: 1 }], 'group')
      } else await transaction.send({ topic, value: 'x' })
    })
  }

  /** False = the producer can't be used any more. */
  async #use(): Promise<boolean> {
    const { api, isTransactional } = this.#plan
    const provoked = provocations[api] ?? {}
    let isProvoked = false
    this.#cluster.provokes = (name) => {
      const code = isProvoked ? 0 : (provoked[name] ?? 0)
      if (code !== 0) isProvoked = true
      return code
    }
    if (oncePerConnection.has(api)) this.#cluster.disconnect()
    try {
      await this.#settled(this.#work(this.#producer, `t${randomBelow(this.#random, 50)}`))
      if (api.includes('Telemetry')) await this.#clock.advance(5_000)
    } catch (reason) {
      return !(isTyped(reason).kind === 'fatal' && isTransactional === true)
    }
    return true
  }

  async #renew(): Promise<void> {
    await this.#settled(this.#producer.close({ timeoutMs: 100 }).catch(isTyped))
    this.#producer = this.#make()
  }

  /** A good cluster is used normally: by a new producer, and by the one that was deceived. */
  async #checkGood(): Promise<void> {
    const { target, provokes } = this.#cluster
    this.#cluster.target = null
    this.#cluster.provokes = null
    await this.#clock.advance(70_000)
    await this.#settled(this.#work(this.#producer, 'new'))
    await this.#renew()
    for (let count = 0; count < 5; count++) await this.#settled(this.#work(this.#producer, 't0'))
    this.#producer.metrics({ partitions: true })
    this.#cluster.target = target
    this.#cluster.provokes = provokes
  }

  async run(): Promise<FuzzOutcome> {
    const { api, cases } = this.#plan
    // Until the code is compiled, times say little.
    for (let count = 0; count < 10; count++) await this.#checkGood()
    const before = await memoryUsed()
    const spent = process.cpuUsage()
    this.#cluster.times = new ResponseTimes()
    this.#cluster.target = api
    const cluster = this.#cluster
    while (cluster.damagedCount < cases) {
      const isUsable = await this.#use()
      this.#producer.metrics()
      this.#uses++
      assert.ok(this.#uses < 20 * cases, `${cluster.damagedCount} responses were damaged`)
      const isOnce = oncePerProducer.has(api) || this.#uses % usesPerProducer === 0
      if (!isUsable || isOnce) await this.#renew()
      if (this.#uses % usesPerTurn === 0) await new Promise(setImmediate)
      if (this.#uses % usesPerCheck !== 0) continue
      await this.#checkGood()
      this.#growth = Math.max(this.#growth, (await memoryUsed()) - before)
    }
    cluster.target = null
    await this.#renew()
    await this.#checkGood()
    this.#growth = Math.max(this.#growth, (await memoryUsed()) - before)
    await this.#settled(this.#producer.close())
    const { user, system } = process.cpuUsage(spent)
    return this.#checked((user + system) / 1e6)
  }

  #checked(cpuSeconds: number): FuzzOutcome {
    const { count, slowCount, slowestMs } = this.#cluster.times
    // In a short run the compiler's work is a large share.
    const countMax = this.#plan.cases > longRunCases ? count * slowShareMax : count
    const slow = `${slowCount} slow responses, the slowest ${slowestMs} ms`
    const isFast = slowCount <= countMax && slowestMs < slowestMsMax
    assert.ok(isFast, slow)
    assert.ok(this.#growth < heapGrowthMax, `the heap grew by ${this.#growth} bytes`)
    const damaged = this.#cluster.damagedCount
    const { growth: growthBytes, uses, producers } = this.#counts()
    return { damaged, uses, producers, growthBytes, slowCount, slowestMs, cpuSeconds }
  }

  #counts() {
    return { growth: this.#growth, uses: this.#uses, producers: this.#producers }
  }
}

/** Rejects with what went wrong; the plan's seed repeats it. */
export const fuzz = async (plan: FuzzPlan): Promise<FuzzOutcome> => {
  // A producer loads it at first use, and virtual time does not wait for the disk.
  await import('../../src/protocol/otlp.ts')
  // A tenth of the time would be spent on the stacks of errors; a failure is repeated with them.
  if (plan.cases > longRunCases) Error.stackTraceLimit = 0
  return new Fuzz(plan).run()
}
