// Bounded work per turn: what one call brings is appended and settled in slices of a counted number
// of records, each in a step of its own.

import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { PartitionQueue } from '../../src/engine/dispatch/partition-queue.ts'
import type { ProducerRecord } from '../../src/engine/record.ts'
import type { BatchResult } from '../../src/producer/batch-result.ts'
import { BatchSend } from '../../src/producer/batch-send.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { Bench } from './engine-kit.ts'

const sliceRecords = 8192
const enqueuedRecords = 2048
const roomy = { bufferMemoryBytes: 64 * 2 ** 20, batchBytes: 65_536 }

const records = (count: number): ProducerRecord[] =>
  Array.from({ length: count }, (_, index) => ({ topic: 't', partition: 0, value: `${index}` }))

/** Steps once, as one event-loop turn does; responds to nothing. */
const turn = (bench: Bench): void => {
  bench.awake = false
  bench.engine.step()
}

/** Responds to requests until nothing is left. */
const finish = (bench: Bench): void => {
  let offset = 0
  for (bench.step(); bench.sent.length > 0; bench.step()) {
    for (const request of bench.take()) {
      const count = request.batches.reduce((sum, batch) => sum + batch.records, 0)
      request.respond({ baseOffset: offset })
      offset += count
    }
  }
}

const start = (bench: Bench, all: readonly ProducerRecord[]): { result: BatchResult | null } => {
  const outcome: { result: BatchResult | null } = { result: null }
  new BatchSend(bench.engine, all, false, (result) => {
    outcome.result = result
  }).start()
  return outcome
}

test('a large sendBatch is appended a slice per turn, and no record passes it', () => {
  const bench = Bench.ready(roomy)
  const before = bench.engine.readings.measurements.recordsSent
  const outcome = start(bench, records(20_000))
  const appended = () => bench.engine.readings.measurements.recordsSent - before
  assert.equal(appended(), sliceRecords)
  assert.equal(bench.tryAppend('passes'), false)
  bench.send('behind')
  for (const expected of [2 * sliceRecords, 20_001]) {
    assert.ok(bench.awake, 'another step was requested')
    turn(bench)
    assert.equal(appended(), expected)
  }
  finish(bench)
  assert.deepEqual(outcome.result!.failedIndexes, [])
  const offsets = outcome.result!.results.map((result) => ('offset' in result ? result.offset : -1))
  assert.ok(offsets.every((offset, index) => offset === index))
  assert.deepEqual(bench.log, ['behind:20000'])
})

test('slices go on while the window is more than three quarters full', () => {
  const bench = Bench.ready({ bufferMemoryBytes: 12 * 2 ** 20, batchBytes: 65_536 })
  const value = 'x'.repeat(200)
  const outcome = start(
    bench,
    records(12_000).map((record) => ({ ...record, value })),
  )
  turn(bench)
  const { recordsSent } = bench.engine.readings.measurements
  assert.ok(recordsSent > sliceRecords + 1, `${recordsSent} records`)
  finish(bench)
  assert.equal(outcome.result!.failedIndexes.length, 0)
})

test('enqueue fills the space that came back a slice per turn, and batches wait for it', () => {
  const bench = Bench.ready({ ...roomy, batchBytes: 1_000_000 })
  const sentCount = () => bench.engine.readings.measurements.recordsSent
  const enqueueAll = () => {
    const before = sentCount()
    while (bench.tryAppend('y'));
    return sentCount() - before
  }
  bench.engine.requestSpace()
  turn(bench)
  for (let turns = 0; turns < 3; turns++) {
    assert.equal(enqueueAll(), enqueuedRecords)
    assert.ok(bench.engine.hasSpace && !bench.engine.mayEnqueue)
    assert.ok(bench.awake, 'the rest comes in the next turn')
    turn(bench)
    assert.equal(bench.sent.length, 0, 'the batch waits for the rest')
  }
  assert.ok(bench.awake, 'a step follows where the callers stop, too')
  turn(bench)
  const sizes = bench.take().flatMap((request) => request.batches.map((batch) => batch.records))
  assert.deepEqual(sizes, [3 * enqueuedRecords])
})

