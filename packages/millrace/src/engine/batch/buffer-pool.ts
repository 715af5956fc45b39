// Owns the buffers that batches are encoded into, and keeps them for the next batches. There are a
// few sizes, each four times the previous one: thousands of quiet partitions need kilobytes, and
// busy ones get their full size at once. Callers: Batch, BatchRebuild, Accumulator, Delivery.
// Invariant: a buffer that a socket may still read is never returned; the caller leaves it to the
// garbage collector.

const smallestBytes = 2048
const growthFactor = 4

export class BufferPool {
  /** Capacities in ascending order; the last one is that of a full batch. */
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

  /** A buffer of at least `bytes`; its content is undefined. */
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

  /** Takes a buffer that is no longer read or written. */
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
