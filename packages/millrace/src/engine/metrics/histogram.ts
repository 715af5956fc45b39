// How the values of one kind are spread: times, sizes, counts. It owns a count and a sum since the
// beginning, and two windows of half a minute each, the present one and the one before: averages,
// maxima and percentiles speak of the last 30 to 60 seconds, as Java's do. A window is an array of
// cells, 16 to each power of two, so a percentile is right within 3 %. Owned by Measurements;
// recording costs some nanoseconds and allocates nothing.

/** Values of one kind, as a snapshot shows them. */
export interface Distribution {
  /** Values since the producer was made, and their sum: two snapshots give the average between. */
  readonly count: number
  /** Their sum, in the unit of the name. */
  readonly sum: number
  /** Of the last 30 to 60 seconds; 0 if nothing was measured in them. */
  readonly avg: number
  /** The largest of the last 30 to 60 seconds. */
  readonly max: number
  /** The median of the last 30 to 60 seconds, right within 3 %. */
  readonly p50: number
  /** The 99th percentile of the last 30 to 60 seconds, right within 3 %. */
  readonly p99: number
}

export const windowMs = 30_000

/** Cells of one power of two: 2 ** cellBits. */
const cellBits = 4
const cellsPerPower = 1 << cellBits
/** Values up to 2 ** 32 - 1, in the smallest unit that is distinguished. */
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
   * `unitsPerValue`: 1000 distinguishes thousandths (microseconds of values in ms), 1 only units.
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

  /** The value that the share of recent values is at or below. */
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

  /** The present window is over; the one before it too, where nothing was recorded for so long. */
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
