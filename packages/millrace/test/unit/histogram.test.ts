// Distributions: what is counted for ever, what is forgotten, and how exact percentiles are.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Histogram, windowMs } from '../../src/engine/metrics/histogram.ts'

const percentileOf = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.ceil(sorted.length * share) - 1]!
}

const near = (actual: number, exact: number, smallest: number): boolean =>
  Math.abs(actual - exact) <= Math.max(smallest, exact * 0.035)

test('percentiles are right within 3.5 %, whatever the values', () => {
  const values = fc.array(fc.oneof(fc.nat(100), fc.double({ min: 0, max: 4e6, noNaN: true })), {
    minLength: 1,
    maxLength: 300,
  })
  fc.assert(
    fc.property(values, (times) => {
      const histogram = new Histogram(1000)
      for (const time of times) histogram.record(time, 0)
      const { p50, p99, max, avg, sum, count } = histogram.read(0)
      assert.ok(near(p50, percentileOf(times, 0.5), 0.001), `p50 ${p50}`)
      assert.ok(near(p99, percentileOf(times, 0.99), 0.001), `p99 ${p99}`)
      assert.equal(max, Math.max(...times))
      assert.equal(count, times.length)
      assert.equal(avg, sum / count)
    }),
  )
})

test('a histogram without values is all zeros', () => {
  const zeros = { count: 0, sum: 0, avg: 0, max: 0, p50: 0, p99: 0 }
  assert.deepEqual(new Histogram(1).read(0), zeros)
})

test('averages and percentiles forget what is older than two windows; count and sum do not', () => {
  const histogram = new Histogram(1)
  histogram.record(1000, 0)
  histogram.record(10, windowMs)
  assert.equal(histogram.read(windowMs).max, 1000)
  assert.deepEqual(histogram.read(2 * windowMs), {
    count: 2,
    sum: 1010,
    avg: 10,
    max: 10,
    p50: 10,
    p99: 10,
  })
  assert.deepEqual(histogram.read(3 * windowMs), {
    count: 2,
    sum: 1010,
    avg: 0,
    max: 0,
    p50: 0,
    p99: 0,
  })
})

test('after a long idle time no old value is left, and windows restart', () => {
  const histogram = new Histogram(1)
  histogram.record(5, 0)
  histogram.record(7, 100 * windowMs)
  assert.equal(histogram.read(100 * windowMs).p50, 7)
  assert.equal(histogram.read(101.5 * windowMs).max, 7)
  assert.equal(histogram.read(102 * windowMs).max, 0)
})

test('a value past the last cell counts in it, and keeps its maximum', () => {
  const histogram = new Histogram(1000)
  histogram.record(1e12, 0)
  const { max, p99 } = histogram.read(0)
  assert.equal(max, 1e12)
  assert.ok(p99 > 4e6 && p99 < 4.3e6)
})
