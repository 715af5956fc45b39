// The soak program's plan and its report, and when a report is good.

import { trendOf } from './slope.ts'

export interface SoakPlan {
  readonly records: number
  /** Share of produce requests that meet a fault. */
  readonly faultShare: number
  /** How often all connections are cut. */
  readonly reconnects: number
  readonly seed: number
  /** For the test of this test: bytes per record that are kept on purpose. */
  readonly leakBytes: number
}

export interface SoakReport {
  readonly sent: number
  readonly delivered: number
  readonly failed: number
  /** Results of records that had a result already. */
  readonly settledTwice: number
  readonly codes: Readonly<Record<string, number>>
  /** Sum of the partitions' end offsets. */
  readonly inLog: number
  readonly produceRequests: number
  readonly faults: number
  readonly connectionsOpened: number
  /** Heap after garbage collection, at equal distances, nothing being in flight. */
  readonly heapBytes: readonly number[]
  /** Buffers outside the heap at the same moments. */
  readonly bufferBytes: readonly number[]
  readonly elapsedMs: number
  readonly surprises: readonly string[]
  readonly resources: readonly string[]
}

export const soakPlan = (plan: Partial<SoakPlan> = {}): SoakPlan => ({
  records: 10_000_000,
  faultShare: 0.1,
  reconnects: 20,
  seed: 1,
  leakBytes: 0,
  ...plan,
})

/** Measurements of the first part are skipped: code is compiled and tables grow to their size. */
const warmUpShare = 0.4
/** The compiler and the young generation move the heap by as much without any leak. */
const growthBytesMax = 640 * 1024
/** The producer's pool and the cluster's newest batches. */
const bufferBytesMax = 96 * 1024 * 1024

export const heapTrend = ({ heapBytes }: SoakReport) =>
  trendOf(heapBytes.slice(Math.floor(heapBytes.length * warmUpShare)))

/** What is wrong with a run, in sentences. */
export const soakProblems = (plan: SoakPlan, report: SoakReport): string[] => {
  const problems: string[] = []
  const must = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem)
  }
  const { sent, delivered, failed, inLog, settledTwice, produceRequests, faults } = report
  must(sent === plan.records, `${sent} of ${plan.records} records were sent`)
  must(failed === 0, `${failed} failed: ${JSON.stringify(report.codes)}`)
  must(delivered + failed === sent, `${delivered} + ${failed} of ${sent} were settled`)
  must(settledTwice === 0, `${settledTwice} were settled twice`)
  must(inLog === delivered, `${delivered} were acknowledged, ${inLog} are in the log`)
  const share = faults / produceRequests
  must(share > plan.faultShare * 0.7, `only ${(share * 100).toFixed(1)} % of requests met a fault`)
  must(report.connectionsOpened > plan.reconnects, 'connections were not cut')
  const { growth, uncertainty } = heapTrend(report)
  must(
    growth < growthBytesMax || growth < uncertainty,
    `the heap grows: ${Math.round(growth / 1024)} KiB (±${Math.round(uncertainty / 1024)})`,
  )
  const buffers = Math.max(...report.bufferBytes)
  must(buffers < bufferBytesMax, `${Math.round(buffers / 2 ** 20)} MiB of buffers`)
  must(report.surprises.length === 0, `it reached the process: ${report.surprises[0]}`)
  must(report.resources.length === 0, `left open: ${report.resources.join(', ')}`)
  return problems
}
