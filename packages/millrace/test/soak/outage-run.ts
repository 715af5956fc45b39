// The only broker goes away under load and comes back: what that costs in memory and requests, and
// how soon records arrive again.

import type { LoadReport } from './load-plan.ts'
import { LoadProcess, pause } from './load-process.ts'
import { LogCheck, type LogFindings } from './log-check.ts'

/** A broker that can be taken away, and what is in its log. */
export interface OutageTarget {
  readonly brokers: readonly string[]
  readonly topic: string
  stop(): Promise<void>
  /** Resolves once the broker responds and leads the topic's partitions. */
  start(): Promise<void>
  read(onRecord: LogCheck['onRecord']): Promise<void>
}

export interface OutagePlan {
  readonly awayMs: number
  readonly bufferMemoryBytes: number
}

export interface OutageOutcome {
  readonly report: LoadReport
  readonly exitCode: number | null
  readonly findings: LogFindings
  /** From the moment in which the broker led again to the first acknowledgement. */
  readonly firstAckMs: number
  readonly metadataRequests: number
}

const recordsPerSecond = 5_000
const calmMs = 2_000
/** The longest pause between attempts to connect is 0.8 s; then come a handshake and a request. */
const firstAckMsMax = 1_000

/** The load goes on at its rate all the time: past the bound, sends are rejected. */
export const runOutage = async (
  target: OutageTarget,
  { awayMs, bufferMemoryBytes }: OutagePlan,
): Promise<OutageOutcome> => {
  const { brokers, topic } = target
  await using load = await LoadProcess.start({
    brokers,
    topic,
    recordsPerSecond,
    valueBytes: 100,
    recordsMax: Math.ceil((recordsPerSecond * (awayMs + 60_000)) / 1000),
    offer: 'always',
    measureEveryMs: 500,
    // Longer than any outage here: only the bound rejects records.
    options: { clientId: 'outage', bufferMemoryBytes, waitingMemoryBytes: 0, maxBlockMs: 120_000 },
  })
  await load.until(({ delivered }) => delivered > 0)
  await pause(calmMs)
  await target.stop()
  const { delivered } = load.progress
  await pause(awayMs)
  await target.start()
  const backAt = Date.now()
  await load.until((progress) => progress.delivered > delivered + recordsPerSecond)
  await pause(calmMs)
  const { report, fates, exitCode } = await load.stop()
  const longest = report.silences.reduce((one, other) =>
    one.lastedMs > other.lastedMs ? one : other,
  )
  const check = new LogCheck(fates)
  await target.read((number, partition, offset) => check.onRecord(number, partition, offset))
  return {
    report,
    exitCode,
    findings: check.findings(),
    firstAckMs: longest.endedAt - backAt,
    metadataRequests: report.metadataRequests,
  }
}

/** What is wrong with an outcome, in sentences. */
export const outageProblems = (
  { awayMs, bufferMemoryBytes }: OutagePlan,
  { report, exitCode, findings, firstAckMs, metadataRequests }: OutageOutcome,
): string[] => {
  const problems: string[] = []
  const must = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem)
  }
  const { sent, delivered, failed, codes } = report
  const longestMs = Math.max(...report.silences.map(({ lastedMs }) => lastedMs))
  must(longestMs > awayMs * 0.9, `it was silent for ${longestMs} ms only`)
  must(report.unsettled === 0, `${report.unsettled} promises were never settled`)
  must(delivered + failed === sent, `${delivered} + ${failed} of ${sent}`)
  must(failed === (codes.BUFFER_FULL ?? 0), `it failed by ${JSON.stringify(codes)}`)
  must(failed > 0, 'the buffer was never full')
  const memoryMax = bufferMemoryBytes * 1.2
  const mebibytes = (report.grownBytes / 2 ** 20).toFixed(1)
  must(report.grownBytes < memoryMax, `it grew by ${mebibytes} MiB`)
  must(metadataRequests < 200, `${metadataRequests} metadata requests`)
  must(firstAckMs < firstAckMsMax, `the first acknowledgement came after ${firstAckMs} ms`)
  const { read, maybe, maybeWritten: _, ...wrong } = findings
  must(read === delivered && maybe === 0, `${read} are in the log, ${delivered} were delivered`)
  for (const [name, count] of Object.entries(wrong)) must(count === 0, `${count} ${name}`)
  must(report.surprises.length === 0, `it reached the process: ${report.surprises[0]}`)
  must(report.resources.length === 0, `left open: ${report.resources.join(', ')}`)
  must(exitCode === 0, `exit code ${exitCode}`)
  return problems
}
