import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PartitionMetrics, TopicMetrics } from 'millrace'
import { PartitionTraffic, partitionsMax, rowsMax } from '../../src/partition-traffic.ts'

const batch = (topic: string, partition: number, recordCount: number) => ({
  topic,
  partition,
  nodeId: 1,
  recordCount,
  recordBytes: recordCount * 10,
})

const held = (partition: number, own: Partial<PartitionMetrics> = {}): PartitionMetrics => ({
  partition,
  leaderId: 1,
  batchesWaiting: 1,
  batchesInFlight: 0,
  recordsHeld: 3,
  lastError: null,
  lastFailure: null,
  ...own,
})

const topic = (name: string, partitions: PartitionMetrics[]): TopicMetrics => ({
  topic: name,
  recordsSent: 0,
  recordBytesSent: 0,
  recordsDelivered: 0,
  recordBytesDelivered: 0,
  recordsFailed: 0,
  recordsRetried: 0,
  partitionCount: 100,
  partitions,
})

test('a steady load shows its rate, and a load that ended shows none after a while', () => {
  const traffic = new PartitionTraffic()
  for (let second = 0; second < 20; second++) {
    traffic.onDelivered(batch('orders', 0, 500))
    traffic.endInterval(1000)
  }
  const [row] = traffic.table([], '').rows
  assert.ok(Math.abs(row!.recordsAcked - 500) < 2, String(row!.recordsAcked))
  assert.ok(Math.abs(row!.bytesAcked - 5000) < 20)
  assert.equal(row!.state, 'delivering')
  for (let second = 0; second < 40; second++) traffic.endInterval(1000)
  const [after] = traffic.table([], '').rows
  assert.deepEqual([after!.recordsAcked, after!.bytesAcked, after!.state], [0, 0, 'idle'])
})

test('of thousands the busiest are shown, those with errors first, in a stable order', () => {
  const traffic = new PartitionTraffic()
  for (let partition = 0; partition < 3000; partition++) {
    traffic.onDelivered(batch('orders', partition, partition))
  }
  traffic.endInterval(1000)
  const failure = {
    code: 'BROKER_UNAVAILABLE',
    brokerError: 'X',
    message: 'm',
    remedy: 'r',
  } as const
  const trouble = held(7, { lastError: 'BROKER_UNAVAILABLE', lastFailure: failure })
  const { rows, matching, total } = traffic.table([topic('orders', [trouble])], '')
  assert.deepEqual([rows.length, matching, total], [rowsMax, 3000, 3000])
  assert.deepEqual([rows[0]!.partition, rows[0]!.state, rows[0]!.error], [7, 'retrying', 'X'])
  const others = rows.slice(1).map((row) => row.partition)
  assert.deepEqual(
    others,
    Array.from({ length: rowsMax - 1 }, (_, index) => 3001 - rowsMax + index),
  )
})

test('the filter looks at topic and partition, in any case, and counts what it leaves', () => {
  const traffic = new PartitionTraffic()
  for (let partition = 0; partition < 30; partition++) {
    traffic.onDelivered(batch('Orders', partition, 1))
  }
  traffic.onDelivered(batch('invoices', 1, 1))
  const names = (filter: string) =>
    traffic.table([], filter).rows.map((row) => `${row.topic}-${row.partition}`)
  assert.deepEqual(names(' orders-2 ').length, 11)
  assert.deepEqual(names('INVOICES'), ['invoices-1'])
  assert.deepEqual(traffic.table([], 'nothing').matching, 0)
  assert.deepEqual(traffic.table([], 'nothing').total, 31)
})

test('the state of a partition is: in flight, queued, no leader, idle', () => {
  const traffic = new PartitionTraffic()
  const partitions = [
    held(0, { batchesInFlight: 1 }),
    held(1),
    held(2, { leaderId: -1 }),
    held(3, { batchesWaiting: 0 }),
  ]
  const { rows } = traffic.table([topic('t', partitions)], '')
  const states = rows.map(({ partition, state }) => [partition, state])
  assert.deepEqual(states, [
    [2, 'no leader'],
    [0, 'in flight'],
    [1, 'queued'],
    [3, 'idle'],
  ])
})

test('partitions past the bound are skipped', () => {
  const traffic = new PartitionTraffic()
  for (let partition = 0; partition < partitionsMax + 10; partition++) {
    traffic.onDelivered(batch('orders', partition, 1))
  }
  assert.equal(traffic.table([], '').total, partitionsMax)
})
