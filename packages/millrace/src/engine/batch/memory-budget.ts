// Owns the counters of the option bufferMemoryBytes. Batches use one part (the window), records
// that wait for space or for a topic the rest. Callers: Accumulator and WaitingRecords take memory;
// the code that settles, rebuilds or fails a batch gives it back. The batches of unavailable
// brokers and topics count in the second part (FairShares).
//
// Invariant: `usedBytes` is the cost of all unsettled batches, and `waitingBytes` the cost of all
// waiting records.

/**
 * The share of the buffer memory for batches. A small window keeps promises and callbacks
 * short-lived: with 64 MiB unacknowledged, garbage collection halved the rate of awaited sends.
 */
const windowShare = 3 / 8

export class MemoryBudget {
  readonly totalBytes: number
  /** Memory for batches. */
  readonly windowBytes: number
  /** Above this limit only calls that may wait can add a record. */
  readonly #waitingShareBytes: number
  readonly #waitingBytesMax: number
  readonly #onFreed: () => void
  #usedBytes = 0
  #waitingBytes = 0
  /** The part of the used bytes that belongs to unavailable brokers and topics. */
  #stalledBytes = 0
  /** The part of the waiting bytes that waits for the share of a partition. */
  #partitionWaitBytes = 0
  #windowLimit: number
  #waitingLimit: number
  /**
   * Batches accept another record below this limit. It is derived from the waiting bytes, so that
   * each record needs one comparison.
   */
  #usedLimit: number

  /**
   * `waitingBytes` = the limit of the waiting records, if it is more than their part of the total.
   * `onFreed` is called whenever a batch gives memory back.
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

  /** True if another record fits into a batch; it may be larger than the remaining memory. */
  get hasSpace(): boolean {
    return this.#usedBytes < this.#usedLimit
  }

  get isWindowFull(): boolean {
    return this.#usedBytes >= this.#windowLimit
  }

  /**
   * The current limit of the waiting records. Records that waited for a topic enter batches all at
   * once and may exceed the window; until then records that wait for space get less.
   */
  get waitingBytesMax(): number {
    const excessBytes = Math.max(0, this.#usedBytes - this.windowBytes)
    return Math.max(0, this.#waitingBytesMax - excessBytes)
  }

  /** Used bytes of the window, without those of unavailable brokers and topics. */
  get movingBytes(): number {
    return Math.max(0, this.#usedBytes - this.#stalledBytes)
  }

  /** Sets the bytes of unavailable brokers and topics, limited to the window. */
  setStalled(bytes: number): void {
    this.#stalledBytes = Math.min(bytes, this.windowBytes)
    this.#updateLimits()
  }

  /** The bytes that wait for the share of a partition. */
  get partitionWaitBytes(): number {
    return this.#partitionWaitBytes
  }

  /** The other half is for records of other partitions. */
  get partitionWaitBytesMax(): number {
    return Math.floor(this.waitingBytesMax / 2)
  }

  #updateLimits(): void {
    this.#windowLimit = this.windowBytes + this.#stalledBytes
    const left = Math.max(1, this.#waitingShareBytes - this.#stalledBytes)
    this.#waitingLimit = left + this.#partitionWaitBytes
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

  release(cost: number): void {
    this.#usedBytes -= cost
    this.#onFreed()
  }

  takeWaiting(cost: number): void {
    this.#waitingBytes += cost
    this.#updateUsedLimit()
  }

  releaseWaiting(cost: number): void {
    this.#waitingBytes -= cost
    this.#updateUsedLimit()
  }

  /** A record waits for its partition. */
  takePartitionWait(cost: number): void {
    this.#partitionWaitBytes += cost
    this.#updateLimits()
  }

  releasePartitionWait(cost: number): void {
    this.#partitionWaitBytes -= cost
    this.#updateLimits()
  }
}
