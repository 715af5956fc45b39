// Sequences, order and recovery of the engine, stepped by hand.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorNumber } from '../../src/protocol/errors.ts'
import { Bench, type SentRequest } from './engine-kit.ts'

/** Opens the first-batch gate of partition 0 of topic t. */
const opened = (changes = {}): Bench => Bench.ready(changes)

/** Sends one record per request, `count` requests deep. */
const pipeline = (bench: Bench, names: readonly string[]): SentRequest[] => {
  const requests: SentRequest[] = []
  for (const name of names) {
    bench.send(name)
    bench.engine.accumulator.topic('t')!.queues[0]!.releaseOpen = true
    // Natural batching would hold a third open batch back; a full one may go.
    const queue = bench.engine.accumulator.topic('t')!.queues[0]!
    if (queue.open !== null) bench.engine.seal(queue)
    bench.step()
    requests.push(...bench.take())
  }
  return requests
}

test('a lone record leaves in the step after its append', () => {
  const bench = opened()
  bench.send('a')
  bench.step()
  assert.equal(bench.takeOne().batches[0]!.records, 1)
})

test('records gather while two requests are in flight, and leave with the next answer', () => {
  const bench = opened()
  bench.send('a')
  bench.step()
  bench.send('b')
  bench.step()
  const [first] = bench.take()
  bench.send('c')
  bench.send('d')
  bench.step()
  assert.deepEqual(bench.take(), [])
  first!.answer({ baseOffset: 10 })
  bench.step()
  assert.equal(bench.takeOne().batches[0]!.records, 2)
})

test('sequences follow the order of the wire and count records', () => {
  const bench = opened()
  const requests = pipeline(bench, ['a', 'b', 'c', 'd', 'e', 'f'])
  assert.deepEqual(
    requests.map((request) => request.batches[0]!.sequence),
    [1, 2, 3, 4, 5],
    'five in flight, the sixth waits',
  )
})

test('one batch is in flight until the leader has acknowledged one (KAFKA-15591)', () => {
  const bench = new Bench()
  bench.send('a')
  bench.tellTopic('t')
  bench.step()
  bench.giveId()
  bench.step()
  bench.send('b')
  bench.step()
  const first = bench.takeOne()
  first.answer({ baseOffset: 0 })
  bench.step()
  assert.equal(bench.takeOne().batches[0]!.sequence, 1)
})

// A renewed producer id was new to every partition: one took the second batch of it though it had
// refused the first (simulator seeds 100034018, 100039420).
test('a new producer id goes out with one batch until that is acknowledged', () => {
  const bench = Bench.ready({}, { t: [1], u: [1] })
  bench.send('a')
  bench.step()
  bench.takeOne().answer({ error: errorNumber.INVALID_PRODUCER_EPOCH })
  bench.step()
  bench.giveId(4712, 0)
  const sendTwo = (): void => {
    for (const name of ['b', 'c']) {
      bench.send(name, { topic: 'u' })
      bench.step()
    }
  }
  sendTwo()
  const first = bench.takeOne()
  assert.equal(first.batches[0]!.producerId, 4712)
  first.answer()
  bench.step()
  bench.takeOne().answer()
  bench.step()
  sendTwo()
  assert.equal(bench.take().length, 2, 'once it is known two are in flight')
})

/** How many of two batches go out, with nothing in flight before. */
const inFlightOfTwo = (bench: Bench): number => {
  const requests = pipeline(bench, ['x', 'y'])
  for (const request of requests) request.answer()
  bench.step()
  for (const request of bench.take()) request.answer()
  bench.step()
  return requests.length
}

test('after a minute’s rest, and in a topic made again, one batch goes out first', () => {
  const bench = opened()
  assert.equal(inFlightOfTwo(bench), 2)
  bench.advance(60_000)
  assert.equal(inFlightOfTwo(bench), 1, 'after a rest')
  assert.equal(inFlightOfTwo(bench), 2)
  bench.tellTopic('t', [1], 0, 8)
  assert.equal(inFlightOfTwo(bench), 2, 'only its id was not known yet')
  bench.tellTopic('t', [1], 0, 9)
  assert.equal(inFlightOfTwo(bench), 1, 'in a topic made again')
  bench.tellTopic('t', [1], 5, 9)
  assert.equal(inFlightOfTwo(bench), 1, 'under a new leader epoch')
  assert.equal(inFlightOfTwo(bench), 2)
})

test('a retry is never later than retryBackoffMaxMs, whatever chance adds', () => {
  const bench = opened({ retryBackoffMs: 200, retryBackoffMaxMs: 200 })
  bench.send('a')
  bench.step()
  for (let attempt = 0; attempt < 30; attempt++) {
    bench.takeOne().answer({ error: errorNumber.NOT_ENOUGH_REPLICAS })
    bench.step()
    bench.advance(200)
  }
})

