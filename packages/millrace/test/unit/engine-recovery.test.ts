// What the simulator found wrong with the engine, each in its smallest form.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchSend } from '../../src/producer/batch-send.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { decodeBatchHeader, verifyCrc } from '../../src/protocol/records/record-batch.ts'
import { Bench, type SentRequest } from './engine-kit.ts'

const recordsOf = (request: SentRequest): Uint8Array =>
  request.message.topicData[0]!.partitionData[0]!.records!

// A batch was sent twice, then refused for its size: its halves kept the header of the whole, with
// its record count and checksum, and the broker found them damaged for as long as they lived.
test('the pieces of a batch that was sent before have headers of their own', () => {
  const bench = Bench.ready()
  bench.send('a')
  bench.send('b')
  bench.step()
  bench.takeOne().fail('CONNECTION_LOST', true)
  bench.advance(2000)
  bench.takeOne().answer({ error: errorNumber.MESSAGE_TOO_LARGE })
  bench.advance(2000)
  const piece = recordsOf(bench.takeOne())
  assert.equal(decodeBatchHeader(piece).recordCount, 1)
  assert.ok(verifyCrc(piece), 'the checksum is the piece’s own')
})

// With few retries, a batch that may be in the log failed with the connection's own error, which
// says persisted no.
test('a batch out of retries says that it may be in the log, and where it was to go', () => {
  const bench = Bench.ready({ retries: 1 })
  bench.send('a')
  bench.step()
  bench.takeOne().fail('CONNECTION_LOST', true)
  bench.advance(2000)
  bench.takeOne().fail('CONNECTION_LOST', true)
  bench.step()
  const error = bench.errors.get('a')!
  assert.equal(error.code, 'CONNECTION_LOST')
  assert.equal(error.persisted, 'maybe')
  assert.equal(error.topic, 't')
  assert.equal(error.attempts, 2)
})

// A sendBatch call waited in line, flush() was called, the call's turn came: its records went into
// batches of the generation after that flush, and the flush was over without them. close() is a
// flush: it lost them.
test('flush waits for the records of a call that stood in line when it was made', () => {
  const bench = Bench.ready({ bufferMemoryBytes: 65_536 })
  while (bench.engine.accumulator.hasRoom) bench.send('full', { value: 'x'.repeat(1000) })
  let isBatchDone = false
  let isFlushed = false
  const records = ['a', 'b'].map((value) => ({ topic: 't', partition: 0, value }))
  new BatchSend(bench.engine, records, false, () => {
    isBatchDone = true
  }).start()
  bench.engine.flush(() => {
    assert.ok(isBatchDone, 'the records of the batch are settled')
    isFlushed = true
  })
  const unanswered: SentRequest[] = []
  for (let round = 0; round < 30 && !isFlushed; round++) {
    bench.step()
    unanswered.push(...bench.take())
    unanswered.shift()?.answer()
  }
  assert.ok(isFlushed)
})

// The broker refused a batch that it did not write, the caller gave up meanwhile, was told "no",
// and the batch was sent again all the same.
test('a record that is given up while its batch waits to be sent again is not sent again', () => {
  const bench = Bench.ready()
  const place = bench.send('a')
  const settle = (): void => {}
  const other = bench.engine.append({ topic: 't', partition: 0, value: 'b' }, settle)
  bench.step()
  bench.takeOne().answer({ error: errorNumber.NOT_ENOUGH_REPLICAS })
  assert.equal(bench.engine.abandon(other, settle), 'no')
  bench.advance(2000)
  const again = bench.takeOne()
  assert.equal(decodeBatchHeader(recordsOf(again)).recordCount, 1)
  again.answer({ baseOffset: 7 })
  bench.step()
  assert.deepEqual(bench.log, ['a:7'])
  assert.equal(place, other)
})

// As above, with another batch behind it whose fate nobody knows: that one waited for the restart,
// the restart for it.
test('a batch that lost a record does not wait for those behind it, which cannot be taken', () => {
  const bench = Bench.ready()
  const settle = (): void => {}
  bench.send('a')
  const place = bench.engine.append({ topic: 't', partition: 0, value: 'b' }, settle)
  bench.step()
  bench.send('c')
  bench.step()
  const [first, second] = bench.take()
  first!.answer({ error: errorNumber.NOT_ENOUGH_REPLICAS })
  assert.equal(bench.engine.abandon(place, settle), 'no')
  second!.fail('CONNECTION_LOST', true)
  bench.advance(2000)
  bench.takeOne().answer({ baseOffset: 3 })
  bench.advance(2000)
  bench.takeOne().answer({ baseOffset: 4 })
  bench.step()
  assert.deepEqual(bench.log, ['a:3', 'c:4'])
})

