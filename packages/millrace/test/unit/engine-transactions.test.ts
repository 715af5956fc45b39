// The transactions of the engine, stepped by hand: what is requested from the coordinator and when,
// and what becomes of the records.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brokerError, errorNumber } from '../../src/protocol/errors.ts'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import { decodeBatchHeader } from '../../src/protocol/records/record-batch.ts'
import { epochOf, type Outcome, start, TransactionBench } from './engine-transaction-kit.ts'

test('version 1 announces a partition before its first batch, once', () => {
  const { bench, coordinator, ...stage } = start(false)
  bench.send('a')
  bench.step()
  assert.equal(bench.take().length, 0, 'nothing leaves before the response')
  const call = coordinator.takeOne()
  assert.equal(call.summary, 'add t-0')
  bench.send('b')
  bench.step()
  call.succeed()
  bench.step()
  const request = bench.takeOne()
  assert.equal(request.batches[0]!.records, 2, 'what came meanwhile goes along')
  request.respond()
  bench.send('c')
  bench.step()
  bench.takeOne().respond()
  bench.step()
  const outcome = stage.end('commit')
  assert.equal(coordinator.calls[0]?.summary, 'commit 0')
  coordinator.takeOne().succeed()
  assert.deepEqual(outcome, { called: true, error: null })
})

