// Responses to Produce that a correct broker does not send: none of them makes a storm of requests,
// loses a record without a result, or keeps one for longer than its time.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorNumber } from '../../src/protocol/errors.ts'
import { Bench } from './engine-kit.ts'

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
