// Sequences, order and recovery of the engine, stepped by hand.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorNumber } from '../../src/protocol/errors.ts'
import { Bench, type SentRequest } from './engine-kit.ts'

/** Acknowledges a first batch of partition 0 of topic t, so that more may be in flight. */
const opened = (changes = {}): Bench => Bench.ready(changes)

/** Sends one record per request, `count` requests deep. */
const pipeline = (bench: Bench, names: readonly string[]): SentRequest[] => {
  const requests: SentRequest[] = []
  for (const name of names) {
    bench.send(name)
    bench.engine.parts.topics.find('t')!.queues[0]!.requestRelease()
    // Natural batching would hold a third open batch back; a full one may go.
    const queue = bench.engine.parts.topics.find('t')!.queues[0]!
    if (queue.open !== null) bench.engine.parts.dispatcher.seal(queue)
    bench.step()
    requests.push(...bench.take())
  }
  return requests
}

test('a single record is sent in the step after its append', () => {
  const bench = opened()
  bench.send('a')
  bench.step()
  assert.equal(bench.takeOne().batches[0]!.records, 1)
})

test('records are batched while two requests are in flight, then sent together', () => {
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
  first!.respond({ baseOffset: 10 })
  bench.step()
  assert.equal(bench.takeOne().batches[0]!.records, 2)
})

test('sequence numbers follow the order of requests and count records', () => {
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
  first.respond({ baseOffset: 0 })
  bench.step()
  assert.equal(bench.takeOne().batches[0]!.sequence, 1)
})

// A renewed producer id was new to every partition: one took the second batch of it though it had
// rejected the first (simulator seeds 100034018, 100039420).
test('a new producer id has one batch in flight until that is acknowledged', () => {
  const bench = Bench.ready({}, { t: [1], u: [1] })
  bench.send('a')
  bench.step()
  bench.takeOne().respond({ error: errorNumber.INVALID_PRODUCER_EPOCH })
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
  first.respond()
  bench.step()
  bench.takeOne().respond()
  bench.step()
  sendTwo()
  assert.equal(bench.take().length, 2, 'once it is known two are in flight')
})

/** How many of two batches go out, with nothing in flight before. */
const inFlightOfTwo = (bench: Bench): number => {
  const requests = pipeline(bench, ['x', 'y'])
  for (const request of requests) request.respond()
  bench.step()
  for (const request of bench.take()) request.respond()
  bench.step()
  return requests.length
}

