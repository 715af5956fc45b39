// The transactions of the engine, stepped by hand: what is asked of the coordinator and when, and
// what becomes of the records.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorNumber } from '../../src/protocol/errors.ts'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import { decodeBatchHeader } from '../../src/protocol/records/record-batch.ts'
import { Bench, type FakeTransactions } from './engine-kit.ts'

interface Outcome {
  told: boolean
  error: KafkaError | null
}

/** An engine with a transactional id whose topic is known. */
class TransactionBench {
  readonly bench: Bench
  readonly coordinator: FakeTransactions
  number = 0

  constructor(version2: boolean) {
    this.bench = new Bench({ transactionalId: 'x' }, { t: [1, 1] })
    this.coordinator = this.bench.transactions!
    this.coordinator.version2 = version2
    this.bench.tellTopic('t')
  }

  /** Begins, answering InitProducerId where it is asked for. */
  begin(epoch = 0): void {
    this.beginning()
    if (this.coordinator.calls.length > 0) {
      this.coordinator.takeOne().succeed({ producerId: 4711, epoch })
    }
    this.bench.step()
  }

  beginning(): Outcome {
    const outcome: Outcome = { told: false, error: null }
    this.bench.engine.transactions!.begin((error, number) => {
      Object.assign(outcome, { told: true, error })
      if (error === null) this.number = number
    })
    return outcome
  }

  end(call: 'commit' | 'abort'): Outcome {
    const outcome: Outcome = { told: false, error: null }
    this.bench.engine.transactions![call](this.number, (error) => {
      assert.equal(outcome.told, false, 'told once')
      Object.assign(outcome, { told: true, error })
    })
    this.bench.step()
    return outcome
  }

  /** Sends a record and answers everything until it is acknowledged. */
  deliver(value: string): void {
    this.bench.send(value)
    this.bench.step()
    for (const call of this.coordinator.calls.splice(0)) call.succeed()
    this.bench.step()
    for (const request of this.bench.take()) request.answer()
    this.bench.step()
  }
}

const epochOf = (bench: Bench): number => bench.takeOne().batches[0]!.epoch

test('version 1 announces a partition before its first batch, once', () => {
  const { bench, coordinator, ...stage } = start(false)
  bench.send('a')
  bench.step()
  assert.equal(bench.take().length, 0, 'nothing leaves before the answer')
  const call = coordinator.takeOne()
  assert.equal(call.words, 'add t-0')
  bench.send('b')
  bench.step()
  call.succeed()
  bench.step()
  const request = bench.takeOne()
  assert.equal(request.batches[0]!.records, 2, 'what came meanwhile goes along')
  request.answer()
  bench.send('c')
  bench.step()
  bench.takeOne().answer()
  bench.step()
  const outcome = stage.end('commit')
  assert.equal(coordinator.calls[0]?.words, 'commit 0')
  coordinator.takeOne().succeed()
  assert.deepEqual(outcome, { told: true, error: null })
})

test('version 2 announces nothing, and each transaction has an epoch of its own', () => {
  const { stage, bench, coordinator } = start(true)
  bench.send('a')
  bench.step()
  bench.takeOne().answer()
  bench.step()
  const outcome = stage.end('commit')
  coordinator.takeOne().succeed({ producerId: 4711, epoch: 1 })
  assert.equal(outcome.told, true)
  stage.begin()
  bench.send('b')
  bench.step()
  const [batch] = bench.takeOne().batches
  assert.equal(batch!.epoch, 1)
  assert.equal(batch!.sequence, 0)
})

test('Produce names the transactional id, and marks its batches', () => {
  const { bench } = start(true)
  bench.send('a')
  bench.step()
  const { message } = bench.takeOne()
  assert.equal(message.transactionalId, 'x')
  assert.ok(decodeBatchHeader(message.topicData[0]!.partitionData[0]!.records!, 0).transactional)
})

test('version 1 stays below Produce 12, which would add partitions by itself', () => {
  const { stage, bench } = start(false)
  stage.deliver('a')
  bench.send('b')
  bench.step()
  assert.equal(bench.takeOne().call.version, 11)
})

