// One run: builds the world of a seed, lets it live to its end, and checks it. The same seed and
// mutation give the same run, step by step.

import type { Engine } from '../../src/engine/engine.ts'
import { TestCluster } from '../../src/in-process-cluster/in-process-cluster.ts'
import { Producer } from '../../src/producer/producer.ts'
import type { CloseReport } from '../../src/producer/producer-lifecycle.ts'
import type { ProduceRequest } from '../../src/protocol/api/00-produce.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { verifyCrc } from '../../src/protocol/records/record-batch.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { MemoryNetwork } from '../../src/runtime/memory-transport.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { Agenda } from './agenda.ts'
import { Chance } from './chance.ts'
import { checks } from './checks.ts'
import { compressInVirtualTime } from './compression.ts'
import { CountChecks } from './count-checks.ts'
import { batchOddities, lingerOddities } from './decision-checks.ts'
import { observeEngine } from './engine-observer.ts'
import { InjectedFaults } from './injected-faults.ts'
import { Journal } from './journal.ts'
import { Ledger } from './ledger.ts'
import { Log } from './log.ts'
import type { Patches } from './patch.ts'
import { drawPlan, type Plan } from './plan.ts'
import { countsOf, type Outcome, playSeed, type RunOptions } from './play-seed.ts'
import { Program } from './program.ts'
import { WatchedTransport, type WrittenBatch } from './watched-transport.ts'

const cleanUpMs = 200_000

interface WorldParts {
  readonly plan: Plan
  readonly chance: Chance
  readonly clock: VirtualClock
  readonly network: MemoryNetwork
  readonly journal: Journal
  readonly cluster: TestCluster
  readonly log: Log
}

class World {
  readonly plan: Plan
  readonly clock: VirtualClock
  readonly agenda: Agenda
  readonly ledger: Ledger
  readonly journal: Journal
  readonly network: MemoryNetwork
  readonly transport: WatchedTransport
  readonly cluster: TestCluster
  readonly producer: Producer
  readonly program: Program
  readonly injected: InjectedFaults
  readonly #log: Log
  /** By topic, partition, id, epoch and sequence: which record has the number. */
  readonly #numbers = new Map<string, number>()
  readonly #bufferMemoryBytes: number
  readonly #counts: CountChecks
  #closing: Promise<unknown> | null = null
  #closedByNodes = 0
  errorsReported = 0

  constructor(parts: WorldParts) {
    const { plan, clock, network, journal, cluster, log } = parts
    this.plan = plan
    this.clock = clock
    this.agenda = new Agenda(clock)
    this.network = network
    this.journal = journal
    this.cluster = cluster
    this.#log = log
    this.ledger = new Ledger(
      () => clock.now(),
      () => clock.wallTime(),
    )
    this.transport = new WatchedTransport({
      clock,
      network,
      topicName: (id) => journal.topicName(id),
      onBatch: (batch) => this.#onBatch(batch),
      onOddity: (text) => this.fail('wire', text),
      trace: log.trace,
    })
    this.#bufferMemoryBytes = plan.options.bufferMemoryBytes ?? 0
    this.#counts = new CountChecks(this.ledger, (text) => this.fail('counts', text))
    this.producer = this.#makeProducer(parts.chance)
    const { ledger, producer, transport, agenda } = this
    const shared = {
      clock,
      agenda,
      trace: log.trace,
      onOddity: (text: string) => this.fail('calls', text),
    }
    this.program = new Program({ ...shared, ledger, producer, sample: () => this.sample() })
    this.injected = new InjectedFaults({ ...shared, plan, cluster, network, transport, journal })
  }

  #makeProducer(chance: Chance): Producer {
    const onError = (error: KafkaError): void => {
      this.errorsReported++
      this.#log.trace(`onError  ${error.code}: ${error.message}`)
      if (!(error instanceof KafkaError)) this.fail('errors', 'onError got no KafkaError')
    }
    return new Producer(
      { ...this.plan.options, brokers: this.#bootstrap(), logger: silentLogger, onError },
      { clock: this.clock, random: chance.random, transport: this.transport },
    )
  }

  fail(check: string, text: string): void {
    this.#log.fail(check, text)
  }

