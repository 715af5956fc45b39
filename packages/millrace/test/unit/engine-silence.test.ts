// Brokers that do not respond: which partitions records without a key go to meanwhile.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EngineSettings } from '../../src/engine/settings.ts'
import { Bench, type SentRequest } from './engine-kit.ts'

/** Partition p of the topic is led by node p + 1. */
const threeBrokers = (changes: Partial<EngineSettings> = {}): Bench =>
  Bench.ready(changes, { t: [1, 2, 3] })

/** Sends `count` large records without a key, in a step each; silent brokers do not respond. */
const sendKeyless = (bench: Bench, count: number, silent: ReadonlySet<number>): number[] => {
  const partitions: number[] = []
  for (let sent = 0; sent < count; sent += 1) {
    bench.send('x'.repeat(40_000), { partition: undefined })
    bench.step()
    for (const request of bench.take()) {
      for (const { partition } of request.batches) partitions.push(partition)
      if (!silent.has(request.nodeId)) request.respond()
    }
    bench.step()
  }
  return partitions
}

const silence = (bench: Bench, nodeId: number): SentRequest => {
  bench.send('stuck', { partition: nodeId - 1 })
  bench.step()
  const request = bench.takeOne()
  assert.equal(request.nodeId, nodeId)
  return request
}

const availableOf = (bench: Bench): readonly number[] =>
  bench.engine.parts.topics.get('t').partitioning.available

test('a broker without a response for the timeout gets no more records without a key', () => {
  const bench = threeBrokers()
  const request = silence(bench, 3)
  bench.advance(999)
  assert.deepEqual(availableOf(bench), [0, 1, 2])
  bench.advance(1)
  assert.deepEqual(availableOf(bench), [0, 1])
  assert.ok(!sendKeyless(bench, 200, new Set([3])).includes(2))
  request.respond()
  bench.step()
  assert.deepEqual(availableOf(bench), [0, 1, 2], 'with its next response it is one of them again')
  assert.ok(sendKeyless(bench, 200, new Set()).includes(2))
})

test('a broker that responds slowly stays available, whatever is in flight', () => {
  const bench = threeBrokers()
  let pending = silence(bench, 3)
  for (let round = 0; round < 20; round += 1) {
    bench.send('next', { partition: 2 })
    bench.step()
    bench.advance(900)
    pending.respond()
    bench.step()
    pending = bench.takeOne()
    assert.deepEqual(availableOf(bench), [0, 1, 2])
  }
})

test('a broker that can not be connected is avoided until the connection is there', () => {
  const bench = threeBrokers()
  const link = bench.link(3)!
  link.ready = false
  bench.send('stuck', { partition: 2 })
  bench.advance(0)
  bench.advance(1000)
  assert.deepEqual(availableOf(bench), [0, 1])
  // Its records expire: nothing but the silence itself requests a connection now.
  bench.advance(120_000)
  assert.equal(bench.errors.get('stuck')?.code, 'DELIVERY_TIMEOUT')
  const opened = link.opened
  bench.advance(5000)
  assert.ok(link.opened > opened)
  assert.deepEqual(availableOf(bench), [0, 1])
  link.ready = true
  bench.advance(1000)
  assert.deepEqual(availableOf(bench), [0, 1, 2])
})

test('a broker stays available when its connection is lost and nothing waits for it', () => {
  const bench = threeBrokers({ retries: 0 })
  const request = silence(bench, 3)
  bench.link(3)!.ready = false
  request.fail('CONNECTION_LOST', true)
  bench.advance(60_000)
  assert.deepEqual(availableOf(bench), [0, 1, 2])
  assert.equal(bench.engine.parts.deadlines.size, 0)
})

test('where every broker is silent, records go to any partition', () => {
  const bench = threeBrokers()
  for (const nodeId of [1, 2, 3]) silence(bench, nodeId)
  bench.advance(2000)
  assert.deepEqual(availableOf(bench), [0, 1, 2])
})

test('with partitionerAvailabilityTimeoutMs 0 every broker with a partition is available', () => {
  const bench = threeBrokers({ partitionerAvailabilityTimeoutMs: 0 })
  silence(bench, 3)
  bench.advance(20_000)
  assert.deepEqual(availableOf(bench), [0, 1, 2])
})

test('with a rack, records without a key stay in it while a broker there responds', () => {
  const bench = new Bench({ rack: 'b' }, { t: [1, 2, 3] })
  for (const [nodeId, rack] of [
    [1, 'a'],
    [2, 'b'],
    [3, 'b'],
  ] as const) {
    bench.racks.set(nodeId, rack)
  }
  bench.tellTopic('t')
  bench.giveId()
  const preferred = (): readonly number[] =>
    bench.engine.parts.topics.get('t').partitioning.preferred
  assert.deepEqual(preferred(), [1, 2])
  assert.ok(!sendKeyless(bench, 100, new Set()).includes(0))
  bench.tellTopic('t', [1, -1, 3], 1)
  assert.deepEqual(preferred(), [2], 'a partition without a leader is none of them')
  silence(bench, 3)
  bench.advance(1000)
  assert.deepEqual(preferred(), [0], 'no broker of the rack responds')
  bench.racks.delete(1)
  bench.tellTopic('t', [2, 1, 1], 2)
  assert.deepEqual(preferred(), [0])
})