test('in version 1 sequences go on over transactions', () => {
  const { stage, bench, coordinator } = start(false)
  stage.deliver('a')
  stage.end('commit')
  coordinator.takeOne().succeed()
  stage.begin()
  bench.send('b')
  bench.step()
  coordinator.takeOne().succeed()
  bench.step()
  const [batch] = bench.takeOne().batches
  assert.equal(batch!.epoch, 0)
  assert.equal(batch!.sequence, 1)
})

test('an empty transaction ends without a request', () => {
  for (const call of ['commit', 'abort'] as const) {
    const { stage, coordinator } = start(false)
    assert.deepEqual(stage.end(call), { told: true, error: null })
    assert.equal(coordinator.calls.length, 0)
  }
})

test('commit waits for every record', () => {
  const { stage, bench, coordinator } = start(true)
  bench.send('a')
  bench.step()
  const request = bench.takeOne()
  const outcome = stage.end('commit')
  assert.equal(coordinator.calls.length, 0)
  request.answer()
  bench.step()
  coordinator.takeOne().succeed({ producerId: 4711, epoch: 1 })
  assert.equal(outcome.told, true)
})

test('a record that fails makes commit reject with it as the cause; abort brings all back', () => {
  const { stage, bench, coordinator } = start(true)
  bench.send('a')
  bench.step()
  bench.takeOne().answer({ error: errorNumber.TOPIC_AUTHORIZATION_FAILED })
  bench.step()
  const commit = stage.end('commit')
  assert.equal(commit.error?.code, 'TRANSACTION_ABORTED')
  assert.equal((commit.error!.cause as KafkaError).code, 'AUTHORIZATION_FAILED')
  assert.equal(coordinator.calls.length, 0)
  const abort = stage.end('abort')
  assert.equal(coordinator.calls[0]?.words, 'abort 0')
  coordinator.takeOne().succeed({ producerId: 4711, epoch: 1 })
  assert.deepEqual(abort, { told: true, error: null })
  stage.begin()
  bench.send('b')
  bench.step()
  assert.equal(epochOf(bench), 1)
})

test('a record that fails while commit waits makes it reject', () => {
  const { stage, bench } = start(true)
  bench.send('a')
  bench.step()
  const commit = stage.end('commit')
  bench.takeOne().answer({ error: errorNumber.POLICY_VIOLATION })
  bench.step()
  assert.equal(commit.error?.code, 'TRANSACTION_ABORTED')
})

test('after a failure nothing else is sent, and what waits fails with it as the cause', () => {
  const { bench } = start(true)
  bench.send('a', { partition: 0 })
  bench.step()
  const request = bench.takeOne()
  bench.send('b', { partition: 0 })
  request.answer({ error: errorNumber.POLICY_VIOLATION })
  bench.step()
  assert.equal(bench.take().length, 0)
  assert.equal(bench.errors.get('b')?.code, 'TRANSACTION_ABORTED')
  assert.equal(bench.errors.get('b')?.persisted, 'no')
})

test('abort drops what was not sent, and waits for what is in flight before it asks', () => {
  const { stage, bench, coordinator } = start(true)
  bench.send('a')
  bench.step()
  const request = bench.takeOne()
  bench.send('b')
  const outcome = stage.end('abort')
  assert.equal(bench.errors.get('b')?.kind, 'aborted')
  assert.equal(coordinator.calls.length, 0)
  request.answer()
  bench.step()
  assert.ok(bench.metadata.has('a'))
  assert.equal(coordinator.calls[0]?.words, 'abort 0')
  coordinator.takeOne().succeed({ producerId: 4711, epoch: 1 })
  assert.equal(outcome.told, true)
})

