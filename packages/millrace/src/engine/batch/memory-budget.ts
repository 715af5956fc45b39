// The option bufferMemoryBytes, divided: batches take one part (the window), records that wait for
// space or for a topic take the rest. It only counts. Callers: Accumulator and WaitingRecords take,
// whatever settles, rebuilds or fails a batch gives back. What brokers and topics hold that take
// nothing is not a part of the window, but of the rest (FairShares).
//
// Invariant: `usedBytes` is the cost of all batches that are not settled, and `waitingBytes` the
// cost of all waiting records.

/**
 * The part of the buffer memory that batches take. A small window keeps promises and callbacks
 * short-lived: with 64 MiB outstanding, awaited sends lost half their speed to the garbage
 * collector.
 */
const windowShare = 3 / 8

export class MemoryBudget {
  readonly totalBytes: number
  /** What batches may take. */
  readonly windowBytes: number
  /** Past this no record is taken but by a call that may wait. */
  readonly #waitingShareBytes: number
  readonly #waitingBytesMax: number
  readonly #onFreed: () => void
  #usedBytes = 0
  #waitingBytes = 0
  /** Of the used bytes, those of brokers and topics that take nothing. */
  #stalledBytes = 0
  /** Of the waiting bytes, those that wait for a partition's share. */
  #lineBytes = 0
  #windowLimit: number
  #waitingLimit: number
  /**
   * Batches may take another record below this: it follows from what waits, so that every record
   * compares only once.
   */
  #usedLimit: number

  /**
   * `waitingBytes` = what waiting records may take, where that is more than their part of the
   * total. `onFreed` is called whenever a batch gives memory back.
   */
  constructor(totalBytes: number, waitingBytes: number, onFreed: () => void) {
    this.totalBytes = totalBytes
    this.windowBytes = Math.max(1, Math.floor(totalBytes * windowShare))
    this.#waitingShareBytes = totalBytes - this.windowBytes
    this.#waitingBytesMax = Math.max(this.#waitingShareBytes, waitingBytes)
    this.#onFreed = onFreed
    this.#windowLimit = this.windowBytes
    this.#waitingLimit = this.#waitingShareBytes
    this.#usedLimit = this.windowBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Another record may be put into a batch; one that is larger than what is left may, too. */
  get hasSpace(): boolean {
    return this.#usedBytes < this.#usedLimit
  }

  get isWindowFull(): boolean {
    return this.#usedBytes >= this.#windowLimit
  }

  /**
   * What waiting records may take now. Records that waited for a topic go into batches all at once,
   * past the window: those that wait for space get less for as long.
   */
  get waitingBytesMax(): number {
    const excessBytes = Math.max(0, this.#usedBytes - this.windowBytes)
    return Math.max(0, this.#waitingBytesMax - excessBytes)
  }

  /** Used bytes of the window: without those of brokers and topics that take nothing. */
  get movingBytes(): number {
    return Math.max(0, this.#usedBytes - this.#stalledBytes)
  }

  /** What brokers and topics hold that take nothing; as much as the window at most. */
  setStalled(bytes: number): void {
    this.#stalledBytes = Math.min(bytes, this.windowBytes)
    this.#updateLimits()
  }

  /** What waits for the share of a partition. */
  get lineBytes(): number {
    return this.#lineBytes
  }

  /** The other half stays for records of other partitions. */
  get lineBytesMax(): number {
    return Math.floor(this.waitingBytesMax / 2)
  }

  #updateLimits(): void {
    this.#windowLimit = this.windowBytes + this.#stalledBytes
    const left = Math.max(1, this.#waitingShareBytes - this.#stalledBytes)
    this.#waitingLimit = left + this.#lineBytes
    this.#updateUsedLimit()
  }

  #updateUsedLimit(): void {
    const waitingBytes = this.#waitingBytes
    const together = this.windowBytes + this.#waitingBytesMax - waitingBytes
    this.#usedLimit = waitingBytes < this.#waitingLimit ? Math.min(this.#windowLimit, together) : 0
  }

  take(cost: number): void {
    this.#usedBytes += cost
  }

  giveBack(cost: number): void {
    this.#usedBytes -= cost
    this.#onFreed()
  }

  takeWaiting(cost: number): void {
    this.#waitingBytes += cost
    this.#updateUsedLimit()
  }

  giveBackWaiting(cost: number): void {
    this.#waitingBytes -= cost
    this.#updateUsedLimit()
  }

  /** A record that waits does so in a line. */
  takeInLine(cost: number): void {
    this.#lineBytes += cost
    this.#updateLimits()
  }

  giveBackInLine(cost: number): void {
    this.#lineBytes -= cost
    this.#updateLimits()
  }
}
