// One run with a spool: processes of one service live and die one after the other on a disk that
// loses what it may lose, and the last one delivers what is left. Whatever was reported as taken is
// in the log once, in order per partition; nothing is there twice. As with run.ts, the same seed
// and mutation give the same run.

import type { TopicOptions } from '../../src/in-process-cluster/cluster-options.ts'
import { TestCluster } from '../../src/in-process-cluster/in-process-cluster.ts'
import { Producer } from '../../src/producer/producer.ts'
// Loaded beforehand: virtual time does not wait for the file system of the machine.
import '../../src/producer/spooling/open-spooling.ts'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { MemoryNetwork } from '../../src/runtime/memory-transport.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { Chance } from './chance.ts'
import { KillableProcess } from './killable-process.ts'
import { Log } from './log.ts'
import type { Patches } from './patch.ts'
import { type Outcome, playSeed, type RunOptions } from './play-seed.ts'
import { checkLetterCount, checkSpool, type SpoolEntry } from './spool-checks.ts'
import {
  drawSpoolPlan,
  type LifePlan,
  type SpoolCall,
  type SpoolPlan,
  type TimedFault,
} from './spool-plan.ts'
import { VirtualDisk } from './virtual-files.ts'
import { VirtualProcesses } from './virtual-processes.ts'

/** Without faults, everything that is left is delivered within this time. */
const deliveryMs = 60_000
const deadTopic = 'dead'
const letterCheckMs = 20
const noLetters = { stored: 0, failed: 0, pending: 0 }

interface Life {
  readonly killable: KillableProcess
  readonly producer: Producer
  readonly process: ReturnType<VirtualProcesses['start']>
  readonly number: number
  /** False once its producer closes, or can't be used. */
  readonly isOpen: () => boolean
}

class World {
  readonly plan: SpoolPlan
  readonly clock: VirtualClock
  readonly entries: SpoolEntry[] = []
  readonly #log: Log
  readonly #cluster: TestCluster
  readonly #network: MemoryNetwork
  readonly #disk: VirtualDisk
  readonly #processes = new VirtualProcesses()
  readonly #chance: Chance
  readonly #undo = new Set<() => void>()
  faults = 0
  #lives = 0
  readonly #closed = new Set<number>()
  /** Those whose spool can't be used. */
  readonly #failed = new Set<number>()
  /** Reports of records that the broker rejected permanently. */
  #refused = 0

  constructor(
    plan: SpoolPlan,
    clock: VirtualClock,
    log: Log,
    cluster: TestCluster,
    network: MemoryNetwork,
    chance: Chance,
  ) {
    this.plan = plan
    this.clock = clock
    this.#log = log
    this.#cluster = cluster
    this.#network = network
    this.#chance = chance
    this.#disk = new VirtualDisk(clock, chance.fork(21).random)
    this.#disk.latencyMaxMs = plan.diskLatencyMs
  }

