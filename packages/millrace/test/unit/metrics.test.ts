// What producer.metrics() says: times against an engine stepped by hand, the rest against the
// in-process cluster.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProducerMetrics } from '../../src/index.ts'
import { topicsMax } from '../../src/producer/metrics.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { startCluster } from '../../src/testing.ts'
import { Bench } from './engine-kit.ts'
import { holdBack, nextRequest, numbered, producerFor } from './producer-kit.ts'

const coordinator = { transactionalId: 'x' }

test('queue time ends when a batch is first sent, request latency with its response', () => {
  const bench = Bench.ready({ lingerMs: 40 })
  const { recordQueueTimeMs, requestLatencyMs, deliveryTimeMs } = bench.engine.readings.measurements
  const before = [recordQueueTimeMs, requestLatencyMs, deliveryTimeMs].map(
    (histogram) => histogram.read(bench.now).sum,
  )
  bench.send('a')
  bench.step()
  bench.advance(40)
  bench.advance(7)
  bench.takeOne().respond()
  bench.step()
  const after = [recordQueueTimeMs, requestLatencyMs, deliveryTimeMs].map(
    (histogram) => histogram.read(bench.now).sum,
  )
  assert.deepEqual(
    after.map((sum, index) => sum - before[index]!),
    [40, 7, 47],
  )
})

test('a resent batch counts as sent once; records count as retried, time as retry time', () => {
  const bench = Bench.ready()
  const { measurements } = bench.engine.readings
  const { recordsSent, batchPlainBytes } = measurements
  bench.send('a')
  bench.send('b')
  bench.step()
  bench.takeOne().fail('CONNECTION_LOST', true)
  const sentOnce = measurements.batchPlainBytes
  assert.ok(sentOnce > batchPlainBytes)
  bench.advance(2000)
  bench.takeOne().respond({ error: errorNumber.NOT_LEADER_OR_FOLLOWER })
  bench.tellTopic('t')
  bench.advance(2000)
  bench.takeOne().respond()
  bench.step()
  assert.equal(measurements.recordsSent - recordsSent, 2)
  assert.equal(measurements.recordsRetried, 4)
  assert.equal(measurements.batchPlainBytes, sentOnce)
  assert.equal(bench.engine.parts.topics.find('t')!.topic.measurements.recordsRetried, 4)
  const { count, max } = measurements.retryTimeMs.read(bench.now)
  assert.deepEqual([count, max], [1, 4000])
})

test('the parts of a split batch are not resent: bytes and records count once', () => {
  const bench = Bench.ready()
  const { measurements } = bench.engine.readings
  const topic = bench.engine.parts.topics.find('t')!.topic.measurements
  const { recordsSent } = topic
  for (const name of ['a', 'b', 'c']) bench.send(name)
  bench.step()
  const { recordBytesSent } = measurements
  bench.takeOne().respond({ error: errorNumber.MESSAGE_TOO_LARGE })
  bench.advance(2000)
  for (const request of bench.take()) request.respond()
  bench.step()
  assert.equal(bench.metadata.size, 4)
  assert.equal(measurements.recordBytesSent, recordBytesSent)
  assert.equal(topic.recordsSent - recordsSent, 3)
  assert.equal(topic.recordsDelivered - 1, 3)
  assert.equal(measurements.recordsRetried, 0)
})

test('transactions are counted as begun, and as committed or aborted once that is certain', () => {
  const bench = new Bench(coordinator)
  const manager = bench.engine.transactions!
  const counts = bench.engine.readings.measurements.transactions
  const ended: (string | null)[] = []
  const done = (error: { code: string } | null): void => {
    ended.push(error?.code ?? null)
  }
  manager.begin(() => {})
  bench.transactions!.takeOne().succeed({ producerId: 1, epoch: 0 })
  assert.deepEqual(counts, { begun: 1, committed: 0, aborted: 0 })
  manager.commit(1, done)
  bench.step()
  manager.begin(() => {})
  manager.abort(2, done)
  bench.step()
  manager.begin(() => {})
  assert.deepEqual(counts, { begun: 3, committed: 1, aborted: 1 })
  assert.deepEqual(ended, [null, null])
})

test('a commit that fails counts as aborted when it was aborted, and never as committed', () => {
  const bench = new Bench(coordinator)
  const manager = bench.engine.transactions!
  const counts = bench.engine.readings.measurements.transactions
  manager.begin(() => {})
  bench.transactions!.takeOne().succeed({ producerId: 1, epoch: 0 })
  manager.commit(1, () => {})
  manager.onRecordFailed(new KafkaError('RECORD_TOO_LARGE', 'lost'))
  bench.step()
  assert.deepEqual(counts, { begun: 1, committed: 0, aborted: 0 })
  manager.abort(1, () => {})
  bench.step()
  assert.deepEqual(counts, { begun: 1, committed: 0, aborted: 1 })
})