  #bootstrap(): string[] {
    const { brokers } = this.cluster
    if (this.plan.bootstrap === 'all') return brokers
    if (this.plan.bootstrap === 'first') return brokers.slice(0, 1)
    this.network.setHost('kafka.test', ['127.0.0.1'])
    return [brokers[0]!.replace('127.0.0.1', 'kafka.test')]
  }

  #onBatch(batch: WrittenBatch): void {
    const { topic, partition, ids, producerId, epoch, sequence } = batch
    const { plan, ledger, clock } = this
    const oddities = [
      ...batchOddities(plan, batch),
      ...lingerOddities(plan, batch, ledger, clock.now()),
    ]
    for (const text of oddities) this.fail('topic options', text)
    for (const [index, id] of ids.entries()) {
      const entry = this.ledger.entries[id]
      if (entry !== undefined) entry.reachedSocket = true
      else
        this.fail('wire', `a record that the program never sent was sent to ${topic}-${partition}`)
      if (producerId < 0) continue
      const key = `${topic}-${partition}/${producerId}/${epoch}/${sequence + index}`
      const other = this.#numbers.get(key)
      if (other === undefined) this.#numbers.set(key, id)
      else if (other !== id) this.fail('wire', `records ${other} and ${id} share the number ${key}`)
    }
    this.sample()
  }

  afterStep(engine: Engine): void {
    this.#counts.afterStep(engine, this.#closing !== null)
  }

  /** Memory stays within the bound, and what one record or one batch may add to it. */
  sample(): void {
    const { bufferUsedBytes, waitingBytes } = this.producer.metrics()
    const held = bufferUsedBytes + waitingBytes
    if (held > this.#bufferMemoryBytes + 12_000) {
      this.fail('memory', `${held} bytes held, of ${this.#bufferMemoryBytes}`)
    }
    if (bufferUsedBytes < 0 || waitingBytes < 0) {
      this.fail('memory', `${bufferUsedBytes} bytes used, ${waitingBytes} waiting`)
    }
  }

  /** Time in which, without faults, what is under way comes to its end. */
  get waitLimitMs(): number {
    const { options, cluster, network } = this.plan
    const { requestTimeoutMs = 0, connectTimeoutMs = 0, retryBackoffMaxMs = 0 } = options
    const { reconnectBackoffMaxMs = 0, lingerMs = 0, flush } = options
    const backlogMs =
      (this.#bufferMemoryBytes / network.windowBytes) * (2 * network.latencyMaxMs + 2)
    return (
      3 * (requestTimeoutMs + connectTimeoutMs) +
      5 * (retryBackoffMaxMs + reconnectBackoffMaxMs) +
      3 * cluster.electionMs +
      lingerMs +
      (flush?.intervalMs ?? 0) +
      backlogMs +
      5000
    )
  }

  get faults(): number {
    return this.injected.count
  }

  get counts() {
    return countsOf(this.ledger)
  }

  async live(): Promise<void> {
    await this.#play()
    this.#checkAll()
  }

  async #play(): Promise<void> {
    const { calls, faults, ending, calmAtMs } = this.plan
    for (const call of calls) this.#at(call.atMs, () => this.program.run(call))
    for (const fault of faults) this.#at(fault.atMs, () => this.injected.run(fault))
    if (ending.atMs >= 0) {
      this.#at(ending.atMs, () => {
        this.#closing = this.#close()
      })
    }
    await this.clock.advance(Math.max(calmAtMs, ending.atMs) + 1)
    this.injected.end()
    if (this.#closing === null) {
      await this.#settleAll()
      await this.#probe()
    }
    await this.#finish(this.#closing ?? this.#close())
  }

  #at(atMs: number, action: () => void): void {
    this.agenda.after(atMs, action)
  }

  /** Everything settles, and every call comes back, once nothing goes wrong any more. */
  async #settleAll(): Promise<void> {
    // What is for a place that there never was may wait for as long as its options allow.
    const waitsLong = this.plan.calls.some(
      (call) =>
        'records' in call &&
        call.records.some(({ topic, partition }) => this.#hasNoPlace(topic, partition)),
    )
    const { maxBlockMs = 0, deliveryTimeoutMs = 0 } = this.plan.options
    const limitMs = this.waitLimitMs + (waitsLong ? maxBlockMs + deliveryTimeoutMs : 0)
    try {
      await this.clock.runUntil(
        () => this.ledger.unsettled.length === 0 && this.program.pendingCalls.length === 0,
        limitMs,
      )
    } catch (error) {
      const left = this.ledger.unsettled.map(({ id }) => id)
      const calls = this.program.pendingCalls.join(', ')
      const { unsettledBatches, waitingBytes, requestsInFlight } = this.producer.metrics()
      const held = JSON.stringify({ unsettledBatches, waitingBytes, requestsInFlight })
      this.fail('progress', `${reasonOf(error)}: ${held} records ${left.join(' ')} ${calls}`)
    }
  }

  #hasNoPlace(topic: string, partition: number): boolean {
    if (!this.cluster.topics.includes(topic)) return true
    return partition >= this.cluster.partitions(topic).length
  }

  /** Without faults, a record for each partition is delivered: nothing stays stuck. */
  async #probe(): Promise<void> {
    let left = this.plan.topics.filter(({ name }) => this.cluster.topics.includes(name))
    const endMs = this.clock.now() + this.waitLimitMs
    for (let round = 0; left.length > 0; round++) {
      if (round >= 4 && this.clock.now() >= endMs) break
      const sent = left.map((topic) => ({
        topic,
        entries: this.cluster.partitions(topic.name).map((_, partition) =>
          this.program.send(
            {
              topic: topic.name,
              partition,
              key: 'probe',
              valueBytes: 10,
              tombstone: false,
              headers: 0,
              timestampOffsetMs: null,
              reusesBytes: false,
            },
            { abortAfterMs: -1, timeoutMs: -1 },
            'probe',
          ),
        ),
      }))
      const entries = sent.flatMap((each) => each.entries)
      try {
        await this.clock.runUntil(
          () => entries.every(({ settledCount }) => settledCount > 0),
          this.waitLimitMs,
        )
      } catch (error) {
        this.fail('progress', `probes are not settled: ${reasonOf(error)}`)
        return
      }
      left = sent
        .filter((each) => each.entries.some(({ error }) => error !== null))
        .map(({ topic }) => topic)
    }
    for (const { name } of left) this.fail('progress', `${name} takes no record any more`)
  }

  #close(): Promise<unknown> {
    const { kind, withinMs } = this.plan.ending
    const { producer } = this
    this.#log.trace(`call     ${kind}`)
    const withinCalls = (): Promise<unknown> => {
      if (kind === 'closeWithin') return producer.close({ timeoutMs: withinMs })
      if (kind === 'closeUntilAbort') {
        const controller = new AbortController()
        this.agenda.after(withinMs, () => controller.abort())
        return producer.close({ signal: controller.signal })
      }
      if (kind === 'destroy') producer.destroy(new Error('enough'))
      return producer.close()
    }
    const closing = withinCalls()
    if (producer.close() !== closing) this.fail('close', 'twice is not the same promise')
    const startedAtMs = this.clock.now()
    return closing.then(() => {
      this.transport.endOfUse()
      this.#log.trace('back     close')
      const limitMs =
        kind === 'destroy' ? 0 : kind === 'close' ? Number.POSITIVE_INFINITY : withinMs
      const tookMs = this.clock.now() - startedAtMs - this.program.stalledMs
      if (tookMs > limitMs + 100) this.fail('close', `took ${tookMs} ms of ${limitMs}`)
    })
  }

  async #finish(closing: Promise<unknown>): Promise<void> {
    const { maxBlockMs = 0, deliveryTimeoutMs = 0 } = this.plan.options
    try {
      await this.clock.runUntil(closing, this.waitLimitMs + maxBlockMs + deliveryTimeoutMs)
      this.#checkReport(await this.producer.close())
    } catch (error) {
      this.fail('progress', `close does not end: ${reasonOf(error)}`)
    }
    this.#useAfterClose()
    await this.clock.advance(1)
    this.agenda.drop()
    // What is on its way still arrives.
    await this.clock.advance(2000)
    this.#closedByNodes = this.journal.closedByNodes
    await this.cluster.close()
    await this.clock.advance(100)
    this.#checkLeftovers()
    await this.clock.advance(cleanUpMs)
  }

  /** Every record that was taken, or rejected by a promise, is one of the two. */
  #checkReport({ delivered, failed }: CloseReport): void {
    const taken = this.ledger.entries.filter((entry) => entry.taken)
    // What came after close may be rejected later than the report.
    const early = taken.filter(({ error }) => error?.code !== 'CLOSED')
    const sum = delivered + failed
    if (sum >= early.length && sum <= taken.length) return
    this.fail('close', `${delivered} delivered and ${failed} failed of ${taken.length}`)
  }

  #useAfterClose(): void {
    const record = { topic: this.plan.topics[0]!.name, value: 'late' }
    try {
      this.producer.enqueue(record)
      this.fail('close', 'enqueue works after close')
    } catch (error) {
      if (!(error instanceof KafkaError) || error.code !== 'CLOSED')
        this.fail('close', String(error))
    }
    this.producer.send(record).then(
      () => this.fail('close', 'send works after close'),
      () => {},
    )
    this.producer
      .flush()
      .catch((error) => this.fail('close', `flush after close: ${String(error)}`))
  }

  #checkLeftovers(): void {
    const { openStreams } = this.transport
    if (openStreams > 0) this.fail('leak', `${openStreams} streams are open`)
    const { pendingTimers } = this.clock
    if (pendingTimers > 0) this.fail('leak', `${pendingTimers} timers are left`)
    const { bufferUsedBytes, waitingBytes, unsettledBatches, requestsInFlight } =
      this.producer.metrics()
    const held = { bufferUsedBytes, waitingBytes, unsettledBatches, requestsInFlight }
    if (Object.values(held).some((count) => count !== 0)) this.fail('leak', JSON.stringify(held))
  }

  /** onError receives each failed send, and each failed record without a callback. */
  #checkErrorsTold(): void {
    // One send came after close.
    const least = this.program.failures + 1
    const unrequested = this.ledger.entries.filter(
      ({ taken, isResultRequested: isAsked }) => taken && !isAsked,
    ).length
    if (this.errorsReported >= least && this.errorsReported <= least + unrequested) return
    this.fail('errors', `onError received ${this.errorsReported} failures of ${least} or more`)
  }

  #checkAll(): void {
    const evidence = {
      plan: this.plan,
      ledger: this.ledger,
      journal: this.journal,
      metrics: this.producer.metrics(),
      faults: this.injected.count,
      closedByNodes: this.#closedByNodes,
      stalledMs: this.program.stalledMs,
      endedAtMs: this.clock.now() - cleanUpMs,
    }
    this.#checkErrorsTold()
    for (const [name, check] of Object.entries(checks)) {
      for (const text of check(evidence)) this.fail(name, text)
    }
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

