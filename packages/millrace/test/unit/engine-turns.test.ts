// Bounded work per turn: what one call brings is appended and settled in slices of a counted number
// of records, each in a step of its own.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProducerRecord } from '../../src/engine/record.ts'
import { type BatchResult, BatchSend } from '../../src/producer/batch-send.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { Bench } from './engine-kit.ts'

const sliceRecords = 8192
const roomy = { bufferMemoryBytes: 64 * 2 ** 20, batchBytes: 65_536 }

const records = (count: number): ProducerRecord[] =>
  Array.from({ length: count }, (_, index) => ({ topic: 't', partition: 0, value: `${index}` }))

/** Steps once, as one event-loop turn does; answers nothing. */
const turn = (bench: Bench): void => {
  bench.awake = false
  bench.engine.step()
}

/** Answers what is sent until nothing is left. */
const finish = (bench: Bench): void => {
  let offset = 0
  for (bench.step(); bench.sent.length > 0; bench.step()) {
    for (const request of bench.take()) {
      const count = request.batches.reduce((sum, batch) => sum + batch.records, 0)
      request.answer({ baseOffset: offset })
      offset += count
    }
  }
}

const start = (bench: Bench, all: readonly ProducerRecord[]): { result: BatchResult | null } => {
  const told: { result: BatchResult | null } = { result: null }
  new BatchSend(bench.engine, all, false, (result) => {
    told.result = result
  }).start()
  return told
}

test('a large batch is appended a slice per turn though there is room, and none passes it', () => {
  const bench = Bench.ready(roomy)
  const before = bench.engine.measurements.recordsSent
  const told = start(bench, records(20_000))
  const appended = () => bench.engine.measurements.recordsSent - before
  assert.equal(appended(), sliceRecords)
  assert.equal(bench.tryAppend('passes'), false)
  bench.send('behind')
  for (const expected of [2 * sliceRecords, 20_001]) {
    assert.ok(bench.awake, 'the rest was asked for')
    turn(bench)
    assert.equal(appended(), expected)
  }
  finish(bench)
  assert.deepEqual(told.result!.failedIndexes, [])
  const offsets = told.result!.results.map((result) => ('offset' in result ? result.offset : -1))
  assert.ok(offsets.every((offset, index) => offset === index))
  assert.deepEqual(bench.log, ['behind:20000'])
})

test('slices go on while the window is more than three quarters full', () => {
  const bench = Bench.ready({ bufferMemoryBytes: 12 * 2 ** 20, batchBytes: 65_536 })
  const value = 'x'.repeat(200)
  const told = start(
    bench,
    records(12_000).map((record) => ({ ...record, value })),
  )
  turn(bench)
  const { recordsSent } = bench.engine.measurements
  assert.ok(recordsSent > sliceRecords + 1, `${recordsSent} records`)
  finish(bench)
  assert.equal(told.result!.failedIndexes.length, 0)
})

test('sends that wait in line are let in a slice per turn', () => {
  const bench = Bench.ready({ bufferMemoryBytes: 16 * 2 ** 20, batchBytes: 1_000_000 })
  const filler = 'x'.repeat(100_000)
  while (bench.tryAppend(filler)) bench.step()
  for (let index = 0; index < 10_000; index++) bench.send(`${index}`)
  const before = bench.engine.measurements.recordsSent
  const most: number[] = []
  for (let steps = 0; bench.engine.measurements.recordsSent < before + 10_000; steps++) {
    assert.ok(steps < 1000)
    for (const request of bench.take()) request.answer()
    const sent = bench.engine.measurements.recordsSent
    turn(bench)
    most.push(bench.engine.measurements.recordsSent - sent)
  }
  assert.equal(Math.max(...most), sliceRecords)
})

test('records that are refused take many turns: errors are dear', () => {
  const bench = Bench.ready(roomy)
  const bad = records(1000).map((record) => ({ ...record, topic: 7 as unknown as string }))
  const told = start(bench, bad)
  const turns = () => {
    let count = 0
    for (; told.result === null; count++) turn(bench)
    return count
  }
  assert.ok(told.result === null, 'it is not done in its call')
  assert.equal(turns(), 3)
  assert.equal(told.result!.failedIndexes.length, 1000)
})

test('records of a batch that is given up share one error for each fate', () => {
  const bench = Bench.ready(roomy)
  let made = 0
  let result: BatchResult | null = null
  const batch = new BatchSend(bench.engine, records(20_000), true, (told) => {
    result = told
  })
  batch.start()
  bench.engine.step()
  batch.giveUp((persisted) => {
    made++
    return new KafkaError('ABORTED', 'given up', { persisted })
  })
  assert.equal(made, 2)
  const fates = result!.results.map((error) => (error as KafkaError).persisted)
  assert.equal(fates[0], 'maybe')
  assert.equal(fates.at(-1), 'no')
  finish(bench)
})
