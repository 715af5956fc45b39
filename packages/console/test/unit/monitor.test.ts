// What a console says of a real producer: its numbers, its trouble, its end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KafkaError } from 'millrace'
import { serveConsole } from '../../src/index.ts'
import { samplesMax } from '../../src/monitor.ts'
import { intervalMs, readView, StandIn, startStage, untilView } from '../support/stage.ts'

const records = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ topic: 'orders', key: `${index}`, value: 'abc' }))

test('a view has the counts of the producer, and the partitions of its records', async () => {
  await using stage = await startStage()
  await stage.producer.sendBatch(records(300))
  const view = await untilView(stage.served.url, ({ totals }) => totals.recordsAcked === 300)
  const { topics, brokers } = stage.producer.metrics()
  assert.deepEqual([view.clientId, view.clusterId], ['shop', stage.producer.metrics().clusterId])
  assert.ok(view.clusterId)
  assert.deepEqual([view.options.clientId, view.options.batchBytes], ['shop', 524_288])
  const [topic] = view.topics
  assert.deepEqual(
    [topic?.topic, topic?.partitionCount, topic?.recordsDelivered, topic?.recordsFailed],
    ['orders', 6, 300, 0],
  )
  const { batches } = await untilView(stage.served.url, (each) => each.batches !== null)
  assert.equal(batches?.bytesMax, 524_288)
  assert.ok(batches.recordBytes > 50 && batches.compressionRate >= 1)
  assert.equal(view.totals.bytesAcked, topics[0]!.recordBytesDelivered)
  assert.deepEqual(
    view.brokers.map(({ nodeId, address, ready }) => [nodeId, address, ready]),
    brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`, true]),
  )
  assert.deepEqual([view.partitions.rows.length, view.partitions.total], [6, 6])
  assert.ok(view.partitions.rows.every((row) => row.topic === 'orders' && row.leaderId > 0))
  assert.ok(view.times.find(({ name }) => name === 'Request')!.count > 0)
  const sums = view.samples.map(({ recordsAcked }) => recordsAcked)
  assert.ok(Math.max(...sums) > 0)
  assert.deepEqual(view.faults, [])
})

test('a page requests the samples that it lacks: they are numbered, and bounded', async () => {
  const source = new StandIn()
  await using served = await serveConsole(source, { intervalMs })
  const first = await untilView(served.url, ({ samples }) => samples.length >= 2)
  const { number } = first.samples.at(-1)!
  const next = await untilView(served.url, ({ samples }) => samples.length > 0, `?after=${number}`)
  assert.equal(next.samples[0]!.number, number + 1)
  assert.equal(next.serverId, first.serverId)
  assert.ok(samplesMax * 1000 >= 120_000, 'the charts show two minutes')
})

test('a retried error is shown with its remedy, and as past when it is over', async () => {
  await using stage = await startStage()
  const { url } = stage.served
  await stage.producer.sendBatch(records(60))
  stage.cluster.fault({
    api: 'Produce',
    topic: 'orders',
    error: 'NOT_ENOUGH_REPLICAS',
    count: Number.POSITIVE_INFINITY,
  })
  const sent = stage.producer.sendBatch(records(60))
  const bad = await untilView(url, ({ status }) => status.level === 'bad')
  assert.match(bad.status.sentence, /^Not delivering: NOT_ENOUGH_REPLICAS on orders-\d/)
  assert.match(bad.status.detail ?? '', /fewer replicas are in sync/)
  assert.match(bad.status.remedy ?? '', /^Bring the missing replicas back/)
  const [fault] = bad.faults
  assert.deepEqual([fault!.kind, fault!.code], ['retried', 'NOT_ENOUGH_REPLICAS'])
  assert.ok(fault!.placeCount >= 1 && fault!.remedy === bad.status.remedy)
  assert.ok(bad.partitions.rows.some(({ state }) => state === 'retrying'))
  stage.cluster.removeFaults()
  await sent
  const good = await untilView(url, ({ totals }) => totals.recordsAcked === 120)
  assert.notEqual(good.status.level, 'bad')
  assert.equal(good.faults[0]!.lastAt <= good.at, true)
  assert.ok(good.partitions.rows.every(({ state }) => ['idle', 'delivering'].includes(state)))
})

test('records that fail are counted by code and place, with the remedy', async () => {
  await using stage = await startStage({ batchBytes: 50_000, maxRequestBytes: 100_000 })
  const { url } = stage.served
  stage.cluster.fault({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED', count: 1 })
  await assert.rejects(stage.producer.send({ topic: 'orders', partition: 2, value: 'x' }))
  await assert.rejects(stage.producer.send({ topic: 'orders', value: Buffer.alloc(2_000_000) }), {
    code: 'RECORD_TOO_LARGE',
  })
  const view = await readView(url)
  const faults = view.faults.map(({ kind, code, places, count }) => [kind, code, places[0], count])
  assert.deepEqual(faults, [
    ['failed', 'RECORD_TOO_LARGE', 'orders', 1],
    ['failed', 'TOPIC_AUTHORIZATION_FAILED', 'orders-2', 1],
  ])
  assert.match(view.status.sentence, /^Records fail: RECORD_TOO_LARGE/)
  assert.match(view.faults[1]!.remedy, /Grant the rights/)
})

test('an outage of the cluster is shown by broker, and its end too', async () => {
  await using stage = await startStage({ reconnectBackoffMs: 20, reconnectBackoffMaxMs: 50 })
  const { url } = stage.served
  await stage.producer.sendBatch(records(60))
  const node = stage.cluster.nodes[0]!
  await node.stop()
  const lost = await untilView(url, ({ faults }) =>
    faults.some((one) => one.kind === 'disconnected'),
  )
  assert.ok(lost.faults.every(({ remedy, message }) => remedy !== '' && message !== ''))
  // It is not ready, or metadata does not list it any more.
  await untilView(url, ({ brokers }) =>
    brokers.every(({ nodeId, ready }) => nodeId !== node.id || !ready),
  )
  await node.start()
  await stage.producer.sendBatch(records(60))
  await untilView(url, ({ totals }) => totals.recordsAcked === 120)
})

test('a closed producer keeps its last figures, and the sentence says so', async () => {
  await using stage = await startStage()
  await stage.producer.sendBatch(records(10))
  await stage.producer.close()
  const view = await readView(stage.served.url)
  assert.equal(view.status.sentence, 'The producer is closed: 10 records delivered, 0 failed.')
  const after = await untilView(stage.served.url, ({ totals }) => totals.recordsAcked === 10)
  assert.equal(after.status.level, 'closed')
})

test('a destroyed producer disappears from an open page', async () => {
  await using stage = await startStage()
  const { url } = stage.served
  await stage.producer.sendBatch(records(10))
  const open = await readView(url)
  assert.notEqual(open.status.level, 'closed')
  stage.producer.enqueue({ topic: 'orders', value: 'held' })
  stage.producer.destroy()
  const { serverId, status } = await untilView(url, (view) => view.status.level === 'closed')
  assert.equal(serverId, open.serverId)
  assert.equal(status.sentence, 'The producer is closed: 10 records delivered, 1 failed.')
})

test('a flood of failures is one entry, with the places that came last', async () => {
  const source = new StandIn()
  await using served = await serveConsole(source, { intervalMs })
  for (let partition = 0; partition < 1000; partition++) {
    const error = new KafkaError('UNKNOWN_TOPIC', 'there is none', { topic: 'gone', partition })
    source.tell('millrace:record.failed', { error })
  }
  const { faults } = await readView(served.url)
  assert.equal(faults.length, 1)
  const [fault] = faults
  assert.deepEqual(fault!.places, ['gone-999', 'gone-998', 'gone-997'])
  assert.deepEqual([fault!.count, fault!.placeCount], [1000, 200])
})

test('of more kinds of failures than the bound the latest are kept', async () => {
  const source = new StandIn()
  await using served = await serveConsole(source, { intervalMs })
  for (let index = 0; index < 80; index++) {
    const error = new KafkaError('BROKER_REJECTED', 'no', { brokerError: `ERROR_${index}` })
    source.tell('millrace:record.failed', { error })
  }
  const { faults } = await readView(served.url)
  assert.deepEqual(
    [faults.length, faults[0]!.code, faults.at(-1)!.code],
    [50, 'ERROR_79', 'ERROR_30'],
  )
})
