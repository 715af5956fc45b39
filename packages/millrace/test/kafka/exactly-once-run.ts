// Consume, transform, produce, with the program of a page of the documentation: several processes
// of it share a topic's partitions while inputs arrive. Now and then one is killed, ended in order,
// or stopped until others have its partitions, and a new one joins each time. Java's consumer then
// counts the committed outputs.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin, Producer } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { blocksOf } from '../docs/doc-blocks.ts'
import { compileBlocks, docsPath } from '../docs/doc-programs.ts'
import { pause } from '../soak/load-process.ts'
import { type ClientName, clientUrl, nodeFor } from './consumer-clients.ts'
import { javaConsume, type Kafka, startKafka } from './fixture/index.ts'

export interface ExactlyOncePlan {
  readonly client: ClientName
  readonly page: string
  readonly version?: string
  readonly inputs: number
  /** How often something happens to a process, in turns: kill -9, SIGTERM, SIGSTOP. */
  readonly events: number
  readonly inputsPerSecond: number
}

export interface ExactlyOnceFindings {
  readonly missing: number
  readonly doubled: number
  /** What the processes that ended in order said on their way, if they failed. */
  readonly failures: readonly string[]
}

export interface ExactlyOnceReport extends ExactlyOnceFindings {
  readonly outputs: number
  /** Outputs of aborted transactions: what happened to processes hit their work. */
  readonly aborted: number
}

const input = 'orders'
const output = 'invoices'
const groupId = 'billing'
const partitions = 6
const processes = 2
const tickMs = 20
const pollMs = 200
const progressTimeoutMs = 120_000
const endTimeoutMs = 30_000
const textMax = 4000

const properties = {
  'group.min.session.timeout.ms': '1000',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '1000',
}

/** The page's program, compiled into the folder, with the addresses of the brokers. */
const compileProgram = async (
  { client, page }: ExactlyOncePlan,
  kafka: Kafka,
  folder: string,
): Promise<string> => {
  const blocks = blocksOf(page, await readFile(join(docsPath, page), 'utf8'))
  const block = blocks.find(({ words }) => words.includes('kafka'))
  if (block === undefined) throw new Error(`${page} has no block for a real Kafka`)
  const brokers = kafka.brokers.map((address) => `'${address}'`).join(', ')
  const code = block.code
    .replace(`'${client}'`, `'${await clientUrl(client)}'`)
    .replace("'localhost:9092'", brokers)
  const [path] = await compileBlocks([{ place: block.place, code }], folder)
  return path!
}

/** A process that runs the page's program. */
class Worker {
  readonly #child: ChildProcess
  readonly #ended: Promise<[number | null, NodeJS.Signals | null]>
  #text = ''

  constructor(node: string, program: string) {
    const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env
    this.#child = spawn(node, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#ended = once(this.#child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#text = (this.#text + text).slice(-textMax)
      })
    }
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  /** Stops it as a long garbage collection does, or a virtual machine that is moved. */
  stop(): void {
    this.#child.kill('SIGSTOP')
  }

  continue(): void {
    this.#child.kill('SIGCONT')
  }

  /** Ends it in order; what went wrong, or null. SIGTERM itself ends one that only just began. */
  async end(): Promise<string | null> {
    this.#child.kill('SIGTERM')
    const timer = systemClock.setTimer(endTimeoutMs, () => this.#child.kill('SIGKILL'))
    const [code, signal] = await this.#ended
    timer.cancel()
    const isInOrder = code === 0 || signal === 'SIGTERM'
    return isInOrder ? null : `ended with ${code ?? signal}:\n${this.#text}`
  }
}

/** Sends numbered inputs at a steady rate. */
const feed = async (kafka: Kafka, { inputs, inputsPerSecond }: ExactlyOncePlan): Promise<void> => {
  await using producer = new Producer({ brokers: kafka.brokers })
  const startedAt = performance.now()
  for (let sent = 0; sent < inputs; ) {
    const due = ((performance.now() - startedAt) / 1000) * inputsPerSecond
    for (; sent < Math.min(due, inputs); sent++) {
      producer.enqueue({ topic: input, partition: sent % partitions, value: String(sent) })
    }
    await pause(tickMs)
  }
}

/** Waits until the group has committed so many inputs; rejects when nothing moves any more. */
class Progress {
  readonly #admin: Admin

