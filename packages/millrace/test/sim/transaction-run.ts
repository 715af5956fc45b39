// One run with transactions: builds the world of a seed, lets its sessions live through the faults,
// reads what readers of committed records see, and checks it. As with run.ts, the same seed and
// mutation give the same run.

import type { RequestView } from '../../src/in-process-cluster/faults.ts'
import { TestCluster } from '../../src/in-process-cluster/in-process-cluster.ts'
import { Producer } from '../../src/producer/producer.ts'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { MemoryNetwork } from '../../src/runtime/memory-transport.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { Agenda } from './agenda.ts'
import { Chance } from './chance.ts'
import { readCommitted } from './committed-reader.ts'
import { compressInVirtualTime } from './compression.ts'
import { observeEngine } from './engine-observer.ts'
import { InjectedFaults } from './injected-faults.ts'
import { Journal } from './journal.ts'
import { Ledger } from './ledger.ts'
import { Log } from './log.ts'
import type { Patches } from './patch.ts'
import type { RecordPlan } from './plan-calls.ts'
import type { TransactionFaultStep } from './plan-transaction-faults.ts'
import {
  drawTransactionsPlan,
  type SessionPlan,
  type TransactionsPlan,
} from './plan-transactions.ts'
import { countsOf, type Outcome, playSeed, type RunOptions } from './play-seed.ts'
import type { SessionWorld, TransactionEntry } from './transaction-book.ts'
import { transactionChecks } from './transaction-checks.ts'
import { Session } from './transaction-program.ts'
import { TransactionWatch } from './transaction-watch.ts'
import { WatchedTransport } from './watched-transport.ts'

const cleanUpMs = 200_000
/** Longer than any transaction may be open. */
const transactionsEndMs = 61_000

interface WorldParts {
  readonly plan: TransactionsPlan
  readonly chance: Chance
  readonly clock: VirtualClock
  readonly network: MemoryNetwork
  readonly journal: Journal
  readonly cluster: TestCluster
  readonly watch: TransactionWatch
  readonly log: Log
}

interface Life {
  readonly session: Session
  readonly producer: Producer
  readonly transport: WatchedTransport
}

class World {
  readonly plan: TransactionsPlan
  readonly clock: VirtualClock
  readonly ledger: Ledger
  readonly cluster: TestCluster
  readonly injected: InjectedFaults
  readonly #parts: WorldParts
  readonly #agenda: Agenda
  readonly #lives: Life[] = []
  readonly #transactions: TransactionEntry[] = []
  readonly #shared: SessionWorld
  #ordinal = 1
  #extraFaults = 0
  #wasRejected = false

