// Faults and options of the in-process cluster that have to do with transactions.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorNumber } from '../../src/protocol/errors.ts'
import { onStage } from './in-process-cluster-kit.ts'
import { WireProducer } from './in-process-cluster-transaction-kit.ts'

const orders = { topics: { orders: 2 } }
const fenced = errorNumber.PRODUCER_FENCED

test('a fault applies only to the transactional id that it names', () =>
  onStage(orders, async (stage) => {
    const { cluster } = stage
    const one = new WireProducer(stage, 1, { id: 'one' })
    const two = new WireProducer(stage, 1, { id: 'two' })
    for (const api of ['InitProducerId', 'AddPartitionsToTxn', 'EndTxn', 'AddOffsetsToTxn']) {
      cluster.fault({ api, transactionalId: 'two', error: 'PRODUCER_FENCED' })
    }
    assert.equal(await one.init(), 0)
    assert.equal(await two.init(), fenced)
    assert.equal(await two.init(), 0)
    for (const producer of [one, two]) {
      const wanted = producer === one ? 0 : fenced
      assert.deepEqual(await producer.add(), [wanted])
      assert.equal(await producer.addOffsets(), wanted)
    }
    await two.send()
    assert.equal(await one.endOnce(true), 0)
    assert.equal(await two.endOnce(true), fenced)
    assert.equal(await two.endOnce(true), 0)
  }))

test('a fault applies to Produce and TxnOffsetCommit by their transactional id too', () =>
  onStage(orders, async (stage) => {
    const { cluster } = stage
    const producer = await new WireProducer(stage, 2).start()
    const rule = { transactionalId: 'tx', error: 'TRANSACTION_ABORTABLE' } as const
    cluster.fault({ ...rule, api: 'Produce' })
    cluster.fault({ ...rule, api: 'TxnOffsetCommit' })
    const abortable = errorNumber.TRANSACTION_ABORTABLE
    assert.equal(await producer.produce(), abortable)
    assert.equal(cluster.transactions()[0]?.state, 'Empty', 'nothing was added to it')
    assert.equal(await producer.commitOffset(1), abortable)
    assert.equal(await producer.send(), 0)
    assert.equal(await producer.commitOffset(1), 0)
    const other = cluster.fault({ ...rule, transactionalId: 'other' })
    await producer.end(true)
    assert.equal(other.hits, 0)
  }))

test('an end that was carried out without a response gets it the second time', () =>
  onStage(orders, async (stage) => {
    const { cluster } = stage
    const producer = await new WireProducer(stage, 2).start()
    await producer.send()
    cluster.fault({ api: 'EndTxn', error: 'NOT_COORDINATOR', at: 'after' })
    assert.equal(await producer.endOnce(true), errorNumber.NOT_COORDINATOR)
    assert.equal(cluster.transactions()[0]?.state, 'CompleteCommit')
    assert.equal(await producer.endOnce(true), 0)
    assert.equal(cluster.partitions('orders')[0]?.endOffset, 2)
  }))

test('an error for one partition adds none of the others to the transaction', () =>
  onStage(orders, async (stage) => {
    const producer = await new WireProducer(stage, 1).start()
    const { TOPIC_AUTHORIZATION_FAILED: denied, OPERATION_NOT_ATTEMPTED: idle } = errorNumber
    stage.cluster.fault({ api: 'AddPartitionsToTxn', partition: 1, error: denied })
    assert.deepEqual(await producer.add([0, 1]), [idle, denied])
    assert.deepEqual(stage.cluster.transactions()[0]?.partitions, [])
    assert.deepEqual(await producer.add([0, 1]), [0, 0])
  }))

test('each bad option of transactions is named with its bound', async () => {
  const bad = { version: 3, maxTimeoutMs: -1, markerDelayMs: Number.NaN } as never
  await assert.rejects(
    onStage({ transactions: bad }, async () => {}),
    (error: Error) =>
      ['version must be 0, 1 or 2', 'maxTimeoutMs must be 0 to', 'markerDelayMs must be'].every(
        (text) => error.message.includes(text),
      ),
  )
  await assert.rejects(
    onStage({ versions: '3.9', transactions: { version: 2 } }, async () => {}),
    /before Kafka 4.0/,
  )
  await assert.rejects(
    onStage({ transactions: { maxTimeout: 1 } as never }, async () => {}),
    /Unknown option transactions.maxTimeout/,
  )
})

test('a longer timeout than the cluster allows is rejected', () =>
  onStage({ transactions: { maxTimeoutMs: 1000 } }, async (stage) => {
    const producer = new WireProducer(stage, 1)
    assert.equal(await producer.init({ timeoutMs: 1001 }), errorNumber.INVALID_TRANSACTION_TIMEOUT)
    assert.equal(await producer.init({ timeoutMs: 1000 }), 0)
  }))