const start = async (plan: Plan, keepsTrace: boolean, patches: Patches): Promise<[World, Log]> => {
  const chance = new Chance(plan.seed)
  const clock = new VirtualClock({ stepsMax: 3_000_000 })
  const log = new Log(clock, keepsTrace)
  const journal = new Journal(() => clock.now(), log.trace)
  journal.install(patches, plan.cluster)
  compressInVirtualTime(patches, clock, chance.fork(11).random)
  let world: World | null = null
  observeEngine(patches, {
    trace: log.trace,
    onOddity: (text) => log.fail('metadata', text),
    onStep: (engine) => world?.afterStep(engine),
  })
  const { latencyMinMs, latencyMaxMs, pieceBytesMax, windowBytes } = plan.network
  const latency = chance.fork(12)
  const network = new MemoryNetwork({
    clock,
    random: chance.fork(13).random,
    latencyMs: () => latency.between(latencyMinMs, latencyMaxMs),
    pieceBytesMax,
    windowBytes,
  })
  const { nodes, racks, versions, unknownProducers, electionMs, autoCreateTopics } = plan.cluster
  const topics = plan.topics.filter(({ exists }) => exists)
  const cluster = await TestCluster.start(
    {
      nodes,
      racks,
      versions,
      unknownProducers,
      electionMs,
      autoCreateTopics,
      defaultPartitions: 4,
      topics: Object.fromEntries(
        topics.map(({ name, partitions, config }) => [name, { partitions, config }]),
      ),
      onRequest: ({ api, node, body }) => {
        if (api === 'Produce') checkArrival(body as ProduceRequest, node, log)
      },
    },
    { transport: network, clock, random: chance.fork(14).random },
  )
  world = new World({ plan, chance: chance.fork(15), clock, network, journal, cluster, log })
  return [world, log]
}

/**
 * What arrives is what was sent: a change of a buffer that a socket still reads is found here.
 */
const checkArrival = ({ topicData }: ProduceRequest, node: number, log: Log): void => {
  for (const { partitionData } of topicData) {
    for (const { index, records } of partitionData) {
      if (records === null || verifyCrc(records)) continue
      log.fail('wire', `node ${node} got a damaged batch for partition ${index}`)
    }
  }
}

/** Runs a seed. */
export const runSeed = (seed: number, options: RunOptions = {}): Promise<Outcome> => {
  const plan = drawPlan(seed)
  return playSeed(plan.seed, options, (keepsTrace, patches) => start(plan, keepsTrace, patches))
}