// A broker that had lost its memory took the second batch and could then not place the first one;
// "nothing behind it is in the log" was believed, and the record that was there said persisted no.
test('a record that was in doubt stays so where the broker lost its memory', () => {
  const bench = Bench.ready()
  const settle = (): void => {}
  bench.send('a')
  bench.step()
  const place = bench.engine.append({ topic: 't', partition: 0, value: 'b' }, settle)
  bench.step()
  const [first, second] = bench.take()
  first!.answer({ error: errorNumber.NOT_ENOUGH_REPLICAS })
  second!.fail('CONNECTION_LOST', true)
  bench.advance(2000)
  bench.takeOne().answer({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  assert.equal(bench.engine.abandon(place, settle), 'maybe')
  bench.engine.failAll('ABORTED', 'the end', null)
  assert.equal(bench.errors.get('a')!.persisted, 'no')
})

// The batch that a waiting record filled up lost an aborted one as it was sealed, which gave room
// back, which let in the next waiting record in the middle of the first one's append: batches
// were lost, and bytes mixed up.
test('room that an append gives back lets nobody in before it is over', () => {
  const bench = Bench.ready({ bufferMemoryBytes: 65_536, batchBytes: 2048, maxInFlightRequests: 1 })
  const settle = (): void => {}
  bench.engine.append({ topic: 't', partition: 0, value: 'x' }, settle)
  while (bench.engine.accumulator.hasRoom) bench.send('full', { value: 'x'.repeat(900) })
  const queue = bench.engine.accumulator.topic('t')!.queues[0]!
  if (queue.open === null) bench.engine.accumulator.append({ topic: 't', value: 'x' }, null)
  const place = queue.open!
  bench.engine.abandon(place, place.settleOf(0)!)
  const waiting = ['first', 'second', 'third']
  for (const name of waiting) {
    bench.send(name, { value: name.padEnd(name === 'first' ? 1900 : 20) })
  }
  const unanswered: SentRequest[] = []
  const values: string[] = []
  for (let round = 0; round < 60; round++) {
    bench.step()
    unanswered.push(...bench.take())
    const request = unanswered.shift()
    if (request === undefined) continue
    values.push(Buffer.from(recordsOf(request)).toString('latin1'))
    request.answer()
  }
  assert.equal(bench.engine.unsettledBatches, 0)
  assert.equal(bench.engine.accumulator.usedBytes, 0)
  const sent = values.join('')
  const places = waiting.map((name) => sent.indexOf(name))
  assert.ok(
    places.every((at, index) => at > (places[index - 1] ?? 0)),
    `in order: ${places}`,
  )
})

// A record was given up, told and counted; its batch then failed before it was taken out: told
// and counted again.
test('a record that was given up is counted once, also where its batch fails', () => {
  const bench = Bench.ready()
  let settled = 0
  const settle = (): void => {
    settled++
  }
  const place = bench.engine.append({ topic: 't', partition: 0, value: 'a' }, settle)
  bench.send('b')
  const failedBefore = bench.engine.measurements.recordsFailed
  assert.equal(bench.engine.abandon(place, settle), 'no')
  bench.engine.failAll('ABORTED', 'the end', null)
  assert.equal(bench.engine.measurements.recordsFailed - failedBefore, 2)
  assert.equal(settled, 0)
  assert.deepEqual(bench.log, ['b!ABORTED'])
})

// A record that waited for its topic failed as the topic was known, and was given up before that
// was told: counted twice (simulator seed 5000910).
test('a record that has failed and is given up before it is told is counted once', () => {
  const bench = new Bench({}, {}, () => ({
    partition: () => {
      throw new Error('no partition for it')
    },
  }))
  const settle = (): void => {}
  const record = { topic: 't', value: 'a' }
  const place = bench.engine.append(record, settle)
  bench.tellTopic('t', [1])
  assert.equal(bench.engine.abandon(place, settle), 'no')
  bench.step()
  assert.equal(bench.engine.measurements.recordsFailed, 1)
})

// All records of a batch were given up while it was compressed; the one behind it, ready and
// given up too, stood at the head from then on, listed nowhere: the partition never sent again.
test('a partition goes on when its first batch lost all records while it was compressed', () => {
  const compressions: (() => void)[] = []
  const compression = {
    codecId: 1,
    compress: (_bytes: Uint8Array, done: (error: null, compressed: null) => void) => {
      compressions.push(() => done(null, null))
    },
  }
  const settle = (): void => {}
  const bench = new Bench({ compression })
  bench.send('warm')
  bench.tellTopic('t')
  bench.giveId()
  bench.step()
  const give = (value: string) => {
    const place = bench.engine.append({ topic: 't', partition: 0, value }, settle)
    bench.engine.seal(bench.engine.accumulator.topic('t')!.queues[0]!)
    return place
  }
  const places = [give('a'), give('b')]
  const [warm, first, second] = compressions
  warm!()
  bench.step()
  bench.takeOne().answer()
  second!()
  bench.step()
  for (const place of places) assert.equal(bench.engine.abandon(place, settle), 'no')
  bench.send('c')
  bench.step()
  first!()
  bench.step()
  compressions.at(-1)!()
  bench.step()
  assert.equal(bench.take().length, 1)
})

// The open batch of a partition expired while its broker was busy; the next one found the
// partition listed already, and nobody was woken: its own time limit passed unnoticed.
test('a new batch wakes the engine, whatever lists its partition is on', () => {
  const bench = Bench.ready({ maxInFlightRequests: 1, deliveryTimeoutMs: 1000 })
  bench.send('a')
  bench.step()
  bench.send('b')
  bench.step()
  bench.advance(1000)
  assert.deepEqual(bench.log, ['a!DELIVERY_TIMEOUT', 'b!DELIVERY_TIMEOUT'])
  bench.awake = false
  bench.send('c')
  assert.ok(bench.awake)
  assert.equal(bench.step(), bench.now + 1000)
})

// A broker that had just got a thousand partitions refused them all: each batch drew a pause of its
// own, and came back in a request of its own.
test('batches that are refused together are sent again together', () => {
  const leaders = { t: [1, 1, 1, 1, 1, 1, 1, 1] }
  const bench = Bench.ready({}, leaders)
  for (const partition of leaders.t.keys()) bench.send(`${partition}`, { partition })
  bench.step()
  bench.takeOne().answer({ error: errorNumber.NOT_ENOUGH_REPLICAS })
  const again = bench.step()
  assert.deepEqual(bench.take(), [])
  bench.advance(again - bench.now)
  assert.equal(bench.takeOne().batches.length, leaders.t.length)
})