test('in version 1 a gap is mended by a new epoch before the next transaction', () => {
  const { stage, bench, coordinator } = start(false)
  stage.deliver('a')
  bench.send('b')
  bench.step()
  bench.takeOne().fail('CONNECTION_LOST', true)
  const outcome = stage.end('abort')
  coordinator.takeOne().succeed()
  assert.equal(outcome.told, true)
  const beginning = stage.beginning()
  const call = coordinator.takeOne()
  assert.equal(call.words, 'init 4711/0')
  call.succeed({ producerId: 4711, epoch: 1 })
  assert.deepEqual(beginning, { told: true, error: null })
  bench.send('c')
  bench.advance(1000)
  coordinator.takeOne().succeed()
  bench.step()
  const [batch] = bench.takeOne().batches
  assert.deepEqual([batch!.epoch, batch!.sequence], [1, 0])
})

test('a cluster that was upgraded gets a new epoch with the first transaction of version 2', () => {
  const { stage, coordinator, bench } = start(false)
  stage.deliver('a')
  coordinator.version2 = true
  stage.end('commit')
  assert.equal(coordinator.calls[0]?.words, 'commit 0', 'this one ends as it began')
  coordinator.takeOne().succeed()
  stage.beginning()
  const call = coordinator.takeOne()
  assert.equal(call.words, 'init 4711/0')
  call.succeed({ producerId: 4711, epoch: 1 })
  bench.send('b')
  bench.step()
  assert.equal(epochOf(bench), 1)
})

test('fenced where the coordinator never knew of the transaction: this producer is done', () => {
  const { stage, bench, coordinator } = start(true)
  bench.send('a')
  bench.step()
  bench.takeOne().answer({ error: errorNumber.INVALID_PRODUCER_EPOCH })
  bench.step()
  const probe = coordinator.takeOne()
  assert.equal(probe.words, 'abort 0')
  probe.fail(errorNumber.PRODUCER_FENCED)
  bench.step()
  assert.equal(bench.errors.get('a')?.code, 'FENCED')
  assert.equal(coordinator.calls.length, 0)
  assert.equal(stage.end('commit').error?.code, 'FENCED')
  assert.equal(stage.beginning().error?.code, 'FENCED')
})

// Asked for by InitProducerId, a producer that was replaced had its successor's open transaction
// aborted: coordinators do that before they look at the epoch. A successor in Java was fenced.
test('fenced by another producer: the epoch behind ours is taken, and nobody is disturbed', () => {
  const { stage, bench, coordinator } = start(false)
  stage.deliver('a')
  bench.send('b')
  const outcome = stage.end('commit')
  bench.takeOne().answer()
  bench.step()
  coordinator.takeOne().fail(errorNumber.PRODUCER_FENCED)
  const probe = coordinator.takeOne()
  assert.equal(probe.words, 'abort 1')
  assert.equal(outcome.told, false)
  probe.fail(errorNumber.PRODUCER_FENCED)
  assert.equal(outcome.error?.code, 'FENCED')
  assert.equal(outcome.error?.kind, 'fatal')
})

test('timed out at the coordinator: the transaction fails, abort needs no request', () => {
  const { stage, bench, coordinator } = start(false)
  stage.deliver('a')
  bench.send('b')
  bench.step()
  bench.takeOne().answer({ error: errorNumber.INVALID_PRODUCER_EPOCH })
  bench.step()
  const commit = stage.end('commit')
  const probe = coordinator.takeOne()
  assert.equal(probe.words, 'abort 1')
  probe.succeed()
  bench.step()
  assert.equal(bench.errors.get('b')?.code, 'TRANSACTION_ABORTED')
  assert.equal(commit.error?.code, 'TRANSACTION_ABORTED')
  assert.deepEqual(stage.end('abort'), { told: true, error: null })
  assert.equal(coordinator.calls.length, 0)
  stage.begin()
  bench.send('c')
  bench.step()
  coordinator.takeOne().succeed()
  bench.step()
  const [batch] = bench.takeOne().batches
  assert.deepEqual([batch!.epoch, batch!.sequence], [1, 0])
})