test('not idempotent, one batch per partition is in flight: a retry overtakes nothing', () => {
  const bench = opened({ idempotent: false })
  const requests = pipeline(bench, ['a', 'b'])
  assert.equal(requests.length, 1)
  requests[0]!.answer({ error: errorNumber.NOT_LEADER_OR_FOLLOWER })
  bench.advance(2000)
  const retried = bench.takeOne()
  retried.answer({ baseOffset: 5 })
  bench.step()
  bench.takeOne().answer({ baseOffset: 6 })
  bench.step()
  assert.deepEqual(bench.log, ['a:5', 'b:6'])
})

test('a retried batch keeps its sequence, and those behind it wait for it', () => {
  const bench = opened()
  const [a, b, c] = pipeline(bench, ['a', 'b', 'c'])
  a!.answer({ error: errorNumber.NOT_ENOUGH_REPLICAS })
  b!.answer({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  c!.answer({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  bench.advance(2000)
  const again = bench.takeOne()
  assert.deepEqual([again.batches[0]!.sequence, again.batches[0]!.epoch], [1, 0])
  again.answer({ baseOffset: 1 })
  bench.advance(2000)
  bench.takeOne().answer({ baseOffset: 2 })
  bench.advance(2000)
  bench.takeOne().answer({ baseOffset: 3 })
  bench.step()
  assert.deepEqual(bench.log, ['a:1', 'b:2', 'c:3'])
})

test('out of order on the first batch restarts the partition under a new epoch', () => {
  const bench = opened()
  const [a, b] = pipeline(bench, ['a', 'b'])
  a!.answer({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  bench.advance(2000)
  assert.deepEqual(bench.take(), [], 'not before everything in flight has landed')
  b!.answer({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  bench.advance(2000)
  const again = bench.takeOne()
  assert.deepEqual([again.batches[0]!.sequence, again.batches[0]!.epoch], [0, 1])
  again.answer({ baseOffset: 1 })
  bench.advance(2000)
  assert.deepEqual(bench.takeOne().batches[0]!.sequence, 1)
})

test('a batch whose fate is unknown is resent under its old number before any restart', () => {
  const bench = opened()
  const [a, b] = pipeline(bench, ['a', 'b'])
  a!.answer({ error: errorNumber.INVALID_REQUIRED_ACKS })
  b!.fail('CONNECTION_LOST', true)
  bench.advance(2000)
  const again = bench.takeOne()
  assert.deepEqual([again.batches[0]!.sequence, again.batches[0]!.epoch], [2, 0])
  again.answer({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  bench.advance(2000)
  const renumbered = bench.takeOne()
  assert.deepEqual([renumbered.batches[0]!.sequence, renumbered.batches[0]!.epoch], [0, 1])
  renumbered.answer({ baseOffset: 9 })
  bench.step()
  assert.deepEqual(bench.log, ['a!BROKER_REJECTED', 'b:9'])
})

test('a failed batch leaves a gap: the next one goes under a new epoch from 0', () => {
  const bench = opened()
  const [a] = pipeline(bench, ['a'])
  a!.answer({ error: errorNumber.POLICY_VIOLATION })
  bench.send('b')
  bench.advance(2000)
  const next = bench.takeOne()
  assert.deepEqual([next.batches[0]!.sequence, next.batches[0]!.epoch], [0, 1])
})

test('giving up on a batch in flight restarts only when its answer is an error', () => {
  const bench = opened({ deliveryTimeoutMs: 1000 })
  const [a] = pipeline(bench, ['a'])
  bench.advance(1001)
  assert.deepEqual(bench.log, ['a!DELIVERY_TIMEOUT'])
  assert.equal(bench.errors.get('a')!.persisted, 'maybe')
  a!.answer({ baseOffset: 1 })
  bench.send('b')
  bench.step()
  const next = bench.takeOne()
  assert.deepEqual([next.batches[0]!.sequence, next.batches[0]!.epoch], [2, 0])
  bench.advance(1001)
  next.fail('REQUEST_TIMEOUT', true)
  bench.send('c')
  bench.advance(500)
  assert.deepEqual(
    [bench.takeOne().batches[0]!.epoch, bench.log],
    [1, ['a!DELIVERY_TIMEOUT', 'b!DELIVERY_TIMEOUT']],
  )
})

test('a duplicate is a delivery without an offset', () => {
  const bench = opened()
  const [a] = pipeline(bench, ['a'])
  a!.answer({ error: errorNumber.DUPLICATE_SEQUENCE_NUMBER })
  assert.deepEqual(bench.log, ['a:-1'])
})

test('a newer epoch at the broker: the producer takes a new id', () => {
  const bench = opened()
  const [a] = pipeline(bench, ['a'])
  a!.answer({ error: errorNumber.INVALID_PRODUCER_EPOCH })
  bench.advance(2000)
  assert.equal(bench.idRequests.length, 2)
  bench.giveId(4712, 0)
  bench.step()
  const again = bench.takeOne()
  assert.deepEqual(
    [again.batches[0]!.producerId, again.batches[0]!.sequence, again.batches[0]!.epoch],
    [4712, 0, 0],
  )
})

test('sequences wrap from 2^31 - 1 to 0', () => {
  const bench = opened()
  const numbering = bench.engine.accumulator.topic('t')!.queues[0]!.numbering
  numbering.startAt(2 ** 31 - 1)
  const requests = pipeline(bench, ['a', 'b'])
  assert.deepEqual(
    requests.map((request) => request.batches[0]!.sequence),
    [2 ** 31 - 1, 0],
  )
})

test('a batch too large for the broker is cut in two, in order, under the same numbers', () => {
  const bench = opened()
  for (const name of ['a', 'b', 'c', 'd', 'e']) bench.send(name)
  bench.step()
  bench.takeOne().answer({ error: errorNumber.MESSAGE_TOO_LARGE })
  bench.step()
  const [first, second] = bench.take()
  assert.deepEqual([first!.batches[0]!.sequence, first!.batches[0]!.records], [1, 3])
  assert.deepEqual([second!.batches[0]!.sequence, second!.batches[0]!.records], [4, 2])
  first!.answer({ baseOffset: 1 })
  second!.answer({ error: errorNumber.MESSAGE_TOO_LARGE })
  bench.step()
  const [third, fourth] = bench.take()
  third!.answer({ error: errorNumber.MESSAGE_TOO_LARGE })
  fourth!.answer({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  bench.advance(2000)
  bench.takeOne().answer({ baseOffset: 4 })
  bench.step()
  assert.deepEqual(bench.log, ['a:1', 'b:2', 'c:3', 'd!RECORD_TOO_LARGE', 'e:4'])
})

test('records that the broker names fail, the innocent are sent again under new numbers', () => {
  const bench = opened()
  for (const name of ['a', 'b', 'c']) bench.send(name)
  bench.step()
  bench.takeOne().answer({ error: errorNumber.INVALID_RECORD, named: [1] })
  bench.step()
  const again = bench.takeOne()
  assert.deepEqual(
    [again.batches[0]!.records, again.batches[0]!.sequence, again.batches[0]!.epoch],
    [2, 0, 1],
  )
  again.answer({ baseOffset: 20 })
  bench.step()
  assert.deepEqual(bench.log, ['b!BROKER_REJECTED', 'a:20', 'c:21'])
  assert.match(bench.errors.get('b')!.message, /record 1 is wrong/)
})

test('a new leader gets nothing before the old one has answered', () => {
  const bench = opened()
  const [a] = pipeline(bench, ['a'])
  bench.send('b')
  bench.tellTopic('t', [2], 1)
  bench.step()
  assert.deepEqual(bench.take(), [])
  a!.answer({ error: errorNumber.NOT_LEADER_OR_FOLLOWER })
  bench.advance(1)
  const toNewLeader = bench.takeOne()
  assert.deepEqual([toNewLeader.nodeId, toNewLeader.batches[0]!.sequence], [2, 1])
})

// A broker that is asked for many partitions answers in the order of a hash map: each batch's
// answer was searched from the start, which took a fifth of the client's time at a thousand
// partitions.
test('answers find their batches in whatever order they come', () => {
  const leaders = { t: [1, 1, 1], u: [1, 1] }
  for (const byId of [false, true]) {
    const bench = new Bench({}, leaders)
    if (byId) bench.link(1)!.produceVersion = 13
    for (const [index, name] of Object.keys(leaders).entries()) {
      bench.tellTopic(name, undefined, 0, byId ? index + 1 : 0)
    }
    bench.giveId()
    for (const [topic, partitions] of Object.entries(leaders)) {
      for (const partition of partitions.keys())
        bench.send(`${topic}${partition}`, { topic, partition })
    }
    bench.step()
    const request = bench.takeOne()
    request.answersBackwards = true
    request.answer(({ topic, partition }) => ({
      baseOffset: topic === 't' || topic === 'id 1' ? partition : 10 + partition,
    }))
    bench.step()
    assert.deepEqual(bench.log.toSorted(), ['t0:0', 't1:1', 't2:2', 'u0:10', 'u1:11'])
  }
})
