// Responses to Produce that a correct broker does not send: none of them makes a storm of requests,
// loses a record without a result, or keeps one for longer than its time.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorNumber } from '../../src/protocol/errors.ts'
import { Bench, type SentRequest } from './engine-kit.ts'

test('INVALID_RECORD that names records outside the batch fails the batch, once', () => {
  for (const named of [[99], [-1], [-1, -2, 1000], [2 ** 31 - 1]]) {
    const bench = Bench.ready()
    for (const value of ['a', 'b', 'c']) bench.send(value)
    bench.step()
    bench.takeOne().respond({ error: errorNumber.INVALID_RECORD, named })
    bench.step()
    assert.deepEqual(bench.log, ['a!BROKER_REJECTED', 'b!BROKER_REJECTED', 'c!BROKER_REJECTED'])
    assert.equal(bench.sent.length, 0)
  }
})

test('INVALID_RECORD that names records twice or also outside drops those that exist', () => {
  const bench = Bench.ready()
  for (const value of ['a', 'b', 'c']) bench.send(value)
  bench.step()
  bench.takeOne().respond({ error: errorNumber.INVALID_RECORD, named: [1, 1, 7, -3] })
  bench.step()
  assert.deepEqual(bench.log, ['b!BROKER_REJECTED'])
  bench.takeOne().respond()
  bench.step()
  assert.deepEqual(bench.log, ['b!BROKER_REJECTED', 'a:0', 'c:1'])
})

test('INVALID_PRODUCER_ID_MAPPING without transactions: a new producer id is requested', () => {
  const bench = Bench.ready()
  bench.send('a')
  bench.step()
  const first = bench.takeOne()
  first.respond({ error: errorNumber.INVALID_PRODUCER_ID_MAPPING })
  bench.advance(2000)
  assert.equal(bench.idRequests.at(-1)?.producerId, -1)
  bench.giveId(4712)
  bench.advance(2000)
  const second = bench.takeOne()
  assert.deepEqual(
    [first, second].map(({ batches }) => [batches[0]!.producerId, batches[0]!.sequence]),
    [
      [4711, 1],
      [4712, 0],
    ],
  )
  second.respond()
  bench.step()
  assert.deepEqual(bench.log, ['a:0'])
})

const sequenceErrors = [
  errorNumber.UNKNOWN_PRODUCER_ID,
  errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER,
] as const

/** `id/epoch/number` of the only batch of the only request. */
const numberOf = ({ batches: [batch] }: SentRequest): string =>
  `${batch!.producerId}/${batch!.epoch}/${batch!.sequence}`

/** Rejects each attempt of the batch; returns the numbers that it had. */
const rejectAttempts = (bench: Bench, error: number, count: number): string[] =>
  Array.from({ length: count }, () => {
    const request = bench.takeOne()
    request.respond({ error })
    bench.advance(2000)
    return numberOf(request)
  })

test('a broker that rejects number 0 of a new epoch, too, gets a new producer id', () => {
  for (const error of sequenceErrors) {
    const bench = Bench.ready({}, { t: [1, 1] })
    bench.idRequests.length = 0
    bench.send('a')
    bench.step()
    assert.deepEqual(rejectAttempts(bench, error, 2), ['4711/0/1', '4711/1/0'])
    assert.deepEqual(bench.idRequests, [{ producerId: -1, epoch: -1 }])
    assert.deepEqual(bench.take(), [])
    bench.giveId(4712)
    bench.send('b', { partition: 1 })
    bench.advance(2000)
    const requests = bench.take()
    const numbers = requests.flatMap(({ batches }) =>
      batches.map(({ partition, ...batch }) => `${partition}: ${batch.producerId}/${batch.epoch}`),
    )
    assert.deepEqual(numbers.toSorted(), ['0: 4712/0', '1: 4712/0'])
    for (const request of requests) request.respond({ baseOffset: 5 })
    bench.step()
    assert.deepEqual(bench.log.toSorted(), ['a:5', 'b:5'])
  }
})

// An earlier request may still arrive. Batches of a new epoch make the broker reject it, those of a
// new id do not: the record would be stored twice.
test('a batch whose outcome was unknown once keeps its producer id', () => {
  for (const error of sequenceErrors) {
    const bench = Bench.ready()
    bench.idRequests.length = 0
    bench.send('a')
    bench.step()
    bench.takeOne().fail('CONNECTION_LOST', true)
    bench.advance(2000)
    const numbers = rejectAttempts(bench, error, 4)
    assert.deepEqual(numbers, ['4711/0/1', '4711/1/0', '4711/2/0', '4711/3/0'])
    assert.deepEqual(bench.idRequests, [])
  }
})

