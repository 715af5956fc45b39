// The run of `npm start`: starts a cluster in this process, or connects to a real one, sends orders
// with three methods, reads all of them back, and prints a table of the results. It owns the
// cluster and the producers, and closes them before it returns, also at an interrupt. Caller:
// first-run.ts.

import { randomUUID } from 'node:crypto'
import { Producer } from 'millrace'
import { startCluster } from 'millrace/testing'
import { formatHints, kcatList, kcatRead } from '../kcat.ts'
import { startProgress } from '../progress.ts'
import { type ExitCode, runProgram } from '../run-program.ts'
import { exitCodeInterrupted, type Terminal, writeLine } from '../runtime/terminal.ts'
import { nowMs } from '../runtime/time.ts'
import { formatCount, formatMegabytes } from '../text-table.ts'
import { type FirstRunOptions, firstRunOptions } from './options.ts'
import { orderKey, orderValue } from './order.ts'
import { OrderResults } from './order-results.ts'
import { formatReport, type MethodResult } from './report.ts'
import { type SendMethod, sendMethods } from './send-methods.ts'
import { runHeader, verifyRun } from './verify.ts'

const nodes = 3
const partitions = 6
const connectTimeoutMs = 15_000
/**
 * The topic exists or it doesn't: no one creates it during the wait, so a short limit is enough.
 */
const unknownTopicTimeoutMs = 2000

/** The values that the steps of the run share. */
interface Run {
  readonly terminal: Terminal
  readonly options: FirstRunOptions
  readonly brokers: readonly string[]
  readonly runId: string
  readonly orderResults: OrderResults
  readonly signal: AbortSignal
}

/** Runs the args after `npm start --`. */
export const runFirstRun = (args: readonly string[], terminal: Terminal): Promise<ExitCode> =>
  runProgram(terminal, async () => {
    const options = firstRunOptions(args, terminal)
    const interrupt = new AbortController()
    const forget = terminal.onInterrupt(() => interrupt.abort())
    try {
      await (options.brokers === undefined
        ? runInProcess(options, terminal, interrupt.signal)
        : runOn(options.brokers, options, terminal, interrupt.signal))
      return 0
    } catch (error) {
      if (!interrupt.signal.aborted) throw error
      writeLine(terminal.output, 'Stopped before the end.')
      return exitCodeInterrupted
    } finally {
      forget()
    }
  })

const runInProcess = async (
  options: FirstRunOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> => {
  await using cluster = await startCluster({ nodes, topics: { [options.topic]: partitions } })
  writeLine(terminal.output, `A Kafka cluster of ${nodes} nodes runs in this process.`)
  await runOn(cluster.brokers, options, terminal, signal)
  const broker = cluster.brokers[0]!
  if (!options.keep) {
    const again = 'npm start -- --keep'
    writeLine(
      terminal.output,
      `To look at the records with kcat: ${again} lets the cluster run on.`,
    )
    return
  }
  for (const line of formatHints([kcatRead(broker, options.topic), kcatList(broker)])) {
    writeLine(terminal.output, line)
  }
  writeLine(terminal.output, 'The cluster runs on. Ctrl-C ends it.')
  await untilAborted(signal)
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

const runOn = async (
  brokers: readonly string[],
  options: FirstRunOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> => {
  const runId = randomUUID()
  const run: Run = {
    terminal,
    options,
    brokers,
    runId,
    orderResults: new OrderResults(options.count),
    signal,
  }
  const startedMs = nowMs()
  const results: MethodResult[] = []
  for (const [index, method] of sendMethods.entries()) {
    const from = Math.floor((options.count * index) / sendMethods.length)
    const to = Math.floor((options.count * (index + 1)) / sendMethods.length)
    results.push(await runMethod(run, method, from, to))
  }
  const progress = startProgress(terminal, 'read back', options.count)
  const bytes = await verifyRun({ ...run, topic: options.topic, progress }).finally(progress.stop)
  const seconds = ((nowMs() - startedMs) / 1000).toFixed(1)
  const total = `${formatCount(options.count)} records (${formatMegabytes(bytes)})`
  const lines = [
    '',
    ...formatReport(results),
    '',
    `${total} were written and read back in ${seconds} s:`,
    'none lost, none twice, in order, byte for byte.',
  ]
  if (options.brokers !== undefined) {
    lines.push(...formatHints([kcatRead(options.brokers.join(','), options.topic)]))
  }
  for (const line of lines) writeLine(terminal.output, line)
}

/** Each method gets its own producer, so that the producer's metrics belong to that method only. */
const runMethod = async (
  run: Run,
  method: SendMethod,
  from: number,
  to: number,
): Promise<MethodResult> => {
  const { terminal, options, brokers, orderResults, signal } = run
  const producer = new Producer({
    brokers,
    allowAutoTopicCreation: false,
    unknownTopicTimeoutMs,
    onError: () => {},
  })
  const stop = (): void => producer.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    signal.throwIfAborted()
    await producer.connect({ timeoutMs: connectTimeoutMs, signal })
    await producer.partitionsFor(options.topic, { timeoutMs: connectTimeoutMs, signal })
    const headers = { [runHeader]: run.runId }
    const records = Array.from({ length: to - from }, (_, index) => ({
      topic: options.topic,
      key: orderKey(from + index),
      value: orderValue(from + index),
      headers,
    }))
    const progress = startProgress(terminal, method.name, records.length)
    const startedMs = nowMs()
    await method
      .run({ producer, orderResults, progress, records, from, to, signal })
      .finally(progress.stop)
    const seconds = (nowMs() - startedMs) / 1000
    signal.throwIfAborted()
    const [p50Ms = 0, p99Ms = 0] = orderResults.latencyQuantiles(from, to, [0.5, 0.99])
    const { batches, requests, requestBytes } = producer.metrics()
    return { method, records: to - from, seconds, p50Ms, p99Ms, batches, requests, requestBytes }
  } finally {
    signal.removeEventListener('abort', stop)
    await producer.close({ timeoutMs: connectTimeoutMs })
  }
}
