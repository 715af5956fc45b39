// The command `millrace console`: sends a small steady load and serves a page that shows the
// producer, until Ctrl-C. If no cluster is named, it runs one in this process as a demonstration.
// It owns the producer, the page, and that cluster, and closes them. Caller: program.ts.

import type { Console } from '@millrace/console'
import { Producer, type ProducerOptions } from 'millrace'
import type { TestCluster } from 'millrace/testing'
import { portMax, positiveNumber, topicName, wholeNumber } from '../arguments.ts'
import { addConnectionFlags, type ConnectionFlags, variables } from '../connection/flags.ts'
import { resolveConnection } from '../connection/resolve.ts'
import { exitCodes } from '../exit-codes.ts'
import { FaultFile } from '../fault-file.ts'
import { randomPayloads } from '../perf/payloads.ts'
import { PerfRun } from '../perf/perf-run.ts'
import { failureLines } from '../produce/report.ts'
import { addCommand, type CommandHost, type ExitCode } from '../run-program.ts'
import { type Terminal, writeLine } from '../runtime/terminal.ts'
import { formatCount } from '../text-table.ts'
import { warningLogger } from '../warning-logger.ts'

interface ConsoleFlags extends ConnectionFlags {
  readonly port: number
  readonly rate: number
  readonly recordSize: number
  readonly faults?: string
}

const rateDefault = 100
const recordBytesDefault = 100
const recordBytesMax = 1_000_000
const connectTimeoutMs = 30_000
const drainMs = 10_000

const demonstration = {
  topic: 'orders',
  partitions: 6,
  nodes: 3,
  /** The command may run for days, so each partition keeps only its newest records. */
  records: 10_000,
} as const

export const addConsoleCommand = (host: CommandHost): void => {
  const command = addCommand(host, 'console')
    .description(
      'Serve a page on loopback that shows a producer live, while it sends a small steady load ' +
        'of made-up records. Without brokers it shows a cluster in this process.',
    )
    .argument('[topic]', 'topic to write to; optional without brokers', topicName)
    .option('-p, --port <port>', 'port of the page; 0 = any free one', wholeNumber(0, portMax), 0)
    .option('--rate <records>', 'records a second', positiveNumber, rateDefault)
    .option(
      '-s, --record-size <bytes>',
      'size of a value',
      wholeNumber(0, recordBytesMax),
      recordBytesDefault,
    )
    .option('--faults <file>', 'without brokers: what goes wrong, as for millrace cluster')
  addConnectionFlags(command).action(async (topic: string | undefined, flags: ConsoleFlags) => {
    const isDemonstration = !namesCluster(flags, host.terminal)
    const problem = problemOf(topic, flags, isDemonstration)
    if (problem !== null) command.error(`error: ${problem}`)
    await using cluster = isDemonstration ? await startDemonstration(topic) : null
    const faults = await readFaults(flags, cluster, host.terminal)
    try {
      const named = cluster === null ? flags : { ...flags, brokers: cluster.brokers }
      const options = await resolveConnection(named, host.terminal)
      const run = new ConsoleRun(topic ?? demonstration.topic, flags, options, host.terminal)
      host.ended(await run.run(isDemonstration))
    } finally {
      faults?.stop()
    }
  })
}

/** Whether a flag or a variable names a cluster or credentials. */
const namesCluster = (flags: ConsoleFlags, { environment }: Terminal): boolean => {
  const names = Object.keys(variables) as (keyof typeof variables)[]
  const isGiven = (name: keyof typeof variables): boolean =>
    flags[name] !== undefined || (environment[variables[name]] ?? '') !== ''
  return flags.tls === true || names.some(isGiven)
}

const problemOf = (
  topic: string | undefined,
  { faults }: ConsoleFlags,
  isDemonstration: boolean,
): string | null => {
  if (isDemonstration) return null
  if (topic === undefined) {
    return 'the topic is missing: millrace console TOPIC writes made-up records to it'
  }
  return faults === undefined ? null : '--faults is for the cluster in this process: no --brokers'
}

const startDemonstration = async (topic: string = demonstration.topic): Promise<TestCluster> => {
  const { startCluster } = await import('millrace/testing')
  const { nodes, partitions, records } = demonstration
  return startCluster({ nodes, topics: { [topic]: partitions }, retention: { records } })
}

const readFaults = async (
  { faults }: ConsoleFlags,
  cluster: TestCluster | null,
  terminal: Terminal,
): Promise<FaultFile | null> => {
  if (faults === undefined || cluster === null) return null
  const file = new FaultFile(faults, cluster, terminal)
  await file.start()
  return file
}

class ConsoleRun {
  readonly #topic: string
  readonly #flags: ConsoleFlags
  readonly #terminal: Terminal
  readonly #producer: Producer
  readonly #stop = new AbortController()
  readonly #load: PerfRun

  /** Throws if an option is invalid; nothing is open at that point. */
  constructor(topic: string, flags: ConsoleFlags, options: ProducerOptions, terminal: Terminal) {
    this.#topic = topic
    this.#flags = flags
    this.#terminal = terminal
    // The page counts and shows every failure, so onError does nothing.
    const quiet = { onError: () => {}, logger: warningLogger(terminal) }
    this.#producer = new Producer({ ...options, ...quiet } as ProducerOptions)
    this.#load = new PerfRun({
      producer: this.#producer,
      topic,
      payloads: randomPayloads(flags.recordSize),
      recordsPerSecond: flags.rate,
      signal: this.#stop.signal,
    })
  }

  async run(isDemonstration: boolean): Promise<ExitCode> {
    const producer = this.#producer
    const forget = this.#terminal.onInterrupt(
      () => this.#stop.abort(),
      () => producer.destroy(),
    )
    let shown: Console | null = null
    try {
      const { serveConsole } = await import('@millrace/console')
      shown = await serveConsole(producer, { port: this.#flags.port })
      this.#printStart(shown, isDemonstration)
      await this.#send()
      await producer.close({ timeoutMs: drainMs })
    } catch (error) {
      // A second interrupt ends the delivery of the remaining records.
      if (!this.#stop.signal.aborted) throw error
    } finally {
      forget()
      producer.destroy()
      await shown?.close()
    }
    return this.#printSummary()
  }

  /** Sends until the interrupt. If the cluster can't be reached, the page shows that meanwhile. */
  async #send(): Promise<void> {
    const wait = { timeoutMs: connectTimeoutMs, signal: this.#stop.signal }
    await this.#producer.connect(wait)
    await this.#producer.partitionsFor(this.#topic, wait)
    await this.#load.send(Number.POSITIVE_INFINITY)
  }

  #printStart({ url }: Console, isDemonstration: boolean): void {
    const { rate, recordSize } = this.#flags
    const { nodes } = demonstration
    const where = isDemonstration
      ? `, of a cluster in this process (${nodes} nodes, in memory)`
      : ''
    const { output } = this.#terminal
    writeLine(output, `The console is at ${url}`)
    writeLine(
      output,
      `${formatCount(rate)} made-up records a second, of ${formatCount(recordSize)} bytes each, ` +
        `go to the topic ${this.#topic}${where}.`,
    )
    writeLine(output, 'Ctrl-C ends it.')
  }

  #printSummary(): ExitCode {
    const { total, counts } = this.#load
    const { records: delivered } = total.measured
    const { failed, groups } = counts
    const { output } = this.#terminal
    writeLine(output, `${formatCount(delivered)} records delivered, ${formatCount(failed)} failed.`)
    for (const line of groups.flatMap(failureLines)) writeLine(output, line)
    return failed > 0 ? exitCodes.recordsFailed : exitCodes.success
  }
}
