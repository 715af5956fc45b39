// The timestamp of records that have none of their own: the time of the call. The machine's clock
// is read for every few records only, because a reading costs as much as a third of an append.
// Owner: Accumulator.

/** Records appended in one turn that share one reading. */
const usesMin = 8
/** The same, where as many records before them were appended within a millisecond. */
const usesMax = 32

export class AppendClock {
  readonly #clock: { wallTime(): number }
  #time = 0
  /** How many more records have this time. */
  #usesLeft = 0
  #uses = usesMin

  constructor(clock: { wallTime(): number }) {
    this.#clock = clock
  }

  /** A new event-loop turn: the next record reads the clock. */
  startTurn(): void {
    this.#usesLeft = 0
  }

  wallTime(): number {
    return this.#usesLeft-- > 0 ? this.#time : this.#read()
  }

  #read(): number {
    const time = this.#clock.wallTime()
    this.#uses = time === this.#time ? Math.min(2 * this.#uses, usesMax) : usesMin
    this.#usesLeft = this.#uses - 1
    this.#time = time
    return time
  }
}
