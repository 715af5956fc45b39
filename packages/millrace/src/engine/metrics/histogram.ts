// Owns the distribution of one kind of value: times, sizes, counts. It has a count and a sum since
// the start, and two windows of 30 seconds, the current and the previous one: averages, maxima and
// percentiles cover the last 30 to 60 seconds, as in the Java client. A window is an array of
// cells, 16 per power of two, so a percentile is correct within 3 %. Caller: Measurements.
// Invariant: recording allocates nothing.

/** The distribution of one kind of value in a snapshot. */
export interface Distribution {
  /**
   * Number of values since the producer was created. Two snapshots give the average between them.
   */
  readonly count: number
  /** Their sum, in the unit of the name. */
  readonly sum: number
  /** Average of the last 30 to 60 seconds; 0 if nothing was measured in them. */
  readonly avg: number
  /** The largest value of the last 30 to 60 seconds. */
  readonly max: number
  /** The median of the last 30 to 60 seconds, correct within 3 %. */
  readonly p50: number
  /** The 99th percentile of the last 30 to 60 seconds, correct within 3 %. */
  readonly p99: number
}

export const windowMs = 30_000

/** Cells of one power of two: 2 ** cellBits. */
const cellBits = 4
const cellsPerPower = 1 << cellBits
/** Values up to 2 ** 32 - 1, in the smallest distinguished unit. */
const cellCount = cellsPerPower * (32 - cellBits + 1)
const unitsMax = 2 ** 32 - 1

const cellOf = (units: number): number => {
  if (units < cellsPerPower) return units
  const power = 31 - Math.clz32(units)
  return (power - cellBits + 1) * cellsPerPower + ((units >>> (power - cellBits)) - cellsPerPower)
}

/** The middle of a cell. */
const unitsOf = (cell: number): number => {
  if (cell < cellsPerPower) return cell
  const power = Math.floor(cell / cellsPerPower) + cellBits - 1
  const width = 2 ** (power - cellBits)
  return (cellsPerPower + (cell % cellsPerPower)) * width + width / 2 - 0.5
}

class Window {
  readonly cells = new Uint32Array(cellCount)
  count = 0
  sum = 0
  max = 0

  clear(): void {
    if (this.count > 0) this.cells.fill(0)
    this.count = 0
    this.sum = 0
    this.max = 0
  }
}

export class Histogram {
  readonly #unitsPerValue: number
  #count = 0
  #sum = 0
  #present = new Window()
  #before = new Window()
  #presentEndsAtMs = Number.NEGATIVE_INFINITY

  /**
   * `unitsPerValue`: 1000 distinguishes thousandths (microseconds of values in ms), 1 whole units.
   */
  constructor(unitsPerValue: number) {
    this.#unitsPerValue = unitsPerValue
  }

  record(value: number, nowMs: number): void {
    if (nowMs >= this.#presentEndsAtMs) this.#turn(nowMs)
    this.#count++
    this.#sum += value
    const window = this.#present
    window.count++
    window.sum += value
    if (value > window.max) window.max = value
    const units = Math.min(unitsMax, Math.max(0, Math.round(value * this.#unitsPerValue)))
    window.cells[cellOf(units)]!++
  }

  read(nowMs: number): Distribution {
    if (nowMs >= this.#presentEndsAtMs) this.#turn(nowMs)
    const [present, before] = [this.#present, this.#before]
    const count = present.count + before.count
    const max = Math.max(present.max, before.max)
    return {
      count: this.#count,
      sum: this.#sum,
      avg: count === 0 ? 0 : (present.sum + before.sum) / count,
      max,
      p50: Math.min(max, this.#percentile(count, 0.5)),
      p99: Math.min(max, this.#percentile(count, 0.99)),
    }
  }

  /** The value that this share of the recent values does not exceed. */
  #percentile(count: number, share: number): number {
    if (count === 0) return 0
    const rank = Math.ceil(count * share)
    let seen = 0
    for (let cell = 0; cell < cellCount; cell++) {
      seen += this.#present.cells[cell]! + this.#before.cells[cell]!
      if (seen >= rank) return unitsOf(cell) / this.#unitsPerValue
    }
    return 0
  }

  /**
   * The current window has ended; the previous one too, if nothing was recorded for long enough.
   */
  #turn(nowMs: number): void {
    const isNext = nowMs < this.#presentEndsAtMs + windowMs
    const old = this.#before
    this.#before = this.#present
    this.#present = old
    old.clear()
    if (!isNext) this.#before.clear()
    this.#presentEndsAtMs = isNext ? this.#presentEndsAtMs + windowMs : nowMs + windowMs
  }
}
