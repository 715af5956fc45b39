// A service with a spool is killed again and again while it takes records, and brokers of a real
// Kafka are killed meanwhile. Java's consumer then says what is in the log.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { seededRandom } from '../../src/runtime/random.ts'
import { pause, programPath } from '../soak/load-process.ts'
import { javaConsume, type Kafka, startKafka } from './fixture/index.ts'
import type { SpoolLife } from './spool-child.ts'

export interface KillPlan {
  readonly version?: string
  readonly durability: 'process' | 'machine'
  readonly kills: number
  /** Brokers that are killed and started again, spread over the run. */
  readonly brokerKills: number
  readonly recordsPerSecond: number
  readonly seed: number
}

export interface KillFindings {
  readonly taken: number
  readonly read: number
  readonly lost: number
  readonly doubled: number
  readonly outOfOrder: number
  /** In the log, but killed before they were reported as taken: that may be. */
  readonly untaken: number
  readonly errors: readonly string[]
  /** What the directory holds after the last process has closed its producer. */
  readonly leftFiles: readonly string[]
}

const topic = 'spooled'
const partitions = 4
const valueBytes = 100
const brokerAwayMs = 3000
const deliveryLimitMs = 120_000

/** One process of the service. */
class Service {
  readonly #child: ChildProcess
  readonly ended: Promise<unknown>
  taken = 0
  report: object | null = null
  #onTaken: () => void = () => {}

  constructor(life: SpoolLife, errors: string[]) {
    const path = programPath('../kafka/spool-child')
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env
    this.#child = spawn(process.execPath, [path, JSON.stringify(life)], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = createInterface({ input: this.#child.stdout! })
    lines.on('line', (line) => {
      const { taken, error, report } = JSON.parse(line)
      if (error !== undefined) errors.push(`process ${life.life}: ${error}`)
      if (report !== undefined) this.report = report
      if (taken === undefined) return
      this.taken = taken
      this.#onTaken()
    })
    this.ended = Promise.all([once(this.#child, 'exit'), once(lines, 'close')])
  }

  untilItTakes(): Promise<void> {
    return new Promise((resolve) => {
      this.#onTaken = resolve
    })
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal)
    await this.ended
  }
}

const killBroker = async (kafka: Kafka, id: number): Promise<void> => {
  await kafka.node(id).kill('SIGKILL')
  await pause(brokerAwayMs)
  await kafka.node(id).start()
}

/** What the log holds, beside what was taken of each process. */
class LogCheck {
  readonly #taken: readonly number[]
  readonly #seen: Set<number>[]
  readonly #last = new Map<number, number>()
  #read = 0
  #doubled = 0
  #outOfOrder = 0

  constructor(taken: readonly number[]) {
    this.#taken = taken
    this.#seen = taken.map(() => new Set())
  }

  onRecord(value: string, partition: number): void {
    const [life = Number.NaN, number = Number.NaN] = value.split(' ').map(Number)
    this.#read++
    const seen = this.#seen[life]!
    if (seen.has(number)) this.#doubled++
    seen.add(number)
    // Processes follow one another, and so do their records.
    const place = life * 2 ** 32 + number
    if (place < (this.#last.get(partition) ?? -1)) this.#outOfOrder++
    else this.#last.set(partition, place)
  }

  findings(): Pick<KillFindings, 'read' | 'lost' | 'doubled' | 'outOfOrder' | 'untaken'> {
    let lost = 0
    let untaken = 0
    for (const [life, seen] of this.#seen.entries()) {
      const taken = this.#taken[life]!
      for (let number = 0; number < taken; number++) if (!seen.has(number)) lost++
      for (const number of seen) if (number >= taken) untaken++
    }
    return { read: this.#read, lost, doubled: this.#doubled, outOfOrder: this.#outOfOrder, untaken }
  }
}

/** Runs the plan; `say` hears what happens. */
export const runKills = async (
  plan: KillPlan,
  say: (sentence: string) => void,
): Promise<KillFindings> => {
  const { version, durability, kills, brokerKills, recordsPerSecond } = plan
  await using kafka = await startKafka({ nodes: 3, ...(version === undefined ? {} : { version }) })
  const configs = { 'min.insync.replicas': '2' }
  await kafka.admin.createTopic(topic, { partitions, replicationFactor: 3, configs })
  const directory = await mkdtemp(join(tmpdir(), 'millrace-spool-kills-'))
  const random = seededRandom(plan.seed)
  const taken: number[] = []
  const errors: string[] = []
  const brokersBack: Promise<void>[] = []
  const start = (life: number): Service => {
    const { brokers } = kafka
    const shared = { brokers, directory, durability, topic, partitions, recordsPerSecond }
    return new Service({ ...shared, life, valueBytes }, errors)
  }
  for (let life = 0; life < kills; life++) {
    const service = start(life)
    await service.untilItTakes()
    if (
      (life + 1) % Math.ceil(kills / (brokerKills + 1)) === 0 &&
      brokersBack.length < brokerKills
    ) {
      const id = 1 + (brokersBack.length % 3)
      say(`broker ${id} is killed`)
      await Promise.all(brokersBack)
      brokersBack.push(killBroker(kafka, id))
    }
    await pause(random.next() * 1500)
    await service.kill('SIGKILL')
    taken.push(service.taken)
  }
  await Promise.all(brokersBack)
  const last = start(kills)
  await last.untilItTakes()
  await pause(1000)
  const limit = pause(deliveryLimitMs).then(() => last.kill('SIGKILL'))
  await Promise.race([last.kill('SIGTERM'), limit])
  taken.push(last.taken)
  const total = taken.reduce((sum, count) => sum + count)
  say(`${total} records were taken; ${JSON.stringify(last.report)}`)
  if (last.report === null) errors.push('the last process did not deliver everything')
  const logCheck = new LogCheck(taken)
  await javaConsume({
    brokers: kafka.brokers,
    topic,
    timeoutMs: 600_000,
    onRecord: ({ value, partition }) => logCheck.onRecord(value!.toString(), partition),
  })
  const leftFiles = await readdir(directory)
  await rm(directory, { recursive: true })
  return { taken: total, ...logCheck.findings(), errors: [...new Set(errors)], leftFiles }
}
