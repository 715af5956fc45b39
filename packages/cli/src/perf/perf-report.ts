// Formats the results of `perf`: lines in the form of Java's tool, a bar chart of the latencies, or
// JSON. Scripts parse the lines and the JSON, so their form must not change. Callers:
// perf-command.ts and perf-run.ts.

import type { FailureGroup } from '../produce/record-counts.ts'
import { formatCount, formatMs } from '../text-table.ts'
import { barBoundsMs, type Latencies } from './latency.ts'

const mebibyte = 1_048_576

export interface Measured {
  readonly records: number
  readonly bytes: number
  readonly seconds: number
  readonly meanMs: number
  readonly maxMs: number
}

const rates = ({ records, bytes, seconds }: Measured) => {
  const divisor = Math.max(seconds, 0.001)
  return { recordsPerSecond: records / divisor, mebibytesPerSecond: bytes / mebibyte / divisor }
}

/** `N records sent, X records/sec (Y MB/sec), Z ms avg latency, W ms max latency`, as in Java. */
export const measuredText = (measured: Measured): string => {
  const { recordsPerSecond, mebibytesPerSecond } = rates(measured)
  return (
    `${measured.records} records sent, ${recordsPerSecond.toFixed(1)} records/sec ` +
    `(${mebibytesPerSecond.toFixed(2)} MB/sec), ${measured.meanMs.toFixed(2)} ms avg latency, ` +
    `${measured.maxMs.toFixed(2)} ms max latency`
  )
}

const percentileName = (percent: number): string => `${percent}th`

export const summaryText = (
  measured: Measured,
  latencies: Latencies,
  percentiles: readonly number[],
): string => {
  const each = percentiles.map(
    (percent) => `${formatMs(latencies.percentileMs(percent))} ms ${percentileName(percent)}`,
  )
  return `${[measuredText(measured), ...each].join(', ')}.`
}

const barWidth = 40
const labelWidth = 9

const boundText = (bar: number): string => {
  const bound = barBoundsMs[bar] ?? Number.POSITIVE_INFINITY
  if (bound === Number.POSITIVE_INFINITY) return 'more'
  return bound < 1000 ? `≤ ${bound} ms` : `≤ ${bound / 1000} s`
}

/** One line for each bar, from the first that counted a record to the last. */
export const histogramLines = (latencies: Latencies): readonly string[] => {
  const { bars, count } = latencies
  const first = bars.findIndex((amount) => amount > 0)
  if (first < 0) return []
  const last = bars.findLastIndex((amount) => amount > 0)
  const most = Math.max(...bars)
  const countWidth = formatCount(most).length
  return bars.slice(first, last + 1).map((amount, index) => {
    const label = boundText(first + index).padStart(labelWidth)
    const share = `${((100 * amount) / count).toFixed(1)}%`.padStart(6)
    const length = amount === 0 ? 0 : Math.max(1, Math.round((barWidth * amount) / most))
    const bar = '█'.repeat(length)
    return `${label}  ${formatCount(amount).padStart(countWidth)}  ${share}  ${bar}`.trimEnd()
  })
}

export const jsonReport = (
  measured: Measured,
  latencies: Latencies,
  percentiles: readonly number[],
  failures: readonly FailureGroup[],
): object => ({
  records: measured.records,
  bytes: measured.bytes,
  seconds: measured.seconds,
  ...rates(measured),
  failed: failures.reduce((sum, { count }) => sum + count, 0),
  failures,
  latencyMs: {
    mean: measured.meanMs,
    max: measured.maxMs,
    ...Object.fromEntries(
      percentiles.map((percent) => [`p${percent}`, latencies.percentileMs(percent)]),
    ),
  },
  histogram: latencies.bars.map((count, bar) => ({ upToMs: barBoundsMs[bar] ?? null, count })),
})
