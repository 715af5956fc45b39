// The command `millrace perf`: measures throughput and latency of a topic and prints them in the
// form of Java's kafka-producer-perf-test. It owns the producer and closes it. The report must be
// printed after an interrupt, too. Caller: program.ts.

import type { Console } from '@millrace/console'
import { Producer, type ProducerOptions } from 'millrace'
import { connectProducer } from '../connect-producer.ts'
import { resolveConnection } from '../connection/resolve.ts'
import { showConsole } from '../console/show-console.ts'
import { exitCodes } from '../exit-codes.ts'
import { failureLines } from '../produce/report.ts'
import type { CommandHost, ExitCode } from '../run-program.ts'
import {
  exitCodeOf,
  type Interrupt,
  type Terminal,
  writeJson,
  writeLine,
} from '../runtime/terminal.ts'
import { after, repeat } from '../runtime/time.ts'
import { formatCount } from '../text-table.ts'
import { warningLogger } from '../warning-logger.ts'
import { filePayloads, randomPayloads } from './payloads.ts'
import { describePerf, type PerfFlags } from './perf-options.ts'
import { histogramLines, jsonReport, measuredText, summaryText } from './perf-report.ts'
import { PerfCount, PerfRun } from './perf-run.ts'

const connectTimeoutMs = 30_000
const drainMs = 10_000

export const addPerfCommand = (host: CommandHost): void => {
  describePerf(host).action(async (topic: string, flags: PerfFlags) => {
    const connection = await resolveConnection(flags, host.terminal)
    host.ended(await runPerf(topic, flags, connection, host.terminal))
  })
}

const optionsOf = (
  { compression, acks, partitioner }: PerfFlags,
  connection: ProducerOptions,
  terminal: Terminal,
): ProducerOptions =>
  ({
    ...connection,
    ...(compression === undefined ? {} : { compression }),
    ...(acks === undefined ? {} : { acks }),
    ...(partitioner === undefined ? {} : { partitioner }),
    // The run counts every failure, and the report prints them.
    onError: () => {},
    logger: warningLogger(terminal),
  }) as ProducerOptions

const runPerf = async (
  topic: string,
  flags: PerfFlags,
  connection: ProducerOptions,
  terminal: Terminal,
): Promise<ExitCode> => {
  const { payloadFile, payloadDelimiter, recordSize, throughput } = flags
  const payloads =
    payloadFile === undefined
      ? randomPayloads(recordSize)
      : await filePayloads(payloadFile, payloadDelimiter)
  const producer = new Producer(optionsOf(flags, connection, terminal))
  const stop = new AbortController()
  let interrupt: Interrupt | null = null
  let forgetDrain = (): void => {}
  const forget = terminal.onInterrupt(
    (which) => {
      interrupt = which
      stop.abort()
      forgetDrain = after(drainMs, () => producer.destroy())
    },
    () => producer.destroy(),
  )
  const wait = { timeoutMs: connectTimeoutMs, signal: stop.signal }
  const run = new PerfRun({
    producer,
    topic,
    payloads,
    recordsPerSecond: throughput ?? Number.POSITIVE_INFINITY,
    signal: stop.signal,
  })
  let shown: Console | null = null
  try {
    shown = await showConsole(producer, flags, terminal)
    await connectProducer(producer, wait)
    await producer.partitionsFor(topic, wait)
    await measure(run, flags, terminal, producer)
  } catch (error) {
    if (interrupt === null) throw error
  } finally {
    forget()
    forgetDrain()
    producer.destroy()
    await shown?.close()
  }
  printReport(run, flags, terminal)
  if (interrupt !== null) return exitCodeOf(interrupt)
  return run.counts.failed > 0 ? exitCodes.recordsFailed : exitCodes.success
}

const measure = async (
  run: PerfRun,
  { warmup, numRecords, interval, json }: PerfFlags,
  terminal: Terminal,
  producer: Producer,
): Promise<void> => {
  if (warmup > 0) await run.send(warmup)
  if (warmup > 0 && json !== true) {
    writeLine(terminal.output, `${formatCount(warmup)} records of warm-up are not counted.`)
  }
  run.restart()
  const isQuiet = interval === 0 || json === true
  const stopLines = isQuiet ? () => {} : repeat(interval * 1000, () => printInterval(run, terminal))
  try {
    await run.send(numRecords)
    await producer.close()
  } finally {
    stopLines()
  }
}

const printInterval = (run: PerfRun, { output }: Terminal): void => {
  const { measured } = run.interval
  run.interval = new PerfCount()
  writeLine(output, `${measuredText(measured)}.`)
}

const printReport = (
  { total, counts, latencies }: PerfRun,
  { json, percentiles }: PerfFlags,
  { output }: Terminal,
): void => {
  const { measured } = total
  if (json === true) {
    writeJson(output, jsonReport(measured, latencies, percentiles, counts.groups))
    return
  }
  writeLine(output, summaryText(measured, latencies, percentiles))
  for (const line of counts.groups.flatMap(failureLines)) writeLine(output, line)
  const histogram = histogramLines(latencies)
  if (histogram.length > 0) writeLine(output)
  for (const line of histogram) writeLine(output, line)
}