test('after an idle minute, and in a topic created again, one batch is sent first', () => {
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

test('a retry is never later than retryBackoffMaxMs, whatever the jitter adds', () => {
  const bench = opened({ retryBackoffMs: 200, retryBackoffMaxMs: 200 })
  bench.send('a')
  bench.step()
  for (let attempt = 0; attempt < 30; attempt++) {
    bench.takeOne().respond({ error: errorNumber.NOT_ENOUGH_REPLICAS })
    bench.step()
    bench.advance(200)
  }
})

test('without idempotence one batch per partition is in flight, so a retry overtakes none', () => {
  const bench = opened({ idempotent: false })
  const requests = pipeline(bench, ['a', 'b'])
  assert.equal(requests.length, 1)
  requests[0]!.respond({ error: errorNumber.NOT_LEADER_OR_FOLLOWER })
  bench.advance(2000)
  const retried = bench.takeOne()
  retried.respond({ baseOffset: 5 })
  bench.step()
  bench.takeOne().respond({ baseOffset: 6 })
  bench.step()
  assert.deepEqual(bench.log, ['a:5', 'b:6'])
})

test('a retried batch keeps its sequence number, and the batches behind it wait', () => {
  const bench = opened()
  const [a, b, c] = pipeline(bench, ['a', 'b', 'c'])
  a!.respond({ error: errorNumber.NOT_ENOUGH_REPLICAS })
  b!.respond({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  c!.respond({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  bench.advance(2000)
  const again = bench.takeOne()
  assert.deepEqual([again.batches[0]!.sequence, again.batches[0]!.epoch], [1, 0])
  again.respond({ baseOffset: 1 })
  bench.advance(2000)
  bench.takeOne().respond({ baseOffset: 2 })
  bench.advance(2000)
  bench.takeOne().respond({ baseOffset: 3 })
  bench.step()
  assert.deepEqual(bench.log, ['a:1', 'b:2', 'c:3'])
})

test('out of order on the first batch restarts the partition under a new epoch', () => {
  const bench = opened()
  const [a, b] = pipeline(bench, ['a', 'b'])
  a!.respond({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  bench.advance(2000)
  assert.deepEqual(bench.take(), [], 'not before everything in flight has landed')
  b!.respond({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  bench.advance(2000)
  const again = bench.takeOne()
  assert.deepEqual([again.batches[0]!.sequence, again.batches[0]!.epoch], [0, 1])
  again.respond({ baseOffset: 1 })
  bench.advance(2000)
  assert.deepEqual(bench.takeOne().batches[0]!.sequence, 1)
})

test('a batch of unknown outcome is resent under its old number before any restart', () => {
  const bench = opened()
  const [a, b] = pipeline(bench, ['a', 'b'])
  a!.respond({ error: errorNumber.INVALID_REQUIRED_ACKS })
  b!.fail('CONNECTION_LOST', true)
  bench.advance(2000)
  const again = bench.takeOne()
  assert.deepEqual([again.batches[0]!.sequence, again.batches[0]!.epoch], [2, 0])
  again.respond({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  bench.advance(2000)
  const renumbered = bench.takeOne()
  assert.deepEqual([renumbered.batches[0]!.sequence, renumbered.batches[0]!.epoch], [0, 1])
  renumbered.respond({ baseOffset: 9 })
  bench.step()
  assert.deepEqual(bench.log, ['a!BROKER_REJECTED', 'b:9'])
})

test('a failed batch leaves a gap: the next one goes under a new epoch from 0', () => {
  const bench = opened()
  const [a] = pipeline(bench, ['a'])
  a!.respond({ error: errorNumber.POLICY_VIOLATION })
  bench.send('b')
  bench.advance(2000)
  const next = bench.takeOne()
  assert.deepEqual([next.batches[0]!.sequence, next.batches[0]!.epoch], [0, 1])
})

test('a batch that fails in flight restarts its partition only on an error response', () => {
  const bench = opened({ deliveryTimeoutMs: 1000 })
  const [a] = pipeline(bench, ['a'])
  bench.advance(1001)
  assert.deepEqual(bench.log, ['a!DELIVERY_TIMEOUT'])
  assert.equal(bench.errors.get('a')!.persisted, 'maybe')
  a!.respond({ baseOffset: 1 })
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
  a!.respond({ error: errorNumber.DUPLICATE_SEQUENCE_NUMBER })
  assert.deepEqual(bench.log, ['a:-1'])
})

test('a newer epoch at the broker: the producer takes a new id', () => {
  const bench = opened()
  const [a] = pipeline(bench, ['a'])
  a!.respond({ error: errorNumber.INVALID_PRODUCER_EPOCH })
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

test('sequence numbers wrap from 2^31 - 1 to 0', () => {
  const bench = opened()
  const sequenceNumbers = bench.engine.parts.topics.find('t')!.queues[0]!.sequenceNumbers
  sequenceNumbers.startAt(2 ** 31 - 1)
  const requests = pipeline(bench, ['a', 'b'])
  assert.deepEqual(
    requests.map((request) => request.batches[0]!.sequence),
    [2 ** 31 - 1, 0],
  )
})

test('a batch too large for the broker is split in two, in order, under the same numbers', () => {
  const bench = opened()
  for (const name of ['a', 'b', 'c', 'd', 'e']) bench.send(name)
  bench.step()
  bench.takeOne().respond({ error: errorNumber.MESSAGE_TOO_LARGE })
  bench.step()
  const [first, second] = bench.take()
  assert.deepEqual([first!.batches[0]!.sequence, first!.batches[0]!.records], [1, 3])
  assert.deepEqual([second!.batches[0]!.sequence, second!.batches[0]!.records], [4, 2])
  first!.respond({ baseOffset: 1 })
  second!.respond({ error: errorNumber.MESSAGE_TOO_LARGE })
  bench.step()
  const [third, fourth] = bench.take()
  third!.respond({ error: errorNumber.MESSAGE_TOO_LARGE })
  fourth!.respond({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  bench.advance(2000)
  bench.takeOne().respond({ baseOffset: 4 })
  bench.step()
  assert.deepEqual(bench.log, ['a:1', 'b:2', 'c:3', 'd!RECORD_TOO_LARGE', 'e:4'])
})

/** Batch `b c` has an attempt without a response, and is then split because it is too large. */
const splitWithUnknownOutcome = (): Bench => {
  const bench = opened()
  for (const name of ['b', 'c']) bench.send(name)
  bench.step()
  bench.takeOne().fail('REQUEST_TIMEOUT', true)
  bench.advance(2000)
  bench.takeOne().respond({ error: errorNumber.MESSAGE_TOO_LARGE })
  bench.step()
  return bench
}

test('a batch of unknown outcome that is split, and is wholly in the log, is not resent', () => {
  const bench = splitWithUnknownOutcome()
  // The broker has both records: it expects the number behind them, and knows no such pieces.
  for (let piece = 0; piece < 2; piece++) {
    for (const request of bench.take()) {
      request.respond({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
    }
    bench.advance(2000)
  }
  assert.deepEqual(bench.log.toSorted(), ['b!BROKER_REJECTED', 'c!BROKER_REJECTED'])
  for (const name of ['b', 'c']) {
    const error = bench.errors.get(name)!
    assert.equal(error.persisted, 'maybe')
    assert.match(
      error.message,
      /was split after an attempt without a response, and may be in the log/,
    )
  }
  bench.advance(2000)
  assert.deepEqual(bench.take(), [])
})

test('a batch of unknown outcome that is split, and is not in the log, is delivered as two', () => {
  const bench = splitWithUnknownOutcome()
  const first = bench.takeOne()
  assert.equal(first.batches[0]!.sequence, 1)
  first.respond({ baseOffset: 1 })
  bench.advance(2000)
  // The first piece was stored, so the whole batch was not: a gap is a gap again.
  bench.takeOne().respond({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  bench.advance(2000)
  const again = bench.takeOne()
  assert.deepEqual([again.batches[0]!.sequence, again.batches[0]!.epoch], [0, 1])
  again.respond({ baseOffset: 2 })
  bench.step()
  assert.deepEqual(bench.log, ['b:1', 'c:2'])
})

test('records of a batch that may be in the log are not resent behind named ones: all fail', () => {
  const bench = opened()
  for (const name of ['b', 'c', 'd']) bench.send(name)
  bench.step()
  bench.takeOne().fail('REQUEST_TIMEOUT', true)
  bench.advance(2000)
  bench.takeOne().respond({ error: errorNumber.INVALID_RECORD, named: [1] })
  bench.step()
  assert.deepEqual(
    bench.log,
    ['b', 'c', 'd'].map((name) => `${name}!BROKER_REJECTED`),
  )
  assert.equal(bench.errors.get('c')!.persisted, 'maybe')
})

test('records that the broker names fail, the others are resent under new numbers', () => {
  const bench = opened()
  for (const name of ['a', 'b', 'c']) bench.send(name)
  bench.step()
  bench.takeOne().respond({ error: errorNumber.INVALID_RECORD, named: [1] })
  bench.step()
  const again = bench.takeOne()
  assert.deepEqual(
    [again.batches[0]!.records, again.batches[0]!.sequence, again.batches[0]!.epoch],
    [2, 0, 1],
  )
  again.respond({ baseOffset: 20 })
  bench.step()
  assert.deepEqual(bench.log, ['b!BROKER_REJECTED', 'a:20', 'c:21'])
  assert.match(bench.errors.get('b')!.message, /record 1 is wrong/)
})

test('a new leader gets no batch before the old one has responded', () => {
  const bench = opened()
  const [a] = pipeline(bench, ['a'])
  bench.send('b')
  bench.tellTopic('t', [2], 1)
  bench.step()
  assert.deepEqual(bench.take(), [])
  a!.respond({ error: errorNumber.NOT_LEADER_OR_FOLLOWER })
  bench.advance(1)
  const toNewLeader = bench.takeOne()
  assert.deepEqual([toNewLeader.nodeId, toNewLeader.batches[0]!.sequence], [2, 1])
})

// A broker that receives batches of many partitions responds in the order of a hash map: each
// batch's response was searched from the start, which took a fifth of the client's time at a
// thousand partitions.
test('responses find their batches in any order of partitions', () => {
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
    request.respondsBackwards = true
    request.respond(({ topic, partition }) => ({
      baseOffset: topic === 't' || topic === 'id 1' ? partition : 10 + partition,
    }))
    bench.step()
    assert.deepEqual(bench.log.toSorted(), ['t0:0', 't1:1', 't2:2', 'u0:10', 'u1:11'])
  }
})