test('version 2 announces nothing, and each transaction has an epoch of its own', () => {
  const { stage, bench, coordinator } = start(true)
  bench.send('a')
  bench.step()
  bench.takeOne().respond()
  bench.step()
  const outcome = stage.end('commit')
  coordinator.takeOne().succeed({ producerId: 4711, epoch: 1 })
  assert.equal(outcome.called, true)
  stage.begin()
  bench.send('b')
  bench.advance(1)
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

test('a transaction without records ends without a request', () => {
  for (const call of ['commit', 'abort'] as const) {
    const { stage, coordinator } = start(false)
    assert.deepEqual(stage.end(call), { called: true, error: null })
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
  request.respond()
  bench.step()
  coordinator.takeOne().succeed({ producerId: 4711, epoch: 1 })
  assert.equal(outcome.called, true)
})

test('a record that fails makes commit reject with it as the cause, and abort recovers', () => {
  const { stage, bench, coordinator } = start(true)
  bench.send('a')
  bench.step()
  bench.takeOne().respond({ error: errorNumber.TOPIC_AUTHORIZATION_FAILED })
  bench.step()
  const commit = stage.end('commit')
  assert.equal(commit.error?.code, 'TRANSACTION_ABORTED')
  assert.equal((commit.error!.cause as KafkaError).code, 'AUTHORIZATION_FAILED')
  assert.equal(coordinator.calls.length, 0)
  const abort = stage.end('abort')
  assert.equal(coordinator.calls[0]?.summary, 'abort 0')
  coordinator.takeOne().succeed({ producerId: 4711, epoch: 1 })
  assert.deepEqual(abort, { called: true, error: null })
  stage.begin()
  bench.send('b')
  bench.advance(1)
  assert.equal(epochOf(bench), 1)
})

test('in version 2 the first batch after a transaction waits for its markers', () => {
  const { stage, bench, coordinator } = start(true)
  stage.deliver('a')
  stage.end('commit')
  coordinator.takeOne().succeed({ producerId: 4711, epoch: 1 })
  stage.begin()
  bench.send('b')
  bench.step()
  assert.equal(bench.take().length, 0)
  bench.advance(1)
  bench.takeOne().respond()
  bench.send('c')
  bench.step()
  assert.equal(bench.take().length, 1, 'only the first waits')
})

test('a record that fails while commit waits makes commit reject', () => {
  const { stage, bench } = start(true)
  bench.send('a')
  bench.step()
  const commit = stage.end('commit')
  bench.takeOne().respond({ error: errorNumber.POLICY_VIOLATION })
  bench.step()
  assert.equal(commit.error?.code, 'TRANSACTION_ABORTED')
})

test('after a failure nothing else is sent, and what waits fails with it as the cause', () => {
  const { bench } = start(true)
  bench.send('a', { partition: 0 })
  bench.step()
  const request = bench.takeOne()
  bench.send('b', { partition: 0 })
  request.respond({ error: errorNumber.POLICY_VIOLATION })
  bench.step()
  assert.equal(bench.take().length, 0)
  assert.equal(bench.errors.get('b')?.code, 'TRANSACTION_ABORTED')
  assert.equal(bench.errors.get('b')?.persisted, 'no')
})

test('abort drops unsent records, and waits for those in flight before its request', () => {
  const { stage, bench, coordinator } = start(true)
  bench.send('a')
  bench.step()
  const request = bench.takeOne()
  bench.send('b')
  const outcome = stage.end('abort')
  assert.equal(bench.errors.get('b')?.kind, 'aborted')
  assert.equal(coordinator.calls.length, 0)
  request.respond()
  bench.step()
  assert.ok(bench.metadata.has('a'))
  assert.equal(coordinator.calls[0]?.summary, 'abort 0')
  coordinator.takeOne().succeed({ producerId: 4711, epoch: 1 })
  assert.equal(outcome.called, true)
})

test('in version 1 a gap leads to a new epoch before the next transaction', () => {
  const { stage, bench, coordinator } = start(false)
  stage.deliver('a')
  bench.send('b')
  bench.step()
  bench.takeOne().fail('CONNECTION_LOST', true)
  const outcome = stage.end('abort')
  coordinator.takeOne().succeed()
  assert.equal(outcome.called, true)
  const beginning = stage.beginning()
  const call = coordinator.takeOne()
  assert.equal(call.summary, 'init 4711/0')
  call.succeed({ producerId: 4711, epoch: 1 })
  assert.deepEqual(beginning, { called: true, error: null })
  bench.send('c')
  bench.advance(1000)
  coordinator.takeOne().succeed()
  bench.step()
  const [batch] = bench.takeOne().batches
  assert.deepEqual([batch!.epoch, batch!.sequence], [1, 0])
})

test('a transaction without records can be committed after its topic was forgotten', () => {
  const { stage, bench, coordinator } = start(false)
  stage.deliver('a')
  stage.end('commit')
  coordinator.takeOne().succeed()
  stage.begin()
  bench.advance(300_000)
  // Metadata of a topic that was idle for metadataMaxIdleMs.
  bench.tellTopic('t')
  assert.deepEqual(stage.end('commit'), { called: true, error: null })
  stage.beginning()
  assert.equal(coordinator.takeOne().summary, 'init 4711/0', 'sequence numbers start again')
})

test('a cluster that was upgraded gets a new epoch with the first transaction of version 2', () => {
  const { stage, coordinator, bench } = start(false)
  stage.deliver('a')
  coordinator.version2 = true
  stage.end('commit')
  assert.equal(coordinator.calls[0]?.summary, 'commit 0', 'this one ends as it began')
  coordinator.takeOne().succeed()
  stage.beginning()
  const call = coordinator.takeOne()
  assert.equal(call.summary, 'init 4711/0')
  call.succeed({ producerId: 4711, epoch: 1 })
  bench.send('b')
  bench.step()
  assert.equal(epochOf(bench), 1)
})

test('offsets that the group rejects fail the transaction, which can be aborted', () => {
  const { stage, bench, coordinator } = start(true)
  const outcome: Outcome = { called: false, error: null }
  const group = { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null }
  bench.engine.transactions!.sendOffsets(stage.number, group, [], (error) => {
    Object.assign(outcome, { called: true, error })
  })
  coordinator.takeOne().fail(errorNumber.ILLEGAL_GENERATION)
  assert.equal(outcome.error?.kind, 'abortable')
  assert.equal(stage.end('commit').error?.code, 'TRANSACTION_ABORTED')
  const abort = stage.end('abort')
  assert.equal(coordinator.calls[0]?.summary, 'abort 0', 'the coordinator may know of it')
  coordinator.takeOne().succeed({ producerId: 4711, epoch: 1 })
  assert.equal(abort.called, true)
})

test('a commit that the coordinator rejects can be aborted', () => {
  const { stage, coordinator } = start(true)
  stage.deliver('a')
  const commit = stage.end('commit')
  coordinator.takeOne().fail(errorNumber.TRANSACTION_ABORTABLE)
  assert.equal(commit.error?.code, 'TRANSACTION_ABORTED')
  const abort = stage.end('abort')
  coordinator.takeOne().succeed({ producerId: 4711, epoch: 1 })
  assert.equal(abort.error, null)
})

for (const version2 of [false, true]) {
  const version = version2 ? 2 : 1
  test(`version ${version}: a commit that may have been carried out ends the producer`, () => {
    for (const code of [errorNumber.UNKNOWN_SERVER_ERROR, errorNumber.SASL_AUTHENTICATION_FAILED]) {
      const { stage, coordinator } = start(version2)
      stage.deliver('a')
      const commit = stage.end('commit')
      coordinator.takeOne().fail(code, 'maybe')
      assert.deepEqual([commit.error?.kind, commit.error?.persisted], ['fatal', 'maybe'])
      assert.equal(stage.end('abort').error, commit.error)
      assert.deepEqual(coordinator.calls, [], 'an abort could end a committed transaction twice')
    }
  })

  test(`version ${version}: a coordinator that still has the transaction did not commit it`, () => {
    for (const code of [errorNumber.INVALID_TXN_STATE, errorNumber.TRANSACTION_ABORTABLE]) {
      const { stage, coordinator } = start(version2)
      stage.deliver('a')
      const commit = stage.end('commit')
      coordinator.takeOne().fail(code, 'maybe')
      assert.deepEqual([commit.error?.kind, commit.error?.persisted], ['abortable', 'no'])
      stage.end('abort')
      assert.match(coordinator.takeOne().summary, /^abort/)
    }
  })
}

test('an abort whose outcome is unknown ends the producer: its epoch would be rejected', () => {
  const { stage, coordinator } = start(true)
  stage.deliver('a')
  const abort = stage.end('abort')
  coordinator.takeOne().fail(errorNumber.UNKNOWN_SERVER_ERROR, 'maybe')
  assert.deepEqual([abort.error?.kind, abort.error?.persisted], ['fatal', 'no'])
  assert.match(abort.error!.message, /^The outcome of the abort is unknown: /)
  assert.equal(stage.beginning().error, abort.error)
})

test('a check of a rejected epoch that fails ends the producer', () => {
  const { stage, coordinator } = start(true)
  stage.deliver('a')
  const commit = stage.end('commit')
  coordinator.takeOne().fail(errorNumber.PRODUCER_FENCED)
  coordinator.takeOne().fail(errorNumber.UNKNOWN_SERVER_ERROR, 'maybe')
  assert.deepEqual([commit.error?.kind, commit.error?.persisted], ['fatal', 'no'])
  assert.equal(stage.beginning().error?.kind, 'fatal')
})

test('the producer recovers from an abort that the coordinator rejects', () => {
  const { stage, coordinator } = start(true)
  stage.deliver('a')
  const abort = stage.end('abort')
  coordinator.takeOne().fail(errorNumber.INVALID_TXN_STATE)
  assert.deepEqual(abort, { called: true, error: null })
  stage.beginning()
  assert.equal(coordinator.takeOne().summary, 'init 4711/0')
})

test('a missing authorization ends the producer', () => {
  const { stage, coordinator, bench } = start(false)
  bench.send('a')
  bench.step()
  coordinator.takeOne().fail(errorNumber.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  bench.step()
  assert.equal(bench.errors.get('a')?.code, 'AUTHORIZATION_FAILED')
  assert.equal(stage.beginning().error?.kind, 'fatal')
})

test('beginTransaction can be called again after a failure', () => {
  const stage = new TransactionBench(true)
  const first = stage.beginning()
  stage.coordinator.takeOne().fail(errorNumber.INVALID_TRANSACTION_TIMEOUT)
  assert.equal(first.error?.code, 'INVALID_OPTION')
  stage.begin()
  assert.equal(stage.number, 1)
})

test('a second transaction and a send in an ended one are rejected', () => {
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
  bench.takeOne().respond({ error: errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER })
  bench.step()
  assert.equal(bench.errors.get('a')?.brokerError, 'OUT_OF_ORDER_SEQUENCE_NUMBER')
  assert.equal(bench.take().length, 0)
  stage.end('abort')
  assert.equal(coordinator.takeOne().summary, 'abort 0')
})

test('the coordinator is the reason of records whose partition it has not added', () => {
  const { bench, coordinator } = start(false)
  bench.send('added')
  bench.step()
  coordinator.takeOne().succeed()
  bench.step()
  bench.takeOne()
  bench.send('not added', { partition: 1 })
  bench.step()
  const { COORDINATOR_NOT_AVAILABLE } = errorNumber
  coordinator.lastError = brokerError(COORDINATOR_NOT_AVAILABLE, { persisted: 'no' })
  bench.advance(bench.settings.deliveryTimeoutMs)
  const [added, waiting] = ['added', 'not added'].map((value) => bench.errors.get(value)!)
  assert.equal(waiting!.cause, coordinator.lastError)
  assert.match(waiting!.message, /within 120000 ms: .*COORDINATOR_NOT_AVAILABLE/)
  assert.match(added!.message, /has not responded to a Produce request/)
})
