// The push of metrics to brokers that request them (KIP-714), against the in-process cluster.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PushedMetrics, startCluster, type TelemetryOptions } from '../../src/testing.ts'
import { nextRequest, producerFor } from './producer-kit.ts'

const record = { topic: 't', value: 'a' }
const turn = (): Promise<void> => new Promise(setImmediate)

const start = (telemetry: TelemetryOptions = {}) =>
  startCluster({ topics: { t: 1 }, telemetry: { pushIntervalMs: 100, ...telemetry } })

type Cluster = Awaited<ReturnType<typeof start>>

const pushes = async (cluster: Cluster, count: number): Promise<readonly PushedMetrics[]> => {
  while (cluster.pushedMetrics.length < count) {
    await nextRequest(cluster, 'PushTelemetry')
    await turn()
  }
  return cluster.pushedMetrics
}

const numberOf = ({ metrics }: PushedMetrics, name: string, attribute?: string): number => {
  const found = metrics.find(
    (metric) =>
      metric.name === `org.apache.kafka.producer.${name}` &&
      (attribute === undefined || Object.values(metric.attributes).includes(attribute)),
  )
  assert.ok(found !== undefined, `${name} was not pushed`)
  return found.value
}

test('a producer pushes what Kafka requires of every producer, under Kafka’s names', async () => {
  // On a slow machine the interval must not end before the transaction does.
  await using cluster = await start({ pushIntervalMs: 2_000 })
  await using producer = producerFor(cluster, { clientId: 'shop', transactionalId: 'x' })
  await producer.transaction((transaction) => transaction.send(record))
  const [push] = await pushes(cluster, 1)
  assert.equal(push!.clientId, 'shop')
  assert.equal(push!.terminating, false)
  assert.deepEqual(push!.resource, { transactional_id: 'x' })
  assert.equal(numberOf(push!, 'connection.creation.total'), 1)
  assert.ok(numberOf(push!, 'connection.creation.rate') > 0)
  assert.ok(numberOf(push!, 'node.request.latency.avg', '1') > 0)
  assert.ok(numberOf(push!, 'node.request.latency.max', '1') > 0)
  assert.equal(numberOf(push!, 'produce.throttle.time.avg'), 0)
  assert.equal(numberOf(push!, 'produce.throttle.time.max'), 0)
  assert.ok(numberOf(push!, 'record.queue.time.avg') >= 0)
  assert.ok(numberOf(push!, 'record.queue.time.max') >= 0)
  assert.equal(numberOf(push!, 'topic.record.send.total', 't'), 1)
})

test('pushes go on at the interval, under one instance id; close pushes once more', async () => {
  await using cluster = await start()
  const producer = producerFor(cluster)
  await producer.send(record)
  await pushes(cluster, 2)
  await producer.close()
  const all = cluster.pushedMetrics
  assert.equal(new Set(all.map(({ clientInstanceId }) => clientInstanceId)).size, 1)
  assert.deepEqual(
    all.map(({ terminating }) => terminating),
    all.map((_, index) => index === all.length - 1),
  )
  assert.equal(cluster.requests.GetTelemetrySubscriptions, 1)
  assert.equal(cluster.requests.PushTelemetry, all.length)
})

test('a producer that closes before its first push pushes its metrics once', async () => {
  await using cluster = await start({ pushIntervalMs: 300_000 })
  const producer = producerFor(cluster)
  const requestSent = nextRequest(cluster, 'GetTelemetrySubscriptions')
  await producer.send(record)
  await requestSent
  await producer.send(record)
  await producer.close()
  const [push, ...others] = cluster.pushedMetrics
  assert.deepEqual(others, [])
  assert.equal(push!.terminating, true)
  assert.equal(numberOf(push!, 'topic.record.send.total', 't'), 2)
})

test('only metrics whose names begin with a requested prefix are pushed', async () => {
  const prefix = 'org.apache.kafka.producer.record.'
  await using cluster = await start({ metrics: [prefix] })
  await using producer = producerFor(cluster)
  await producer.send(record)
  const [push] = await pushes(cluster, 1)
  assert.ok(push!.metrics.length > 3)
  assert.ok(push!.metrics.every(({ name }) => name.startsWith(prefix)))
})

