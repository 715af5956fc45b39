// What producer.metrics() says: against an engine stepped by hand where times matter, and against
// the in-process cluster for what the parts say together.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorNumber } from '../../src/protocol/errors.ts'
import { startCluster } from '../../src/testing.ts'
import { EngineBench } from './engine-kit.ts'
import { holdBack, nextRequest, numbered, producerFor } from './producer-kit.ts'

test('a queue time ends at the first sending, a request latency at the answer', () => {})

test('a snapshot is plain JSON, and every number in it is finite', async () => {
  await using cluster = await startCluster({ topics: { t: 2 } })
  await using producer = producerFor(cluster)
  const check = (): void => {
    const metrics = producer.metrics({ partitions: true })
    assert.deepEqual(JSON.parse(JSON.stringify(metrics)), metrics)
  }
  check()
  await producer.sendBatch(numbered('t', 100))
  check()
})

test('counts of records and bytes agree between the whole, the topics and the brokers', async () => {
  await using cluster = await startCluster({ topics: { a: 1, b: 2 }, brokers: 2 })
  await using producer = producerFor(cluster)
  await producer.sendBatch([...numbered('a', 300), ...numbered('b', 200)])
  await assert.rejects(producer.send({ topic: 'a', value: 5 as never }))
  const metrics = producer.metrics()
  const sum = (pick: (topic: (typeof metrics.topics)[number]) => number): number =>
    metrics.topics.reduce((total, topic) => total + pick(topic), 0)
  assert.equal(metrics.recordsSent, 500)
  assert.equal(metrics.recordsDelivered, 500)
  assert.equal(metrics.recordsFailed, 1)
  assert.equal(sum(({ recordsSent }) => recordsSent), 500)
  assert.equal(sum(({ recordsDelivered }) => recordsDelivered), 500)
  assert.equal(sum(({ recordBytesDelivered }) => recordBytesDelivered), metrics.recordBytesSent)
  assert.equal(metrics.recordBytesDelivered, metrics.recordBytesSent)
  const brokerRequests = metrics.brokers.map(({ requests }) => requests)
  assert.equal(brokerRequests[0]! + brokerRequests[1]!, metrics.requests)
  assert.equal(metrics.requestLatencyMs.count, metrics.requests)
  assert.equal(metrics.recordsPerRequest.sum, 500)
  assert.equal(metrics.batchBytes.count, metrics.batches)
  assert.ok(metrics.requestBytes > metrics.recordBytesSent)
})