  get counts() {
    const records = this.entries.filter(({ isTaken }) => isTaken).length
    return { records, failed: this.#refused, maybe: 0 }
  }

  async live(): Promise<void> {
    for (const fault of this.plan.faults) this.clock.setTimer(fault.atMs, () => this.#begin(fault))
    for (const life of this.plan.lives) await this.#live(life)
    this.#calm()
    await this.#deliverRest()
    const { messageBytesMax: bytesMax, deadLetterBytesMax } = this.plan
    const deadLetterTopic = deadLetterBytesMax === null ? null : deadTopic
    const refusal = { bytesMax, reports: this.#refused, deadLetterTopic }
    for (const text of checkSpool(this.entries, this.#cluster, refusal)) {
      this.#log.fail('spool', text)
    }
    await this.#cluster.close()
    await this.clock.advance(1000)
  }

  #start(): Life {
    const killable = new KillableProcess(this.clock, this.#network)
    const process = this.#processes.start()
    const { durability, maxBytes, bufferMemoryBytes, batchBytes } = this.plan
    const number = this.#lives++
    this.#log.trace(`start    process ${number}`)
    const producer = new Producer(
      {
        brokers: this.#cluster.brokers,
        logger: silentLogger,
        bufferMemoryBytes,
        batchBytes,
        maxRequestBytes: 64 * 1024,
        requestTimeoutMs: 300,
        retryBackoffMs: 5,
        retryBackoffMaxMs: 50,
        reconnectBackoffMs: 5,
        reconnectBackoffMaxMs: 50,
        enableMetricsPush: false,
        ...(this.plan.deadLetterBytesMax === null ? {} : { deadLetter: { topic: deadTopic } }),
        onError: (error: KafkaError) => {
          if (error.code === 'SPOOL_FAILED') this.#failed.add(number)
          this.#onError(error)
        },
        spool: {
          directory: 'spool',
          durability,
          maxBytes,
          onRecovered: (result) => {
            if ('code' in result) this.#onError(result)
          },
        },
      },
      {
        clock: killable.clock,
        random: this.#chance.fork(30 + number).random,
        transport: killable.transport,
        spoolMachine: { files: this.#disk.mount(), processes: process },
      },
    )
    const isOpen = (): boolean => !this.#closed.has(number) && !this.#failed.has(number)
    const life = { killable, producer, process, number, isOpen }
    this.#watchLetters(life)
    return life
  }

  #onError(error: KafkaError): void {
    this.#log.trace(`onError  ${error.code}: ${error.message}`)
    const isExpected = ['ABORTED', 'CLOSED', 'BUFFER_TIMEOUT', 'BUFFER_FULL']
    if (isExpected.includes(error.code)) return
    // A spool can't be opened on a disk that is full to the last byte.
    if (error.code === 'SPOOL_FAILED' && this.#disk.isFull) return
    if (error.isDeadLettered) return
    if (error.brokerError === 'MESSAGE_TOO_LARGE') this.#refused++
    else this.#log.fail('errors', `${error.code}: ${error.message}`)
  }

  async #live(plan: LifePlan): Promise<void> {
    const life = this.#start()
    for (const call of plan.calls) {
      life.killable.clock.setTimer(call.atMs, () => this.#call(life, call))
    }
    await this.clock.advance(plan.endsAtMs)
    if (plan.end === 'crash') this.#crash(life)
    else await this.#close(life)
    await this.clock.advance(this.#chance.between(0, 30))
  }

  /** A loop ends the process here: it would fill the disk. */
  #watchLetters(life: Life): void {
    if (this.plan.deadLetterBytesMax === null) return
    this.#checkLetters(life)
    life.killable.clock.setTimer(letterCheckMs, () => this.#watchLetters(life))
  }

  #checkLetters({ producer, killable }: Life): void {
    const { stored, failed, pending } = producer.metrics().deadLetters ?? noLetters
    const count = stored + failed + pending
    for (const text of checkLetterCount(this.entries, this.plan.messageBytesMax, count)) {
      this.#log.fail('dead letters', text)
      killable.kill()
    }
  }

  #crash(life: Life): void {
    this.#checkLetters(life)
    const kind =
      this.plan.durability === 'machine' && this.#chance.percent(60) ? 'power' : 'process'
    this.#log.trace(`crash    process ${life.number}: ${kind}`)
    life.killable.kill()
    life.process.end()
    this.#disk.crash(kind)
    if (kind === 'power') this.#processes.bootId += '.'
  }

  async #close(life: Life): Promise<void> {
    this.#log.trace(`close    process ${life.number}`)
    const timeoutMs = this.#chance.pick([0, 20, 300])
    this.#closed.add(life.number)
    try {
      await this.clock.runUntil(life.producer.close({ timeoutMs }), 20_000)
    } catch (error) {
      this.#log.fail('progress', `close does not end: ${String(error)}`)
    }
    this.#checkLetters(life)
    life.killable.kill()
    life.process.end()
  }

  #call(
    { producer, killable, number, isOpen }: Life,
    { kind, topic, partition, bytes }: SpoolCall,
  ): void {
    const id = this.entries.length
    const value = `${id} ${'x'.repeat(bytes)}`
    const entry: SpoolEntry = {
      id,
      life: number,
      topic,
      partition,
      bytes: value.length,
      isTaken: false,
    }
    const record = { topic, partition, value }
    if (kind === 'enqueue') {
      if (!isOpen() || !producer.enqueue(record)) return
      this.entries.push(entry)
      producer.flushSpool().then(
        () => this.#take(entry),
        () => {},
      )
      return
    }
    this.entries.push(entry)
    if (kind === 'submit') {
      const taken = producer.submit(record)
      taken.then(
        () => this.#take(entry),
        () => {},
      )
      return
    }
    producer.send(record).then(
      ({ offset }) => {
        this.#take(entry)
        const stored = this.#cluster.records(topic)
        const isThere = stored.some((one) => one.partition === partition && idIn(one) === entry.id)
        if (!isThere && killable.isAlive) {
          this.#log.fail('result', `record ${entry.id} is not at offset ${offset}`)
        }
      },
      () => {},
    )
  }

  #take(entry: SpoolEntry): void {
    if (entry.isTaken) return
    entry.isTaken = true
    this.#log.trace(`taken    record ${entry.id}`)
  }

  // ── Faults ─────────────────────────────────────────────────────────────────────────────────────

  #begin(fault: TimedFault): void {
    this.faults++
    this.#log.trace(`fault    ${JSON.stringify(fault)}`)
    const undo = this.#makeFault(fault)
    const once = (): void => {
      if (this.#undo.delete(once)) undo()
    }
    this.#undo.add(once)
    this.clock.setTimer(fault.forMs, once)
  }

  #makeFault(fault: TimedFault): () => void {
    const cluster = this.#cluster
    const produce = { api: 'Produce' as const, count: Number.POSITIVE_INFINITY }
    const rule = (extra: object): (() => void) => {
      const made = cluster.fault({ ...produce, ...extra })
      return () => made.remove()
    }
    switch (fault.kind) {
      case 'stop': {
        const node = cluster.node(fault.node)
        if (!node.running) return () => {}
        node.stop()
        return () => {
          if (!node.running) node.start({})
        }
      }
      case 'lost':
        return rule({ at: 'after', drop: true, count: fault.count })
      case 'error':
        return rule({ at: fault.at, error: fault.error })
      case 'slow':
        return rule({ at: 'after', delayMs: fault.delayMs })
      case 'leaderless': {
        const { topic, partition } = fault
        return rule({ topic, partition, error: 'LEADER_NOT_AVAILABLE' })
      }
      case 'moveLeader':
        if (cluster.node(fault.node).running) cluster.moveLeader(fault.topic, 0, fault.node)
        return () => {}
      case 'diskFull':
        this.#disk.capacityBytes = this.#disk.usedBytes + 5000
        return () => {
          this.#disk.capacityBytes = Number.POSITIVE_INFINITY
        }
      default:
        return fault satisfies never
    }
  }