test('timed out in version 2: our own epoch is known there, else the one behind it', () => {
  for (const isKnown of [true, false]) {
    const { stage, bench, coordinator } = start(true)
    stage.deliver('a')
    bench.send('b')
    bench.step()
    bench.takeOne().answer({ error: errorNumber.INVALID_PRODUCER_EPOCH })
    bench.step()
    let probe = coordinator.takeOne()
    assert.equal(probe.words, 'abort 0')
    if (!isKnown) {
      probe.fail(errorNumber.PRODUCER_FENCED)
      probe = coordinator.takeOne()
      assert.equal(probe.words, 'abort 1')
    }
    probe.succeed({ producerId: 4711, epoch: 2 })
    bench.step()
    assert.deepEqual(stage.end('abort'), { told: true, error: null })
    stage.begin()
    bench.send('c')
    bench.step()
    assert.equal(epochOf(bench), 2)
  }
})

// The story: sendOffsets was on its way to a slow node when the coordinator timed out. Its refusal,
// under the epoch that was given up by then, looked like another fence, and ended the producer.
test('a refusal that comes late, of an epoch that was given up, ends nobody', () => {
  const { stage, bench, coordinator } = start(false)
  stage.deliver('a')
  const group = { groupId: 'g', generationId: -1, memberId: '', groupInstanceId: null }
  bench.engine.transactions!.sendOffsets(stage.number, group, [], () => {})
  const late = coordinator.takeOne()
  bench.send('b')
  bench.step()
  bench.takeOne().answer({ error: errorNumber.INVALID_PRODUCER_EPOCH })
  bench.step()
  coordinator.takeOne().succeed()
  const abort = stage.end('abort')
  assert.equal(abort.told, false, 'it waits for the call')
  late.fail(errorNumber.INVALID_PRODUCER_EPOCH)
  bench.step()
  assert.deepEqual(abort, { told: true, error: null })
  assert.equal(stage.beginning().error, null)
})

// The story: markers were slow, so that no leader took the next transaction's records; its abort
// was answered PRODUCER_FENCED, as coordinators do until then, and the producer was done.
test('an abort while the transaction before is still being ended is no fence', () => {
  const { stage, bench, coordinator } = start(true)
  bench.send('a')
  bench.step()
  bench.takeOne().answer({ error: errorNumber.CONCURRENT_TRANSACTIONS })
  const abort = stage.end('abort')
  coordinator.takeOne().fail(errorNumber.PRODUCER_FENCED)
  const waits = coordinator.takeOne()
  assert.equal(waits.words, 'init 4711/0')
  waits.succeed({ producerId: 4711, epoch: 1 })
  bench.step()
  assert.deepEqual(abort, { told: true, error: null })
  stage.begin()
  bench.send('b')
  bench.advance(1000)
  assert.equal(epochOf(bench), 1)
})

test('offsets that the group refuses fail the transaction, which can be aborted', () => {
  const { stage, bench, coordinator } = start(true)
  const outcome: Outcome = { told: false, error: null }
  const group = { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null }
  bench.engine.transactions!.sendOffsets(stage.number, group, [], (error) => {
    Object.assign(outcome, { told: true, error })
  })
  coordinator.takeOne().fail(errorNumber.ILLEGAL_GENERATION)
  assert.equal(outcome.error?.kind, 'abortable')
  assert.equal(stage.end('commit').error?.code, 'TRANSACTION_ABORTED')
  const abort = stage.end('abort')
  assert.equal(coordinator.calls[0]?.words, 'abort 0', 'the coordinator may know of it')
  coordinator.takeOne().succeed({ producerId: 4711, epoch: 1 })
  assert.equal(abort.told, true)
})

// INVALID_TXN_STATE said "fatal", and a program that heeded it gave its producer up for nothing.
test('offsets refused by what an abort mends say that it can be aborted', () => {
  const { stage, bench, coordinator } = start(false)
  stage.deliver('a')
  const outcome: Outcome = { told: false, error: null }
  const group = { groupId: 'g', generationId: -1, memberId: '', groupInstanceId: null }
  bench.engine.transactions!.sendOffsets(stage.number, group, [], (error) => {
    Object.assign(outcome, { told: true, error })
  })
  coordinator.takeOne().fail(errorNumber.INVALID_TXN_STATE)
  assert.equal(outcome.error?.kind, 'abortable')
})