test('nothing is pushed if no metric is requested, or enableMetricsPush is off', async () => {
  await using cluster = await start({ metrics: [] })
  const first = producerFor(cluster)
  const requestSent = nextRequest(cluster, 'GetTelemetrySubscriptions')
  await first.send(record)
  await requestSent
  await nextRequest(cluster, 'GetTelemetrySubscriptions')
  await first.close()
  const before = cluster.requests.GetTelemetrySubscriptions
  const second = producerFor(cluster, { enableMetricsPush: false })
  await second.send(record)
  await second.close()
  assert.equal(cluster.requests.GetTelemetrySubscriptions, before)
  assert.deepEqual(cluster.pushedMetrics, [])
})

test('brokers that do not serve the APIs receive no request', async () => {
  await using cluster = await startCluster({ topics: { t: 1 } })
  const producer = producerFor(cluster)
  await producer.send(record)
  await producer.close()
  assert.equal(cluster.requests.GetTelemetrySubscriptions, 0)
})

test('as deltas, the sums of all pushes are the totals', async () => {
  await using cluster = await start({ deltas: true })
  const producer = producerFor(cluster)
  await producer.send(record)
  await pushes(cluster, 1)
  await producer.send(record)
  await pushes(cluster, 2)
  await producer.send(record)
  await producer.close()
  const all = cluster.pushedMetrics
  const sent = all.map((push) => numberOf(push, 'topic.record.send.total', 't'))
  assert.equal(
    sent.reduce((sum, delta) => sum + delta, 0),
    3,
  )
  const points = all.map(({ metrics }) => metrics.find(({ kind }) => kind !== 'gauge')!)
  assert.ok(points.every(({ kind }) => kind === 'deltaSum'))
  assert.equal(points[1]!.startTimeMs, points[0]!.timeMs)
})

// A real broker found it: close() did not wait for the response to the push that was under way, and
// pushed the same counts again.
test('a producer that closes while a push is under way counts nothing twice', async () => {
  await using cluster = await start({ deltas: true })
  const producer = producerFor(cluster)
  cluster.fault({ api: 'PushTelemetry', at: 'after', delayMs: 50 })
  const pushed = nextRequest(cluster, 'PushTelemetry')
  await producer.send(record)
  await pushed
  await producer.close()
  const all = cluster.pushedMetrics
  assert.deepEqual(
    all.map(({ terminating }) => terminating),
    [false, true],
  )
  const deltas = all.map((push) => numberOf(push, 'topic.record.send.total', 't'))
  assert.deepEqual(deltas, [1, 0])
})

test('the first codec that the broker names is used, or none', async () => {
  for (const [compression, expected] of [
    [['gzip', 'lz4'], 'gzip'],
    [[], 'none'],
  ] as const) {
    await using cluster = await start({ compression })
    await using producer = producerFor(cluster)
    await producer.send(record)
    const [push] = await pushes(cluster, 1)
    assert.equal(push!.compression, expected)
  }
})

test('a codec that is rejected is not used again', async () => {
  await using cluster = await start()
  await using producer = producerFor(cluster)
  cluster.fault({ api: 'PushTelemetry', error: 'UNSUPPORTED_COMPRESSION_TYPE' })
  await producer.send(record)
  const [push] = await pushes(cluster, 1)
  assert.equal(push!.compression, 'none')
  assert.equal(cluster.requests.GetTelemetrySubscriptions, 2)
})

test('a subscription that has changed is requested again, and then followed', async () => {
  await using cluster = await start()
  await using producer = producerFor(cluster)
  await producer.send(record)
  await pushes(cluster, 1)
  const only = 'org.apache.kafka.producer.batch.size.'
  cluster.changeTelemetry({ pushIntervalMs: 100, metrics: [only] })
  const [before, after] = await pushes(cluster, 2)
  assert.equal(after!.clientInstanceId, before!.clientInstanceId)
  assert.deepEqual(
    after!.metrics.map(({ name }) => name),
    [`${only}avg`, `${only}max`],
  )
  assert.equal(cluster.requests.GetTelemetrySubscriptions, 2)
})

test('what is too large for the broker is not sent, and records go on', async () => {
  await using cluster = await start({ maxBytes: 10 })
  const producer = producerFor(cluster)
  await producer.send(record)
  const closing = producer.close()
  await closing
  assert.equal(cluster.requests.PushTelemetry, 0)
})

test('a broker that rejects permanently receives no more requests', async () => {
  await using cluster = await start()
  const producer = producerFor(cluster)
  cluster.fault({ api: 'PushTelemetry', error: 'INVALID_REQUEST' })
  await producer.send(record)
  await nextRequest(cluster, 'PushTelemetry')
  for (let round = 0; round < 5; round++) await producer.send(record)
  await producer.close()
  assert.equal(cluster.requests.PushTelemetry, 1)
  assert.deepEqual(cluster.pushedMetrics, [])
})
