// Formats the results of the three ways of sending as the table at the end of the first run. It
// keeps no state. Caller: run.ts.

import { formatCount, formatMegabytes, formatMs, formatTable } from '../text-table.ts'
import type { Way } from './ways.ts'

/** The measured result of one way of sending. */
export interface WayResult {
  readonly way: Way
  readonly records: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly batches: number
  readonly requests: number
  /** Bytes of the Produce requests as written to the sockets. */
  readonly requestBytes: number
}

const head = ['', 'records', 'records/s', 'p50 ms', 'p99 ms', 'batches', 'requests', 'bytes']

const row = (result: WayResult): readonly string[] => [
  result.way.name,
  formatCount(result.records),
  formatCount(result.records / result.seconds),
  formatMs(result.p50Ms),
  formatMs(result.p99Ms),
  formatCount(result.batches),
  formatCount(result.requests),
  formatMegabytes(result.requestBytes),
]

export const formatReport = (results: readonly WayResult[]): readonly string[] => [
  ...formatTable([head, ...results.map(row)]),
  '',
  ...results.map(({ way }) => `  ${way.name.padEnd(9)}  ${way.legend}`),
]
