// Formats the results of the three methods of sending as the table at the end of the first run. It
// keeps no state. Caller: run.ts.

import { formatCount, formatMegabytes, formatMs, formatTable } from '../text-table.ts'
import type { SendMethod } from './send-methods.ts'

/** The measured result of one method of sending. */
export interface MethodResult {
  readonly method: SendMethod
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

const row = (result: MethodResult): readonly string[] => [
  result.method.name,
  formatCount(result.records),
  formatCount(result.records / result.seconds),
  formatMs(result.p50Ms),
  formatMs(result.p99Ms),
  formatCount(result.batches),
  formatCount(result.requests),
  formatMegabytes(result.requestBytes),
]

export const formatReport = (results: readonly MethodResult[]): readonly string[] => [
  ...formatTable([head, ...results.map(row)]),
  '',
  ...results.map(({ method }) => `  ${method.name.padEnd(9)}  ${method.legend}`),
]