test('a snapshot is plain JSON, before anything happened and after', async () => {
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

const total = (
  { topics }: ProducerMetrics,
  name: 'recordsSent' | 'recordsDelivered' | 'recordBytesDelivered' | 'recordsFailed',
): number => topics.reduce((sum, topic) => sum + topic[name], 0)

test('records and bytes agree between the whole, the topics and the brokers', async () => {
  await using cluster = await startCluster({ topics: { a: 1, b: 2 }, nodes: 2 })
  await using producer = producerFor(cluster)
  await producer.sendBatch([
    ...numbered('a', 300),
    ...numbered('b', 100, 0),
    ...numbered('b', 100, 1),
  ])
  await assert.rejects(producer.send({ topic: 'a', value: 5 as never }))
  const metrics = producer.metrics()
  assert.equal(metrics.recordsSent, 500)
  assert.equal(metrics.recordsDelivered, 500)
  assert.equal(metrics.recordsFailed, 1)
  assert.equal(total(metrics, 'recordsSent'), 500)
  assert.equal(total(metrics, 'recordsDelivered'), 500)
  assert.equal(total(metrics, 'recordBytesDelivered'), metrics.recordBytesSent)
  assert.equal(metrics.recordBytesDelivered, metrics.recordBytesSent)
  const [first, second] = metrics.brokers
  assert.equal(first!.requests + second!.requests, metrics.requests)
  assert.equal(first!.requestBytes + second!.requestBytes, metrics.requestBytes)
  assert.equal(metrics.requestLatencyMs.count, metrics.requests)
  assert.equal(metrics.recordsPerRequest.sum, 500)
  assert.equal(metrics.batchBytes.count, metrics.batches)
  assert.ok(metrics.requestBytes > metrics.recordBytesSent)
  assert.equal(metrics.compressionRate, 1)
  assert.equal(metrics.connections, 2)
})

test('records that fail count with their topic', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster, { retries: 0, acks: 1 })
  cluster.fault({ api: 'Produce', error: 'INVALID_RECORD' })
  const { failedIndexes } = await producer.sendBatch(numbered('t', 3))
  const metrics = producer.metrics()
  assert.equal(failedIndexes.length, 3)
  assert.equal(metrics.recordsFailed, 3)
  assert.equal(total(metrics, 'recordsFailed'), 3)
})

test('compression shows as bytes to the socket for one byte of a batch', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster, { compression: 'gzip' })
  await producer.send({ topic: 't', value: 'a'.repeat(10_000) })
  const { compressionRate, batchBytes, recordBytesSent } = producer.metrics()
  assert.ok(compressionRate < 0.1, `${compressionRate}`)
  assert.ok(batchBytes.max < 1000)
  assert.ok(recordBytesSent > 10_000)
})

test('a quota shows as throttle time, of the producer and of the broker', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster)
  await producer.send({ topic: 't', value: 'a' })
  cluster.fault({ api: 'Produce', throttleMs: 20 })
  await producer.send({ topic: 't', value: 'b' })
  const { throttleTimeMs, brokers } = producer.metrics()
  assert.deepEqual([throttleTimeMs.count, throttleTimeMs.max, throttleTimeMs.avg], [2, 20, 10])
  assert.deepEqual(brokers[0]!.throttleTimeMs, throttleTimeMs)
})

test('the window is where batches stop taking records', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  await using producer = producerFor(cluster, { bufferMemoryBytes: 1 << 20, lingerMs: 3_600_000 })
  await producer.partitionsFor('t')
  while (producer.enqueue({ topic: 't', value: 'x'.repeat(100) }));
  const { bufferTotalBytes, bufferWindowBytes, bufferUsedBytes } = producer.metrics()
  assert.equal(bufferTotalBytes, 1 << 20)
  const overfullBytes = bufferUsedBytes - bufferWindowBytes
  assert.ok(overfullBytes >= 0 && overfullBytes < 1 << 17, `${overfullBytes} bytes more`)
})

test('what is in flight shows for the whole, the broker and the partition', async () => {
  await using cluster = await startCluster({ topics: { t: 3 } })
  await using producer = producerFor(cluster)
  await producer.send({ topic: 't', partition: 1, value: 'warm' })
  const release = holdBack(cluster)
  const requested = nextRequest(cluster, 'Produce')
  try {
    producer.enqueue({ topic: 't', partition: 1, value: 'held' })
    await requested
    const metrics = producer.metrics({ partitions: true })
    assert.equal(metrics.requestsInFlight, 1)
    assert.equal(metrics.brokers[0]!.requestsInFlight, 1)
    assert.ok(metrics.bufferUsedBytes > 0)
    const held = metrics.bufferUsedBytes + metrics.waitingBytes
    assert.equal(metrics.bufferAvailableBytes, metrics.bufferTotalBytes - held)
    assert.deepEqual(metrics.topics[0]!.partitions, [
      {
        partition: 1,
        leaderId: 1,
        batchesWaiting: 0,
        batchesInFlight: 1,
        recordsHeld: 1,
        lastError: null,
        lastFailure: null,
      },
    ])
    assert.equal(producer.metrics().topics[0]!.partitions, undefined)
  } finally {
    release()
    producer.destroy()
  }
})

test('metadata has an age once a broker has responded', async () => {
  await using cluster = await startCluster()
  await using producer = producerFor(cluster)
  assert.equal(producer.metrics().metadataAgeMs, -1)
  await producer.connect()
  const { metadataAgeMs, at } = producer.metrics()
  assert.ok(metadataAgeMs >= 0 && metadataAgeMs < 10_000)
  assert.ok(at > 1.7e12)
})

test('a snapshot lists a bounded number of topics, and counts those it does not list', async () => {
  await using cluster = await startCluster()
  await using producer = producerFor(cluster)
  const records = Array.from({ length: topicsMax + 5 }, (_, index) => ({
    topic: `t${index}`,
    value: 'a',
  }))
  await producer.sendBatch(records)
  const { topics, topicsLeftOut } = producer.metrics()
  assert.equal(topics.length, topicsMax)
  assert.equal(topicsLeftOut, 5)
})