  constructor(admin: Admin) {
    this.#admin = admin
  }

  async until(count: number): Promise<void> {
    let last = -1
    let changedAt = performance.now()
    for (;;) {
      const committed = await this.#committed()
      if (committed >= count) return
      if (committed !== last) changedAt = performance.now()
      last = committed
      if (performance.now() - changedAt > progressTimeoutMs) {
        throw new Error(`${committed} inputs were committed, and nothing moved for two minutes`)
      }
      await pause(pollMs)
    }
  }

  async #committed(): Promise<number> {
    const offsets = await this.#admin.listConsumerGroupOffsets(groupId)
    return offsets.reduce((sum, { offset }) => sum + offset, 0)
  }
}

const count = async (kafka: Kafka, inputs: number) => {
  const { brokers } = kafka
  const seen = new Uint16Array(inputs)
  const read = { topic: output, brokers }
  let outputs = 0
  await javaConsume({
    ...read,
    isolation: 'read_committed',
    onRecord: ({ value }) => {
      outputs++
      seen[Number(String(value).replace('pay ', ''))]!++
    },
  })
  let stored = 0
  await javaConsume({ ...read, isolation: 'read_uncommitted', onRecord: () => stored++ })
  const missing = seen.filter((times) => times === 0).length
  const doubled = seen.reduce((sum, times) => sum + Math.max(0, times - 1), 0)
  return { outputs, missing, doubled, aborted: stored - outputs }
}

/** The processes of the program; what happens to them, one after the other. */
class Team {
  readonly failures: string[] = []
  readonly #start: () => Worker
  readonly #workers: Worker[]
  #stopped: Worker | null = null

  constructor(start: () => Worker) {
    this.#start = start
    this.#workers = Array.from({ length: processes }, start)
  }

  /** To the process that is there for longest. A stopped one comes back at a later stop. */
  async happen(event: number): Promise<void> {
    const worker = this.#workers.shift()!
    this.#workers.push(this.#start())
    if (event % 3 === 0) await worker.kill()
    else if (event % 3 === 1) await this.#end(worker)
    else {
      this.#comeBack()
      worker.stop()
      this.#stopped = worker
    }
  }

  async end(): Promise<void> {
    this.#comeBack()
    for (const worker of this.#workers.splice(0)) await this.#end(worker)
  }

  async kill(): Promise<void> {
    this.#comeBack()
    await Promise.all(this.#workers.splice(0).map((worker) => worker.kill()))
  }

  async #end(worker: Worker): Promise<void> {
    const failure = await worker.end()
    if (failure !== null) this.failures.push(failure)
  }

  #comeBack(): void {
    if (this.#stopped === null) return
    this.#stopped.continue()
    this.#workers.push(this.#stopped)
    this.#stopped = null
  }
}

/** Keeps the processes at work until all inputs are committed; how those failed that ended. */
const workThrough = async (
  kafka: Kafka,
  plan: ExactlyOncePlan,
  start: () => Worker,
): Promise<readonly string[]> => {
  await using admin = new Admin({ brokers: kafka.brokers })
  const progress = new Progress(admin)
  const team = new Team(start)
  const fed = feed(kafka, plan)
  fed.catch(() => {})
  try {
    for (let event = 0; event < plan.events; event++) {
      await progress.until(Math.floor(((event + 1) * plan.inputs) / (plan.events + 1)))
      await team.happen(event)
    }
    await fed
    await progress.until(plan.inputs)
    await team.end()
    return team.failures
  } finally {
    await team.kill()
  }
}

/** Runs the plan on a real Kafka of its own. */
export const runExactlyOnce = async (plan: ExactlyOncePlan): Promise<ExactlyOnceReport> => {
  const { version } = plan
  await using kafka = await startKafka({
    properties,
    ...(version === undefined ? {} : { version }),
  })
  await kafka.admin.createTopic(input, { partitions })
  await kafka.admin.createTopic(output, { partitions: 3 })
  const folder = await mkdtemp(join(tmpdir(), 'millrace-exactly-once-'))
  try {
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n')
    const program = await compileProgram(plan, kafka, folder)
    const node = await nodeFor(plan.client)
    const failures = await workThrough(kafka, plan, () => new Worker(node, program))
    return { ...(await count(kafka, plan.inputs)), failures }
  } finally {
    await rm(folder, { recursive: true })
  }
}
