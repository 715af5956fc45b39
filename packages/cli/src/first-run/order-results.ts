// Stores for each order when it was sent, and the partition and offset that acknowledged it. It
// uses typed arrays, so that storing costs little during the measurement. send-methods.ts writes
// it; verify.ts and run.ts read it.

import type { RecordMetadata } from 'millrace'
import { nowMs } from '../runtime/time.ts'

const unknown = -1

export class OrderResults {
  readonly #partitions: Int32Array
  readonly #offsets: Float64Array
  readonly #sentMs: Float64Array
  readonly #latencyMs: Float64Array

  constructor(orderCount: number) {
    this.#partitions = new Int32Array(orderCount).fill(unknown)
    this.#offsets = new Float64Array(orderCount).fill(unknown)
    this.#sentMs = new Float64Array(orderCount)
    this.#latencyMs = new Float64Array(orderCount)
  }

  markSent(order: number): void {
    this.#sentMs[order] = nowMs()
  }

  markDelivered(order: number, metadata: RecordMetadata): void {
    this.#latencyMs[order] = nowMs() - this.#sentMs[order]!
    this.#partitions[order] = metadata.partition
    this.#offsets[order] = metadata.offset
  }

  /** The partition; -1 until the order is acknowledged. */
  partition(order: number): number {
    return this.#partitions[order]!
  }

  /** The offset; -1 if the broker did not return one. */
  offset(order: number): number {
    return this.#offsets[order]!
  }

  /** The latency of the given quantiles (0 to 1) among orders `from` to `to` - 1, in ms. */
  latencyQuantiles(from: number, to: number, quantiles: readonly number[]): readonly number[] {
    const sorted = this.#latencyMs.slice(from, to).sort()
    return quantiles.map((quantile) => sorted[Math.floor(quantile * (sorted.length - 1))] ?? 0)
  }

  /** The orders of each partition, in the order they were sent. */
  byPartition(): ReadonlyMap<number, readonly number[]> {
    const orders = new Map<number, number[]>()
    for (let order = 0; order < this.#partitions.length; order++) {
      const partition = this.#partitions[order]!
      const list = orders.get(partition)
      if (list === undefined) orders.set(partition, [order])
      else list.push(order)
    }
    return orders
  }
}
