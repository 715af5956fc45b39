// Brokers and partitions that take nothing: what they may hold of the buffer, and how records of
// the others go on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryBudget } from '../../src/engine/batch/memory-budget.ts'
import type { EngineSettings } from '../../src/engine/settings.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { Bench, type SentRequest } from './engine-kit.ts'

const kib = 1024
const value = (name: string): string => name.padEnd(4 * kib, '.')

/** Partition p of `t` is led by node p + 1; the window has 384 KiB. */
const threeBrokers = (changes: Partial<EngineSettings> = {}): Bench =>
  Bench.ready(
    { batchBytes: 16 * kib, waitingMemoryBytes: 16_384 * kib, ...changes },
    { t: [1, 2, 3], u: [1] },
  )

/** Responds to all requests but those of the silent node, until nothing more is sent. */
const respond = (bench: Bench, silent: number): SentRequest[] => {
  const kept: SentRequest[] = []
  bench.step()
  for (let requests = bench.take(); requests.length > 0; requests = bench.take()) {
    for (const request of requests) {
      if (request.nodeId === silent) kept.push(request)
      else request.respond()
    }
    bench.step()
  }
  return kept
}

/** Sends `count` records to partition 2, whose broker has been silent for a while. */
const hang = (bench: Bench, count: number): SentRequest[] => {
  bench.send('first', { partition: 2 })
  const kept = respond(bench, 3)
  bench.advance(500)
  for (let index = 0; index < count; index += 1) {
    bench.send(value(`stuck ${index}`), { partition: 2 })
    if (index % 10 === 9) bench.advance(10)
  }
  return [...kept, ...respond(bench, 3)]
}

const isDelivered = (bench: Bench, name: string): boolean => bench.metadata.has(name)

test('what waits for a partition counts in the total', () => {
  const budget = new MemoryBudget(1000, 0, () => {})
  budget.setStalled(300)
  budget.takeWaiting(300)
  budget.takePartitionWait(300)
  budget.take(600)
  assert.ok(budget.hasSpace)
  budget.takeWaiting(100)
  assert.ok(!budget.hasSpace)
})

test('records for other brokers are sent at once, whatever waits for a silent broker', () => {
  const bench = threeBrokers()
  hang(bench, 1000)
  const { windowBytes, waitingSends, usedBytes } = bench.engine.readings
  assert.ok(usedBytes <= windowBytes, `${usedBytes} of ${windowBytes}`)
  assert.ok(waitingSends > 850, `${waitingSends} wait`)
  for (let index = 0; index < 500; index += 1) {
    assert.ok(bench.engine.hasSpace)
    bench.send(value(`near ${index}`), { partition: index % 2 })
    respond(bench, 3)
    assert.ok(isDelivered(bench, value(`near ${index}`)), `${index}`)
  }
})

test('a silent broker that holds its share gets no more records without a key', () => {
  const available = (bench: Bench): readonly number[] =>
    bench.engine.parts.topics.get('t').partitioning.available
  const bench = threeBrokers({ partitionerAvailabilityTimeoutMs: 60_000 })
  const kept = hang(bench, 20)
  assert.deepEqual(available(bench), [0, 1, 2], 'its share has space')
  kept.push(...hang(bench, 100))
  assert.deepEqual(available(bench), [0, 1], 'long before the timeout')
  for (const request of kept) request.respond()
  bench.step()
  assert.deepEqual(available(bench), [0, 1, 2], 'with its next response it is one of them again')
  const always = threeBrokers({ partitionerAvailabilityTimeoutMs: 0 })
  hang(always, 100)
  assert.deepEqual(available(always), [0, 1, 2], 'every broker counts as available')
})

test('a window that was filled before the silence was noticed has space again after it', () => {
  const bench = threeBrokers()
  bench.send('first', { partition: 2 })
  respond(bench, 3)
  for (let index = 0; index < 200; index += 1) bench.send(value(`s${index}`), { partition: 2 })
  bench.step()
  assert.ok(!bench.engine.hasSpace)
  bench.send('near', { partition: 0 })
  respond(bench, 3)
  assert.ok(!isDelivered(bench, 'near'), 'it waits behind the others')
  bench.advance(600)
  respond(bench, 3)
  assert.ok(isDelivered(bench, 'near'))
})

test('a broker that responds again gets its records in the order of the calls', () => {
  const bench = threeBrokers()
  const kept = hang(bench, 600)
  bench.send('last', { partition: 2 })
  for (const request of kept) request.respond()
  for (let round = 0; round < 200 && !isDelivered(bench, 'last'); round += 1) {
    respond(bench, 0)
    bench.advance(10)
  }
  assert.equal(bench.errors.size, 0)
  const order = bench.log.map((line) => line.split(/[.:]/)[0]!).filter((name) => name !== 'near')
  const expected = ['first', ...Array.from({ length: 600 }, (_, index) => `stuck ${index}`), 'last']
  assert.deepEqual(order, expected)
  assert.equal(bench.engine.readings.usedBytes, 0)
  assert.equal(bench.engine.readings.waitingBytes, 0)
  assert.equal(bench.engine.readings.waitingSends, 0)
})

