// What the tables say: a broker that is slow among others, topics by what they delivered, batches
// by what they hold; and a partition that delivers is never called idle.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BrokerMetrics } from 'millrace'
import { PartitionTraffic } from '../../src/partition-traffic.ts'
import { batchesBetween, brokerRows, topicRows } from '../../src/rows.ts'
import { metricsOf, none } from '../support/stage.ts'

const broker = (nodeId: number, avgMs: number): BrokerMetrics => ({
  nodeId,
  host: '10.0.0.1',
  port: 9092,
  ready: true,
  requestsInFlight: 0,
  requests: 1,
  requestBytes: 1,
  requestLatencyMs: { ...none, count: 5, avg: avgMs, max: avgMs },
  throttleTimeMs: none,
  lastError: null,
  lastFailure: null,
})

const slowOf = (...averagesMs: number[]): number[] =>
  brokerRows(averagesMs.map((averageMs, index) => broker(index + 1, averageMs)))
    .filter(({ isSlow }) => isSlow)
    .map(({ nodeId }) => nodeId)

test('a broker is slow if it takes far longer than the others', () => {
  assert.deepEqual(slowOf(5, 6, 200), [3])
  assert.deepEqual(slowOf(100, 110, 120), [], 'all are alike')
  assert.deepEqual(slowOf(1, 2, 30), [], 'too quick to matter')
  assert.deepEqual(slowOf(5, 200), [2])
  assert.deepEqual(slowOf(900), [], 'there is no other to compare it with')
  assert.deepEqual(slowOf(0, 900), [], 'no request was sent to the other recently')
})

const topic = (name: string, recordsDelivered: number) => ({
  topic: name,
  recordsSent: recordsDelivered,
  recordBytesSent: 10 * recordsDelivered,
  recordsDelivered,
  recordBytesDelivered: 10 * recordsDelivered,
  recordsFailed: 1,
  recordsRetried: 2,
  partitionCount: 3,
})

test('topics: rates between two snapshots, the busiest first', () => {
  const before = metricsOf({ topics: [topic('a', 100)] })
  const after = metricsOf({ topics: [topic('c', 0), topic('b', 0), topic('a', 600)] })
  const [first, ...rest] = topicRows(before, after, 500)
  assert.deepEqual(first, {
    topic: 'a',
    partitionCount: 3,
    recordsAcked: 1000,
    bytesAcked: 10_000,
    recordsDelivered: 600,
    recordsRetried: 2,
    recordsFailed: 1,
  })
  assert.deepEqual(
    rest.map((row) => row.topic),
    ['b', 'c'],
  )
})

test('batches: what they hold and how they are compressed, between two snapshots', () => {
  const before = metricsOf({ recordBytesSent: 1000, batchBytes: { ...none, count: 1, sum: 900 } })
  const after = metricsOf({ recordBytesSent: 9000, batchBytes: { ...none, count: 5, sum: 2900 } })
  assert.deepEqual(batchesBetween(before, after, 16_384), {
    recordBytes: 2000,
    bytesMax: 16_384,
    compressionRate: 0.25,
  })
  assert.equal(batchesBetween(after, after, 16_384), null)
})

// A partition with 65 records a second was called idle, because its snapshots were taken
// between two of its batches.
test('a partition that delivers is not idle, though it holds nothing at the moment', () => {
  const traffic = new PartitionTraffic()
  traffic.onDelivered({ topic: 't', partition: 0, nodeId: 1, recordCount: 65, recordBytes: 650 })
  traffic.endInterval(1000)
  assert.equal(traffic.table([], '').rows[0]?.state, 'delivering')
  for (let second = 0; second < 60; second++) traffic.endInterval(1000)
  assert.equal(traffic.table([], '').rows[0]?.state, 'idle')
})