// Told at once, a timeout looked like a fence: "fatal", and the next begin was "under way".
test('offsets under a refused epoch are told what became of us, not what the broker said', () => {
  for (const fenced of [true, false]) {
    const { stage, bench, coordinator } = start(false)
    stage.deliver('a')
    const outcome: Outcome = { told: false, error: null }
    const group = { groupId: 'g', generationId: -1, memberId: '', groupInstanceId: null }
    bench.engine.transactions!.sendOffsets(stage.number, group, [], (error) => {
      Object.assign(outcome, { told: true, error })
    })
    coordinator.takeOne().fail(errorNumber.INVALID_PRODUCER_EPOCH)
    assert.equal(outcome.told, false)
    const probe = coordinator.takeOne()
    if (fenced) probe.fail(errorNumber.PRODUCER_FENCED)
    else probe.succeed()
    assert.equal(outcome.error?.code, fenced ? 'FENCED' : 'TRANSACTION_ABORTED')
    assert.equal(stage.end('abort').error?.code, fenced ? 'FENCED' : undefined)
    assert.equal(stage.beginning().error?.code, fenced ? 'FENCED' : undefined)
  }
})

test('a commit that the coordinator refuses can be aborted', () => {
  const { stage, coordinator } = start(true)
  stage.deliver('a')
  const commit = stage.end('commit')
  coordinator.takeOne().fail(errorNumber.TRANSACTION_ABORTABLE)
  assert.equal(commit.error?.code, 'TRANSACTION_ABORTED')
  const abort = stage.end('abort')
  coordinator.takeOne().succeed({ producerId: 4711, epoch: 1 })
  assert.equal(abort.error, null)
})

test('an abort that the coordinator refuses still brings the producer back', () => {
  const { stage, coordinator } = start(true)
  stage.deliver('a')
  const abort = stage.end('abort')
  coordinator.takeOne().fail(errorNumber.INVALID_TXN_STATE)
  assert.deepEqual(abort, { told: true, error: null })
  stage.beginning()
  assert.equal(coordinator.takeOne().words, 'init 4711/0')
})

test('a right that is missing ends the producer', () => {
  const { stage, coordinator, bench } = start(false)
  bench.send('a')
  bench.step()
  coordinator.takeOne().fail(errorNumber.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  bench.step()
  assert.equal(bench.errors.get('a')?.code, 'AUTHORIZATION_FAILED')
  assert.equal(stage.beginning().error?.kind, 'fatal')
})

test('a begin that fails can be tried again', () => {
  const stage = new TransactionBench(true)
  const first = stage.beginning()
  stage.coordinator.takeOne().fail(errorNumber.INVALID_TRANSACTION_TIMEOUT)
  assert.equal(first.error?.code, 'INVALID_OPTION')
  stage.begin()
  assert.equal(stage.number, 1)
})

test('one transaction at a time, and an ended one takes nothing', () => {
  const { stage, bench, coordinator } = start(true)
  assert.equal(stage.beginning().error?.code, 'INVALID_STATE')
  stage.deliver('a')
  const { number } = stage
  stage.end('commit')
  assert.equal(stage.end('abort').error?.code, 'INVALID_STATE')
  coordinator.takeOne().succeed({ producerId: 4711, epoch: 1 })
  assert.throws(() => bench.engine.transactions!.checkOpen(number, 'send'), {
    code: 'INVALID_STATE',
  })
})

test('out of order in the first batch fails the transaction instead of bumping the epoch', () => {
  const { stage, bench, coordinator } = start(true)
  bench.send('a')
  bench.step()
  bench.takeOne().answer({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  bench.step()
  assert.equal(bench.errors.get('a')?.brokerError, 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  assert.equal(bench.take().length, 0)
  stage.end('abort')
  assert.equal(coordinator.takeOne().words, 'abort 0')
})

function start(version2: boolean) {
  const stage = new TransactionBench(version2)
  stage.begin()
  return {
    stage,
    bench: stage.bench,
    coordinator: stage.coordinator,
    end: (call: 'commit' | 'abort') => stage.end(call),
  }
}
