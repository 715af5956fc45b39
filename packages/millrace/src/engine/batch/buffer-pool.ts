// Buffers that batches are encoded into, kept for the next batch instead of left to the garbage
// collector. A few sizes, each four times the one before, so that thousands of quiet partitions
// take kilobytes and busy ones get their full size at once. A buffer that a socket may still read
// is never given back: a caller that can't be sure drops it, and the collector takes it.

const smallestBytes = 2048
const growthFactor = 4

export class BufferPool {
  /** Capacities in ascending order; the last is a full batch. */
  readonly #capacities: number[] = []
  readonly #free: Buffer[][] = []
  readonly #keptBytesMax: number
  #keptBytes = 0

  constructor(largestBytes: number, keptBytesMax: number) {
    this.#keptBytesMax = keptBytesMax
    for (let capacity = smallestBytes; capacity < largestBytes; capacity *= growthFactor) {
      this.#addCapacity(capacity)
    }
    this.#addCapacity(largestBytes)
  }

  #addCapacity(capacity: number): void {
    this.#capacities.push(capacity)
    this.#free.push([])
  }

  /** A buffer of at least `bytes`; its content is whatever was there before. */
  acquire(bytes: number): Buffer {
    for (let index = 0; index < this.#capacities.length; index++) {
      const capacity = this.#capacities[index]!
      if (capacity < bytes) continue
      const buffer = this.#free[index]!.pop()
      if (buffer === undefined) return Buffer.allocUnsafeSlow(capacity)
      this.#keptBytes -= capacity
      return buffer
    }
    return Buffer.allocUnsafeSlow(bytes)
  }

  /** Takes back a buffer that is no longer read or written. */
  release(buffer: Buffer): void {
    const index = this.#capacities.indexOf(buffer.length)
    if (index < 0 || this.#keptBytes + buffer.length > this.#keptBytesMax) return
    this.#keptBytes += buffer.length
    this.#free[index]!.push(buffer)
  }

  get keptBytes(): number {
    return this.#keptBytes
  }
}