  #calm(): void {
    for (const undo of [...this.#undo]) undo()
    this.#disk.capacityBytes = Number.POSITIVE_INFINITY
    this.#cluster.removeFaults()
    this.#log.trace('calm     nothing goes wrong from here on')
  }

  /** A last process delivers everything that is in the spool. */
  async #deliverRest(): Promise<void> {
    await this.clock.advance(1000)
    const life = this.#start()
    const { producer } = life
    try {
      await this.clock.runUntil(producer.flush(), deliveryMs)
      await this.clock.runUntil(producer.close(), deliveryMs)
    } catch (error) {
      const { spool, unsettledBatches } = producer.metrics()
      const held = JSON.stringify({ spool, unsettledBatches })
      this.#log.fail('progress', `the rest is not delivered: ${String(error)}: ${held}`)
    }
    this.#checkLetters(life)
    const left = this.#disk.paths()
    if (left.length > 0) this.#log.fail('leftovers', left.join(', '))
    life.killable.kill()
  }
}

const idIn = ({ value }: { readonly value: Uint8Array | null }): number =>
  Number.parseInt(Buffer.from(value ?? []).toString(), 10)

const start = async (plan: SpoolPlan, keepsTrace: boolean, _patches: Patches) => {
  const chance = new Chance(plan.seed + 77)
  const clock = new VirtualClock({ stepsMax: 3_000_000 })
  const log = new Log(clock, keepsTrace)
  const latency = chance.fork(12)
  const network = new MemoryNetwork({
    clock,
    random: chance.fork(13).random,
    latencyMs: () => latency.between(0, plan.networkLatencyMs),
  })
  const topics: [string, TopicOptions][] = Object.entries(plan.topics).map(([name, partitions]) => [
    name,
    { partitions, config: { 'max.message.bytes': String(plan.messageBytesMax) } },
  ])
  const { deadLetterBytesMax } = plan
  if (deadLetterBytesMax !== null) {
    const config = { 'max.message.bytes': String(deadLetterBytesMax) }
    topics.push([deadTopic, { partitions: 1, config }])
  }
  const cluster = await TestCluster.start(
    { nodes: plan.nodes, topics: Object.fromEntries(topics), electionMs: 20 },
    { transport: network, clock, random: chance.fork(14).random },
  )
  return [new World(plan, clock, log, cluster, network, chance.fork(15)), log] as const
}

/** Runs a seed. */
export const runSpoolSeed = (seed: number, options: RunOptions = {}): Promise<Outcome> => {
  const plan = drawSpoolPlan(seed)
  return playSeed(seed, options, (keepsTrace, patches) => start(plan, keepsTrace, patches))
}
