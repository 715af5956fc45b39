// Bursts: a send for each record of a large array at once, awaited together, with default options.
// All are delivered in order; the peak of memory is printed, and bounded by what waitingMemoryBytes
// counts.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Producer } from '../../src/index.ts'
import { startCluster } from '../../src/testing.ts'

/** Of a waiting record with its promise and its result, besides its bytes (measured). */
const recordBytesMax = 3_000

const mib = 2 ** 20

const runBurst = async (count: number, bytes: number) => {
  await using cluster = await startCluster({
    topics: { orders: 1 },
    retention: { records: 1_000 },
  })
  await using producer = new Producer({ brokers: cluster.brokers })
  const value = 'x'.repeat(bytes)
  const before = process.memoryUsage.rss()
  let peak = before
  let next = 0
  let isInOrder = true
  const onDelivered = ({ offset }: { readonly offset: number }): void => {
    isInOrder &&= offset === next++
    if (offset % 1_000 === 0) peak = Math.max(peak, process.memoryUsage.rss())
  }
  const startMs = performance.now()
  const records = Array.from({ length: count }, () => ({ topic: 'orders', value }))
  await Promise.all(records.map((record) => producer.send(record).then(onDelivered)))
  return { isInOrder, delivered: next, peakBytes: peak - before, ms: performance.now() - startMs }
}

describe('a burst of sends against a healthy broker', () => {
  for (const [count, bytes] of [
    [100_000, 100],
    [50_000, 1_000],
    [1_000_000, 100],
  ] as const) {
    it(`of ${count} records of ${bytes} bytes is delivered whole and in order`, async (context) => {
      const { isInOrder, delivered, peakBytes, ms } = await runBurst(count, bytes)
      context.diagnostic(`peak +${Math.round(peakBytes / mib)} MiB, ${Math.round(ms)} ms`)
      assert.deepEqual([delivered, isInOrder], [count, true])
      assert.ok(peakBytes < 100 * mib + count * (bytes + recordBytesMax), `${peakBytes} bytes`)
    })
  }
})