test('waiting sends are admitted a slice per turn', () => {
  const bench = Bench.ready({ bufferMemoryBytes: 16 * 2 ** 20, batchBytes: 1_000_000 })
  const filler = 'x'.repeat(100_000)
  while (bench.tryAppend(filler)) bench.step()
  for (let index = 0; index < 10_000; index++) bench.send(`${index}`)
  const before = bench.engine.readings.measurements.recordsSent
  const most: number[] = []
  for (let steps = 0; bench.engine.readings.measurements.recordsSent < before + 10_000; steps++) {
    assert.ok(steps < 1000)
    for (const request of bench.take()) request.respond()
    const sent = bench.engine.readings.measurements.recordsSent
    turn(bench)
    most.push(bench.engine.readings.measurements.recordsSent - sent)
  }
  assert.equal(Math.max(...most), sliceRecords)
})

test('rejected records take many turns, since errors cost more', () => {
  const bench = Bench.ready(roomy)
  const bad = records(1000).map((record) => ({ ...record, topic: 7 as unknown as string }))
  const outcome = start(bench, bad)
  const turns = () => {
    let count = 0
    for (; outcome.result === null; count++) turn(bench)
    return count
  }
  assert.ok(outcome.result === null, 'it is not done in its call')
  assert.equal(turns(), 3)
  assert.equal(outcome.result!.failedIndexes.length, 1000)
})

test('records of a cancelled sendBatch share one error for each outcome', () => {
  const bench = Bench.ready(roomy)
  let made = 0
  let result: BatchResult | null = null
  const batch = new BatchSend(bench.engine, records(20_000), true, (outcome) => {
    result = outcome
  })
  batch.start()
  bench.engine.step()
  batch.cancelAndNotify((persisted) => {
    made++
    return new KafkaError('ABORTED', 'cancelled', { persisted })
  })
  assert.equal(made, 2)
  const fates = result!.results.map((error) => (error as KafkaError).persisted)
  assert.equal(fates[0], 'maybe')
  assert.equal(fates.at(-1), 'no')
  finish(bench)
})

/** Sends so many records; each sends another when its result arrives, while `more` says so. */
const sendAgain = (bench: Bench, count: number, more: () => boolean): { settled: number } => {
  const counts = { settled: 0 }
  const settle = (): void => {
    counts.settled++
    if (more()) bench.engine.append({ topic: 't', partition: 0, value: 'next' }, settle)
  }
  for (const record of records(count)) bench.engine.append(record, settle)
  return counts
}

test('with no other request in flight, half of the results come first', () => {
  const bench = Bench.ready(roomy)
  const counts = sendAgain(bench, 1000, () => true)
  turn(bench)
  bench.takeOne().respond()
  assert.equal(counts.settled, 500)
  assert.ok(bench.awake, 'the rest was requested')
  turn(bench)
  assert.equal(bench.sent[0]!.batches[0]!.records, 500)
  assert.equal(counts.settled, 1000)
  turn(bench)
  assert.equal(bench.sent[1]!.batches[0]!.records, 500)
  // From now on the two requests alternate.
  bench.sent.shift()!.respond()
  assert.equal(counts.settled, 1500)
})

test('few results come at once', () => {
  const bench = Bench.ready(roomy)
  const counts = sendAgain(bench, 255, () => false)
  turn(bench)
  bench.takeOne().respond()
  assert.equal(counts.settled, 255)
})

test('a step examines no partition whose batch lingers; flush() sends all of them', () => {
  const partitionCount = 500
  const leaders = new Array<number>(partitionCount).fill(1)
  const bench = Bench.ready({ lingerMs: 100 }, { t: leaders })
  const sendAll = (): void => {
    for (let partition = 0; partition < partitionCount; partition++) bench.send('v', { partition })
  }
  const respond = (): number => {
    let count = 0
    for (const request of bench.take()) {
      count += request.batches.length
      request.respond()
    }
    return count
  }
  sendAll()
  turn(bench)
  const examined = mock.getter(PartitionQueue.prototype, 'releaseOpen')
  for (let turns = 0; turns < 10; turns++) {
    bench.send('more', { partition: 1 })
    turn(bench)
  }
  assert.equal(examined.mock.callCount(), 0)
  examined.mock.restore()
  assert.equal(respond(), 0)
  bench.advance(100)
  assert.equal(respond(), partitionCount)
  sendAll()
  turn(bench)
  assert.equal(respond(), 0)
  bench.engine.flush(() => {})
  bench.step()
  assert.equal(respond(), partitionCount)
})

test('a batch that is created during a step is sent by the next one', () => {
  const bench = Bench.ready(roomy, { t: [1, 1] })
  let time = bench.now
  Object.defineProperty(bench, 'now', { get: () => time++ })
  const last = { topic: 't', partition: 1, value: 'last' }
  const outcome = start(bench, [...records(sliceRecords), last])
  finish(bench)
  assert.equal(outcome.result?.count, sliceRecords + 1)
})