  constructor(parts: WorldParts) {
    const { plan, clock, network, journal, cluster, log } = parts
    this.#parts = parts
    this.plan = plan
    this.clock = clock
    this.cluster = cluster
    this.#agenda = new Agenda(clock)
    this.ledger = new Ledger(
      () => clock.now(),
      () => clock.wallTime(),
    )
    this.#shared = {
      watch: parts.watch,
      clock,
      agenda: this.#agenda,
      ledger: this.ledger,
      transactions: this.#transactions,
      trace: log.trace,
      onOddity: (text) => this.fail('calls', text),
      maxBlockMs: plan.options.maxBlockMs ?? 60_000,
      nextOrdinal: () => this.#ordinal++,
      firstTopic: plan.topics[0]!.name,
    }
    this.injected = new InjectedFaults({
      plan: { ...plan, calls: [], faults: [], ending: { kind: 'close', atMs: -1, withinMs: 0 } },
      agenda: this.#agenda,
      cluster,
      network,
      transport: this.#newTransport(),
      journal,
      trace: log.trace,
      onOddity: (text) => this.fail('calls', text),
    })
  }

  get faults(): number {
    return this.injected.count + this.#extraFaults
  }

  fail(check: string, text: string): void {
    this.#parts.log.fail(check, text)
  }

  #newTransport(): WatchedTransport {
    const { clock, network, journal, log } = this.#parts
    return new WatchedTransport({
      clock,
      network,
      topicName: (id) => journal.topicName(id),
      onBatch: () => {},
      onOddity: (text) => this.fail('wire', text),
      trace: log.trace,
    })
  }

  #startSession(plan: SessionPlan): void {
    const number = this.#lives.length
    const { chance, clock, log } = this.#parts
    const clientId = `client-${number}`
    const transport = this.#newTransport()
    const onError = (error: KafkaError): void => {
      log.trace(`p${number}       onError ${error.code}: ${error.message}`)
    }
    const { brokers } = this.cluster
    const { transactionalId, transactionTimeoutMs } = plan
    const producer = new Producer(
      {
        ...this.plan.options,
        transactionalId,
        transactionTimeoutMs,
        clientId,
        brokers: this.plan.bootstrap === 'first' ? brokers.slice(0, 1) : brokers,
        logger: silentLogger,
        onError,
      },
      { clock, random: chance.fork(100 + number).random, transport },
    )
    log.trace(`p${number}       starts with ${transactionalId}, timeout ${transactionTimeoutMs} ms`)
    const session = new Session(this.#shared, plan, producer, number, clientId)
    this.#lives.push({ session, producer, transport })
    void session.live()
  }

  /** Time in which, without faults, what is under way comes to its end. */
  get waitLimitMs(): number {
    const { options, cluster, markerDelayMs, coordinatorLoadMs } = this.plan
    const { requestTimeoutMs = 0, connectTimeoutMs = 0, retryBackoffMaxMs = 0 } = options
    const { reconnectBackoffMaxMs = 0, lingerMs = 0, flush } = options
    return (
      3 * (requestTimeoutMs + connectTimeoutMs) +
      5 * (retryBackoffMaxMs + reconnectBackoffMaxMs) +
      3 * cluster.electionMs +
      lingerMs +
      (flush?.intervalMs ?? 0) +
      3 * (markerDelayMs + coordinatorLoadMs) +
      5000
    )
  }

  get counts() {
    return countsOf(this.ledger)
  }

  async live(): Promise<void> {
    const { faults, sessions, calmAtMs } = this.plan
    for (const fault of faults) this.#agenda.after(fault.atMs, () => this.#inject(fault))
    for (const plan of sessions) this.#agenda.after(plan.startAtMs, () => this.#startSession(plan))
    await this.clock.advance(calmAtMs + 1)
    this.injected.end()
    await this.#sessionsEnd()
    await this.#probe()
    await this.#closeAll()
    await this.#finish()
  }

  #inject(step: TransactionsPlan['faults'][number]): void {
    switch (step.kind) {
      case 'transactionRule':
      case 'moveCoordinator':
      case 'abortTransaction':
      case 'upgrade':
        this.#extraFaults++
        this.#parts.log.trace(`fault    ${JSON.stringify(step)}`)
        this.#injectTransactionFault(step)
        return
      default:
        this.injected.run(step)
    }
  }

  #injectTransactionFault(step: TransactionFaultStep): void {
    const { cluster } = this
    switch (step.kind) {
      case 'transactionRule': {
        const { rule, isFinal, isFatal } = step
        const fault = cluster.fault({
          ...rule,
          when: (request) => {
            const applies = !isFinal || this.#mayBeFinal(request)
            if (applies && isFatal) this.#wasRejected = true
            return applies
          },
        })
        this.#agenda.after(step.forMs, () => fault.remove())
        return
      }
      case 'moveCoordinator':
        if (cluster.node(step.node).running) cluster.moveCoordinator(step.of, step.key, step.node)
        return
      case 'abortTransaction': {
        const view = this.#view(step.transactionalId)
        if (view?.state === 'Ongoing') cluster.abortTransaction(step.transactionalId)
        return
      }
      case 'upgrade':
        cluster.setTransactionVersion(2)
        for (const node of cluster.nodes) node.disconnectAll()
        return
      default:
        step satisfies never
    }
  }

  #view(id: string) {
    return this.cluster.transactions().find(({ transactionalId }) => transactionalId === id)
  }

  /** A final response to the end of a transaction is right while that one is open, to a commit. */
  #mayBeFinal({ api, transactionalIds, body }: RequestView): boolean {
    if (api !== 'EndTxn') return true
    const { producerEpoch, committed } = body as { producerEpoch: number; committed: boolean }
    const view = this.#view(transactionalIds[0] ?? '')
    return committed && view?.state === 'Ongoing' && view.producerEpoch === producerEpoch
  }

  async #sessionsEnd(): Promise<void> {
    const { maxBlockMs = 0, deliveryTimeoutMs = 0 } = this.plan.options
    // A record for a partition that there is not waits for as long as its options allow.
    const perTransactionMs = 6 * this.waitLimitMs + 4 * maxBlockMs + 3 * deliveryTimeoutMs
    const limitMs = this.plan.sessions.reduce(
      (sum, { transactions }) => sum + (transactions.length + 2) * perTransactionMs,
      0,
    )
    try {
      await this.clock.runUntil(() => this.#lives.every(({ session }) => session.isOver), limitMs)
    } catch (error) {
      const left = this.#lives
        .filter(({ session }) => !session.isOver)
        .map(({ session }) => `p${session.number}: ${[...session.pending].join(', ')}`)
      this.fail('progress', `${String(error)}: ${left.join('; ')}`)
    }
  }

  /** Without faults, what is open can be aborted, and a transaction goes through. */
  async #probe(): Promise<void> {
    const records = this.plan.topics.map(
      ({ name: topic }): RecordPlan => ({
        topic,
        partition: 0,
        key: 'probe',
        valueBytes: 10,
        tombstone: false,
        headers: 0,
        timestampOffsetMs: null,
        reusesBytes: false,
      }),
    )
    for (const { session } of this.#lives) {
      if (session.closing !== null || session.fatals.some(({ error }) => error.code === 'FENCED'))
        continue
      try {
        const isGood = await this.clock.runUntil(
          this.#probeOne(session, records),
          4 * this.waitLimitMs,
        )
        if (!isGood) this.fail('progress', `p${session.number}: no transaction goes through`)
      } catch (error) {
        this.fail('progress', `p${session.number}: a probe does not end: ${String(error)}`)
      }
    }
  }

  async #probeOne(session: Session, records: readonly RecordPlan[]): Promise<boolean> {
    // The first may meet what the faults left behind: a time that is up, a response that is lost.
    const endMs = this.clock.now() + this.waitLimitMs
    do {
      if (await session.probe(records)) return true
    } while (this.clock.now() < endMs)
    return this.#wasRejected
  }

  async #closeAll(): Promise<void> {
    const closing = this.#lives.map(({ session }) => session.close())
    try {
      await this.clock.runUntil(Promise.all(closing), 3 * this.waitLimitMs)
    } catch (error) {
      this.fail('progress', `close does not end: ${String(error)}`)
    }
    for (const { transport } of this.#lives) transport.endOfUse()
    await this.#rest()
  }

  /** The cluster is not used any more: nothing happens. */
  async #rest(): Promise<void> {
    await this.clock.advance(transactionsEndMs)
    const before = this.clock.steps
    await this.clock.advance(60_000)
    const steps = this.clock.steps - before
    if (steps > 50) this.fail('rest', `${steps} steps in a minute in which nothing happens`)
  }

  async #finish(): Promise<void> {
    const { clock, cluster } = this
    const left = cluster.transactions()
    const heldUp = this.plan.topics.flatMap(({ name }) =>
      (this.#parts.journal.topic(name)?.partitions ?? [])
        .filter(({ log }) => log.transactions.lastStableOffset(log.endOffset) !== log.endOffset)
        .map((partition) => partition.name),
    )
    const topics = this.plan.topics.map(({ name }) => name)
    const reading = readCommitted(topics, cluster.brokers, clock, this.#parts.network)
    const seen = await clock.runUntil(reading, 60_000)
    const committed = this.#committedOffsets()
    const endedAtMs = clock.now()
    this.#agenda.drop()
    await cluster.close()
    await clock.advance(100)
    this.#checkLeftovers()
    await clock.advance(cleanUpMs)
    const evidence = {
      ledger: this.ledger,
      transactions: this.#transactions,
      sessions: this.#lives.map(({ session }) => session),
      seen,
      committed,
      watch: this.#parts.watch,
      wasRejected: this.#wasRejected,
      left,
      heldUp,
      faults: this.faults,
      endedAtMs,
    }
    for (const [name, check] of Object.entries(transactionChecks)) {
      for (const text of check(evidence)) this.fail(name, text)
    }
  }

  #committedOffsets(): ReadonlyMap<string, number> {
    const groups = new Set(
      this.#transactions.flatMap(({ offsets }) => offsets.map(({ group }) => group)),
    )
    const committed = new Map<string, number>()
    for (const group of groups) {
      for (const { offset } of this.cluster.committedOffsets(group)) committed.set(group, offset)
    }
    return committed
  }

  #checkLeftovers(): void {
    for (const { producer, transport, session } of this.#lives) {
      const { bufferUsedBytes, waitingBytes, unsettledBatches, requestsInFlight } =
        producer.metrics()
      const held = { bufferUsedBytes, waitingBytes, unsettledBatches, requestsInFlight }
      const { openStreams } = transport
      const counts = { ...held, openStreams }
      if (Object.values(counts).some((count) => count !== 0)) {
        this.fail('leak', `p${session.number}: ${JSON.stringify(counts)}`)
      }
    }
    const { pendingTimers } = this.clock
    if (pendingTimers > 0) this.fail('leak', `${pendingTimers} timers are left`)
  }
}

