// What the simulator found wrong with the engine, each in its smallest form.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchSend } from '../../src/producer/batch-send.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { decodeBatchHeader, verifyCrc } from '../../src/protocol/records/record-batch.ts'
import { Bench, type SentRequest } from './engine-kit.ts'

const recordsOf = (request: SentRequest): Uint8Array =>
  request.message.topicData[0]!.partitionData[0]!.records!

// A batch was sent twice, then rejected for its size: its halves kept the header of the whole, with
// its record count and checksum, and the broker found them damaged for as long as they lived.
test('the parts of a batch that was sent before have headers of their own', () => {
  const bench = Bench.ready()
  bench.send('a')
  bench.send('b')
  bench.step()
  bench.takeOne().fail('CONNECTION_LOST', true)
  bench.advance(2000)
  bench.takeOne().respond({ error: errorNumber.MESSAGE_TOO_LARGE })
  bench.advance(2000)
  const piece = recordsOf(bench.takeOne())
  assert.equal(decodeBatchHeader(piece).recordCount, 1)
  assert.ok(verifyCrc(piece), 'the checksum is the piece’s own')
})

// With few retries, a batch that may be in the log failed with the connection's own error, which
// says persisted no.
test('a batch out of retries says that it may be in the log, and names its partition', () => {
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
test('flush waits for the records of a sendBatch that waited when it was called', () => {
  const bench = Bench.ready({ bufferMemoryBytes: 65_536 })
  while (bench.engine.hasSpace) bench.send('full', { value: 'x'.repeat(1000) })
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
  const withoutResponse: SentRequest[] = []
  for (let round = 0; round < 30 && !isFlushed; round++) {
    bench.step()
    withoutResponse.push(...bench.take())
    withoutResponse.shift()?.respond()
  }
  assert.ok(isFlushed)
})

// The broker rejected a batch without writing it. The caller cancelled the record meanwhile and got
// persisted 'no', but the batch was sent again.
test('a record that is cancelled while its batch waits for a retry is not sent again', () => {
  const bench = Bench.ready()
  const place = bench.send('a')
  const settle = (): void => {}
  const other = bench.engine.append({ topic: 't', partition: 0, value: 'b' }, settle)
  bench.step()
  bench.takeOne().respond({ error: errorNumber.NOT_ENOUGH_REPLICAS })
  assert.equal(bench.engine.cancel(other, settle), 'no')
  bench.advance(2000)
  const again = bench.takeOne()
  assert.equal(decodeBatchHeader(recordsOf(again)).recordCount, 1)
  again.respond({ baseOffset: 7 })
  bench.step()
  assert.deepEqual(bench.log, ['a:7'])
  assert.equal(place, other)
})

// As above, with another batch behind it whose outcome is unknown: that batch waited for the
// restart, and the restart for that batch.
test('a batch that lost a record does not wait for those behind it, which cannot be taken', () => {
  const bench = Bench.ready()
  const settle = (): void => {}
  bench.send('a')
  const place = bench.engine.append({ topic: 't', partition: 0, value: 'b' }, settle)
  bench.step()
  bench.send('c')
  bench.step()
  const [first, second] = bench.take()
  first!.respond({ error: errorNumber.NOT_ENOUGH_REPLICAS })
  assert.equal(bench.engine.cancel(place, settle), 'no')
  second!.fail('CONNECTION_LOST', true)
  bench.advance(2000)
  bench.takeOne().respond({ baseOffset: 3 })
  bench.advance(2000)
  bench.takeOne().respond({ baseOffset: 4 })
  bench.step()
  assert.deepEqual(bench.log, ['a:3', 'c:4'])
})

// A broker that had lost its memory took the second batch and could then not place the first one;
// "nothing behind it is in the log" was assumed, and the record that was there said persisted no.
test('a record whose outcome was unknown stays so where the broker lost its producer state', () => {
  const bench = Bench.ready()
  const settle = (): void => {}
  bench.send('a')
  bench.step()
  const place = bench.engine.append({ topic: 't', partition: 0, value: 'b' }, settle)
  bench.step()
  const [first, second] = bench.take()
  first!.respond({ error: errorNumber.NOT_ENOUGH_REPLICAS })
  second!.fail('CONNECTION_LOST', true)
  bench.advance(2000)
  bench.takeOne().respond({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  assert.equal(bench.engine.cancel(place, settle), 'maybe')
  bench.engine.failAll('ABORTED', 'the end', null)
  assert.equal(bench.errors.get('a')!.persisted, 'no')
})

// The batch that a waiting record filled up lost an aborted one as it was sealed, which gave space
// back, which let in the next waiting record in the middle of the first one's append: batches
// were lost, and bytes mixed up.
test('space that an append frees admits no waiting record before the append has returned', () => {
  const bench = Bench.ready({ bufferMemoryBytes: 65_536, batchBytes: 2048, maxInFlightRequests: 1 })
  const settle = (): void => {}
  bench.engine.append({ topic: 't', partition: 0, value: 'x' }, settle)
  while (bench.engine.hasSpace) bench.send('full', { value: 'x'.repeat(900) })
  const queue = bench.engine.parts.topics.find('t')!.queues[0]!
  if (queue.open === null) bench.engine.append({ topic: 't', value: 'x' }, null)
  const place = queue.open!
  bench.engine.cancel(place, place.settleOf(0)!)
  const waiting = ['first', 'second', 'third']
  for (const name of waiting) {
    bench.send(name, { value: name.padEnd(name === 'first' ? 1900 : 20) })
  }
  const withoutResponse: SentRequest[] = []
  const values: string[] = []
  for (let round = 0; round < 60; round++) {
    bench.step()
    withoutResponse.push(...bench.take())
    const request = withoutResponse.shift()
    if (request === undefined) continue
    values.push(Buffer.from(recordsOf(request)).toString('latin1'))
    request.respond()
  }
  assert.equal(bench.engine.readings.unsettledBatches, 0)
  assert.equal(bench.engine.readings.usedBytes, 0)
  const sent = values.join('')
  const places = waiting.map((name) => sent.indexOf(name))
  assert.ok(
    places.every((at, index) => at > (places[index - 1] ?? 0)),
    `in order: ${places}`,
  )
})

// A record was cancelled, reported and counted. Its batch then failed before the record was removed
// from it, and the record was reported and counted again.
test('a cancelled record is counted once, also where its batch fails', () => {
  const bench = Bench.ready()
  let settled = 0
  const settle = (): void => {
    settled++
  }
  const place = bench.engine.append({ topic: 't', partition: 0, value: 'a' }, settle)
  bench.send('b')
  const failedBefore = bench.engine.readings.measurements.recordsFailed
  assert.equal(bench.engine.cancel(place, settle), 'no')
  bench.engine.failAll('ABORTED', 'the end', null)
  assert.equal(bench.engine.readings.measurements.recordsFailed - failedBefore, 2)
  assert.equal(settled, 0)
  assert.deepEqual(bench.log, ['b!ABORTED'])
})

// A record that waited for its topic failed when the topic was known, and was cancelled before its
// receiver was called: it was counted twice (simulator seed 5000910).
test('a failed record that is cancelled before its settle is called is counted once', () => {
  const bench = new Bench({}, {}, () => ({
    partition: () => {
      throw new Error('no partition for it')
    },
  }))
  const settle = (): void => {}
  const record = { topic: 't', value: 'a' }
  const place = bench.engine.append(record, settle)
  bench.tellTopic('t', [1])
  assert.equal(bench.engine.cancel(place, settle), 'no')
  bench.step()
  assert.equal(bench.engine.readings.measurements.recordsFailed, 1)
})

// All records of a batch were cancelled while it was compressed. The batch behind it, ready and
// cancelled too, stood at the head from then on, listed nowhere: the partition never sent again.
test('a partition continues when its first batch is cancelled during compression', () => {
  const compressions: (() => void)[] = []
  const compression = {
    codecId: 1,
    compress: (_bytes: Uint8Array, done: (error: null, compressed: null) => void) => {
      compressions.push(() => done(null, null))
    },
  }
  const settle = (): void => {}
  const bench = new Bench({ codecs: [compression] })
  bench.send('warm')
  bench.tellTopic('t')
  bench.giveId()
  bench.step()
  const give = (value: string) => {
    const place = bench.engine.append({ topic: 't', partition: 0, value }, settle)
    bench.engine.parts.dispatcher.seal(bench.engine.parts.topics.find('t')!.queues[0]!)
    return place
  }
  const places = [give('a'), give('b')]
  const [warm, first, second] = compressions
  warm!()
  bench.step()
  bench.takeOne().respond()
  second!()
  bench.step()
  for (const place of places) assert.equal(bench.engine.cancel(place, settle), 'no')
  bench.send('c')
  bench.step()
  first!()
  bench.step()
  compressions.at(-1)!()
  bench.step()
  assert.equal(bench.take().length, 1)
})

// The open batch of a partition expired while its broker was busy. The partition was still listed,
// so the next batch did not wake the engine, and its own time limit passed unnoticed.
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

// A broker that had just got a thousand partitions rejected them all: each batch had a backoff of
// its own, and was sent again in a request of its own.
test('batches that are rejected together are sent again together', () => {
  const leaders = { t: [1, 1, 1, 1, 1, 1, 1, 1] }
  const bench = Bench.ready({}, leaders)
  for (const partition of leaders.t.keys()) bench.send(`${partition}`, { partition })
  bench.step()
  bench.takeOne().respond({ error: errorNumber.NOT_ENOUGH_REPLICAS })
  const again = bench.step()
  assert.deepEqual(bench.take(), [])
  bench.advance(again - bench.now)
  assert.equal(bench.takeOne().batches.length, leaders.t.length)
})

// Each error named the error before it as its cause: an outage of a minute held 76 of them for
// every batch in memory.
test('the error of a batch that was retried many times has one cause at most', () => {
  const bench = Bench.ready()
  bench.send('a')
  bench.step()
  for (let attempt = 0; attempt < 30; attempt++) {
    const request = bench.takeOne()
    if (attempt % 10 === 0) request.fail('CONNECTION_LOST', true)
    else request.respond({ error: errorNumber.NOT_ENOUGH_REPLICAS })
    bench.advance(1000)
  }
  bench.advance(200_000)
  let depth = 0
  for (let error: unknown = bench.errors.get('a'); error instanceof Error; error = error.cause) {
    depth++
  }
  assert.ok(depth >= 2 && depth <= 3, `a chain of ${depth} errors`)
})