test('a batch keeps its producer id if a later batch may be in the log', () => {
  const bench = Bench.ready({}, { t: [1, 1] })
  bench.send('warm too', { partition: 1 })
  bench.step()
  bench.takeOne().respond()
  // Partition 0 begins the next epoch, so partition 1 continues in it with number 0.
  bench.send('a')
  bench.step()
  assert.deepEqual(rejectAttempts(bench, errorNumber.UNKNOWN_PRODUCER_ID, 1), ['4711/0/1'])
  bench.takeOne().respond()
  bench.idRequests.length = 0
  for (const value of ['b', 'c']) {
    bench.send(value, { partition: 1 })
    bench.step()
  }
  const [first, second] = bench.take()
  assert.deepEqual([numberOf(first!), numberOf(second!)], ['4711/1/0', '4711/1/1'])
  first!.respond({ error: errorNumber.UNKNOWN_PRODUCER_ID })
  assert.deepEqual(bench.idRequests, [])
  second!.fail('CONNECTION_LOST', true)
  bench.advance(2000)
  rejectAttempts(bench, errorNumber.UNKNOWN_PRODUCER_ID, 4)
  assert.deepEqual(bench.idRequests, [])
})

test('a broker that rejects every producer id is sent few requests, and the batch expires', () => {
  const bench = Bench.ready({ deliveryTimeoutMs: 60_000 })
  bench.idRequests.length = 0
  bench.send('a')
  bench.step()
  let requests = 0
  let ids = 0
  for (let ms = 0; ms < 61_000; ms += 10) {
    for (const request of bench.take()) {
      requests++
      request.respond({ error: errorNumber.UNKNOWN_PRODUCER_ID })
    }
    bench.advance(10)
    while (ids < bench.idRequests.length) bench.giveId(5000 + ids++)
  }
  assert.ok(ids > 0 && ids < requests && requests < 90, `${ids} ids, ${requests} requests`)
  const { code, persisted, message } = bench.errors.get('a')!
  assert.deepEqual([code, persisted], ['DELIVERY_TIMEOUT', 'no'])
  assert.match(message, /UNKNOWN_PRODUCER_ID/)
})

test('two results for one partition are none: the batch is resent, and may be in the log', () => {
  const rejected = { error: errorNumber.INVALID_RECORD }
  const pairs = [
    [{}, rejected],
    [rejected, {}],
    [{ baseOffset: 3 }, { baseOffset: 9 }],
  ]
  for (const [first, second] of pairs) {
    const bench = Bench.ready({ deliveryTimeoutMs: 2_000 }, { t: [1], other: [1] })
    bench.send('a')
    bench.send('b', { topic: 'other' })
    bench.step()
    const request = bench.takeOne()
    request.respondTwice(first!, second!)
    bench.step()
    assert.deepEqual(bench.log, [])
    bench.advance(2_000)
    for (const name of ['a', 'b']) {
      const { code, persisted, message } = bench.errors.get(name)!
      assert.deepEqual([code, persisted], ['DELIVERY_TIMEOUT', 'maybe'])
      assert.match(message, /must have one result for/)
    }
  }
})

test('a result for a partition that was not requested changes nothing', () => {
  const bench = Bench.ready()
  bench.send('a')
  bench.step()
  bench.takeOne().respondWithOthers({ baseOffset: 7 })
  bench.step()
  assert.deepEqual(bench.log, ['a:7'])
})

test('leaders that name each other after their response see the batch after a backoff', () => {
  const bench = Bench.ready()
  bench.send('a')
  bench.step()
  let requests = 0
  for (let turn = 0; turn < 100; turn++) {
    for (const request of bench.sent.splice(0)) {
      requests++
      request.respond({ error: errorNumber.NOT_LEADER_OR_FOLLOWER })
      bench.tellTopic('t', [request.nodeId === 1 ? 2 : 1], requests)
    }
    bench.step()
  }
  assert.equal(requests, 3, 'the first leader, and two more at once')
  bench.advance(10_000)
  assert.ok(bench.sent.length > 0, 'it goes on after the backoff')
})

test('a redirect is followed at once, and further ones after a backoff', () => {
  const bench = Bench.ready()
  bench.send('a')
  bench.step()
  let requests = 0
  for (let turn = 0; turn < 100; turn++) {
    for (const request of bench.sent.splice(0)) {
      requests++
      const next = request.nodeId === 1 ? 2 : 1
      bench.tellTopic('t', [next], requests)
      request.respond({ error: errorNumber.NOT_LEADER_OR_FOLLOWER })
    }
    bench.step()
    if (turn === 1) assert.equal(requests, 2, 'the first redirect does not wait')
  }
  assert.equal(requests, 2)
  bench.advance(10_000)
  assert.ok(bench.sent.length > 0, 'it goes on after the backoff')
})

test('a rejection is one of the leader only if the known leader returned it', () => {
  const bench = Bench.ready({}, { t: [1, 1] })
  bench.send('a', { partition: 1 })
  bench.step()
  bench.takeOne().respond({ error: errorNumber.NOT_LEADER_OR_FOLLOWER })
  assert.deepEqual(bench.rejectedLeaders, ['t-1'])
  bench.advance(2000)
  const late = bench.takeOne()
  bench.tellTopic('t', [1, 2], 1)
  late.respond({ error: errorNumber.NOT_LEADER_OR_FOLLOWER })
  assert.deepEqual(bench.rejectedLeaders, ['t-1'])
})