const start = async (
  plan: TransactionsPlan,
  keepsTrace: boolean,
  patches: Patches,
): Promise<[World, Log]> => {
  const chance = new Chance(plan.seed)
  const clock = new VirtualClock({ stepsMax: 3_000_000 })
  const log = new Log(clock, keepsTrace)
  const journal = new Journal(() => clock.now(), log.trace)
  journal.install(patches, plan.cluster)
  const watch = new TransactionWatch({ now: () => clock.now(), trace: log.trace })
  watch.install(patches)
  compressInVirtualTime(patches, clock, chance.fork(11).random)
  observeEngine(patches, { trace: log.trace, onOddity: () => {} })
  const { latencyMinMs, latencyMaxMs, pieceBytesMax, windowBytes } = plan.network
  const latency = chance.fork(12)
  const network = new MemoryNetwork({
    clock,
    random: chance.fork(13).random,
    latencyMs: () => latency.between(latencyMinMs, latencyMaxMs),
    pieceBytesMax,
    windowBytes,
  })
  const { nodes, versions, unknownProducers, electionMs, autoCreateTopics } = plan.cluster
  const { level: version, markerDelayMs, coordinatorLoadMs } = plan
  const cluster = await TestCluster.start(
    {
      nodes,
      versions,
      unknownProducers,
      electionMs,
      autoCreateTopics,
      transactions: { version, markerDelayMs, coordinatorLoadMs },
      topics: Object.fromEntries(
        plan.topics.map(({ name, partitions, config }) => [name, { partitions, config }]),
      ),
      onRequest: (request) => watch.onRequest(request),
    },
    { transport: network, clock, random: chance.fork(14).random },
  )
  const parts = { plan, chance: chance.fork(15), clock, network, journal, cluster, watch, log }
  return [new World(parts), log]
}

/** Runs a seed with transactions. */
export const runTransactionSeed = (seed: number, options: RunOptions = {}): Promise<Outcome> => {
  const plan = drawTransactionsPlan(seed)
  return playSeed(plan.seed, options, (keepsTrace, patches) => start(plan, keepsTrace, patches))
}
