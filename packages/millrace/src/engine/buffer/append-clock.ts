// Owns the timestamp of records without their own: the time of the call. Several records share one
// reading of the clock, because a reading costs a third of an append. Caller: Accumulator.
// Invariant: each event-loop turn begins with a new reading.

/** Records of one turn that share one reading. */
const usesMin = 8
/** The same, if this many earlier records were appended within a millisecond. */
const usesMax = 32

export class AppendClock {
  readonly #clock: { wallTime(): number }
  #time = 0
  /** How many more records get this time. */
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
