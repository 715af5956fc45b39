// Latencies of acknowledged records: Node's HDR histogram (three significant digits) for
// percentiles, and counts in 1-2-5 steps for the bar chart. perf-run.ts records them;
// perf-report.ts reads them. Recording is on the path of every record, so it allocates nothing.

import { createHistogram } from 'node:perf_hooks'

const microsMax = 3_600_000_000
const significantFigures = 3

/** Upper bounds of the bars in milliseconds; one more bar counts slower records. */
export const barBoundsMs: readonly number[] = [0.1, 1, 10, 100, 1000, 10_000].flatMap((unit) => [
  unit,
  2 * unit,
  5 * unit,
])

const barOf = (latencyMs: number): number => {
  let bar = 0
  while (bar < barBoundsMs.length && latencyMs > barBoundsMs[bar]!) bar++
  return bar
}

export class Latencies {
  readonly #histogram = createHistogram({
    lowest: 1,
    highest: microsMax,
    figures: significantFigures,
  })
  readonly #bars = new Array<number>(barBoundsMs.length + 1).fill(0)
  #count = 0

  record(latencyMs: number): void {
    const micros = Math.round(latencyMs * 1000)
    this.#histogram.record(Math.min(microsMax, Math.max(1, micros)))
    this.#bars[barOf(latencyMs)]!++
    this.#count++
  }

  get count(): number {
    return this.#count
  }

  /** The count of each bar; the index is that of barBoundsMs. */
  get bars(): readonly number[] {
    return this.#bars
  }

  /** A percentile with three significant digits; 0 if nothing was recorded. */
  percentileMs(percent: number): number {
    return this.#count === 0 ? 0 : this.#histogram.percentile(percent) / 1000
  }
}