test('past the memory of the queues a record is rejected, and the error names the broker', () => {
  const bench = threeBrokers({ waitingMemoryBytes: 1024 * kib })
  hang(bench, 150)
  let rejected: unknown = null
  for (let index = 0; index < 200 && rejected === null; index += 1) {
    try {
      bench.send(value(`more ${index}`), { partition: 2 })
    } catch (error) {
      rejected = error
    }
  }
  assert.match(String(rejected), /test:3 takes no records.*t-2 can't wait/s)
  const { code, broker } = rejected as { code: string; broker: string }
  assert.deepEqual({ code, broker }, { code: 'BUFFER_FULL', broker: 'test:3' })
  bench.send('near', { partition: 0 })
  respond(bench, 3)
  assert.ok(isDelivered(bench, 'near'))
})

test('a record that waits for a silent broker fails after maxBlockMs, and names the broker', () => {
  const bench = threeBrokers({ maxBlockMs: 5000 })
  hang(bench, 200)
  bench.advance(5000)
  bench.advance(0)
  const error = bench.errors.get(value('stuck 199'))
  assert.equal(error?.code, 'BUFFER_TIMEOUT')
  assert.equal(error?.broker, 'test:3')
  assert.match(error!.message, /test:3 takes no records.*within 5000 ms/)
  assert.ok(!bench.errors.has(value('stuck 0')), 'what is in a batch has its delivery time')
})

test('enqueue is rejected for the silent broker only, until it responds', () => {
  const bench = threeBrokers()
  const kept = hang(bench, 100)
  assert.equal(bench.tryAppend('stuck', { partition: 2 }), false)
  for (let index = 0; index < 300; index += 1) {
    assert.equal(bench.tryAppend(value(`near ${index}`), { partition: index % 2 }), true)
    respond(bench, 3)
  }
  assert.ok(!bench.engine.mayEnqueue, 'ready() waits')
  bench.advance(1000)
  assert.equal(bench.spaceReported, 0)
  for (const request of kept) request.respond()
  for (let round = 0; round < 20; round += 1) {
    respond(bench, 0)
    bench.advance(20)
  }
  assert.equal(bench.spaceReported, 1)
  assert.ok(bench.engine.mayEnqueue)
  assert.equal(bench.tryAppend('stuck', { partition: 2 }), true)
})

test('a partition that no replica takes holds its share, and other partitions of it go on', () => {
  const bench = threeBrokers()
  const error = errorNumber.NOT_ENOUGH_REPLICAS
  const step = (): void => {
    bench.advance(20)
    for (const request of bench.take()) {
      request.respond((batch) => (batch.topic === 't' && batch.partition === 0 ? { error } : {}))
    }
    bench.step()
  }
  for (let index = 0; index < 1500; index += 1) {
    bench.send(value(`stuck ${index}`), { partition: 0 })
    if (index % 10 === 9) step()
  }
  for (let index = 0; index < 100; index += 1) {
    bench.send(value(`same ${index}`), { partition: 1 })
    bench.send(value(`other ${index}`), { topic: 'u', partition: 0 })
    step()
    assert.ok(isDelivered(bench, value(`same ${index}`)), `${index}`)
    assert.ok(isDelivered(bench, value(`other ${index}`)), `${index}`)
  }
})

test('when no other broker can be reached, records wait in one queue', () => {
  const bench = threeBrokers()
  for (const nodeId of [1, 2]) {
    const link = bench.link(nodeId)!
    link.ready = false
    link.lastError = new KafkaError('CONNECTION_LOST', 'no connection')
  }
  bench.send('a', { partition: 0 })
  bench.send('b', { partition: 1 })
  hang(bench, 200)
  assert.ok(!bench.engine.hasSpace)
  assert.ok(bench.engine.readings.waitingSends > 0)
  assert.deepEqual(bench.log, [])
})

test('close with an error also fails what waits in the queues of partitions', () => {
  const bench = threeBrokers()
  hang(bench, 300)
  bench.engine.failAll('CLOSED', 'the producer is closed', null)
  assert.equal(bench.errors.size, 301)
  assert.equal(bench.engine.readings.waitingSends, 0)
  assert.equal(bench.engine.readings.waitingBytes, 0)
})

test('a record that waits in the queue of a partition can be cancelled', () => {
  const bench = threeBrokers()
  hang(bench, 200)
  const before = bench.engine.readings.waitingBytes
  const settle = (): void => assert.fail('it was cancelled')
  const record = { topic: 't', partition: 2, value: value('x') }
  const handle = bench.engine.append(record, settle)
  assert.ok(bench.engine.readings.waitingBytes > before)
  assert.equal(bench.engine.cancel(handle, settle), 'no')
  assert.equal(bench.engine.readings.waitingBytes, before)
})

test('purge fails the records that wait for a partition, and gives their memory back', () => {
  const bench = threeBrokers()
  const kept = hang(bench, 600)
  const { waitingSends } = bench.engine.readings
  assert.ok(waitingSends > 400, `${waitingSends} wait`)
  bench.send('unchosen', { partition: 0 })
  const count = bench.engine.purge({ topic: 't', partition: 2 })
  bench.step()
  assert.ok(count >= waitingSends, `${count} purged, ${waitingSends} waited`)
  assert.equal(bench.engine.readings.waitingSends, 0)
  assert.equal(bench.engine.readings.waitingBytes, 0)
  for (const request of kept) request.respond()
  respond(bench, 0)
  assert.ok(isDelivered(bench, 'unchosen'), 'another partition keeps its records')
  assert.equal(bench.errors.size, count)
  assert.equal(bench.engine.readings.usedBytes, 0)
  bench.send('afterwards', { partition: 2 })
  bench.advance(60)
  respond(bench, 0)
  assert.ok(isDelivered(bench, 'afterwards'))
})
