// The life of a transaction in the in-process cluster, spoken by hand in both of its modes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorNumber } from '../../src/protocol/errors.ts'
import { decodeBatchHeader, splitBatches } from '../../src/protocol/records/record-batch.ts'
import { onStage } from './broker-kit.ts'
import { bothModes, fetchFrom, WireProducer } from './broker-transaction-kit.ts'

const readCommitted = { isolationLevel: 1 }

for (const mode of bothModes) {
  test(`V${mode}: a committed transaction ends with a marker, an aborted one is listed`, () =>
    onStage({ topics: { orders: 1 } }, async (stage) => {
      const producer = await new WireProducer(stage, mode).start()
      const reader = stage.connect()
      assert.equal(await producer.send({ count: 2 }), 0)
      const open = await fetchFrom(stage, reader, readCommitted)
      assert.deepEqual([open.lastStableOffset, open.highWatermark], [0, 2])
      assert.equal(open.records?.length, 0)
      assert.equal(await producer.end(true), 0)
      assert.equal(await producer.send({ count: 3 }), 0)
      assert.equal(await producer.end(false), 0)

      const whole = await fetchFrom(stage, reader, readCommitted)
      assert.deepEqual([whole.lastStableOffset, whole.highWatermark], [7, 7])
      const { producerId } = producer
      assert.deepEqual(whole.abortedTransactions, [{ producerId, firstOffset: 3 }])
      const headers = splitBatches(whole.records!).batches.map((batch) => decodeBatchHeader(batch))
      assert.deepEqual(
        headers.map(({ control, transactional }) => [control, transactional]),
        [
          [false, true],
          [true, true],
          [false, true],
          [true, true],
        ],
      )
      const epochs = headers.map(({ producerEpoch }) => producerEpoch)
      assert.deepEqual(epochs, mode === 2 ? [0, 1, 1, 2] : [0, 0, 0, 0])
      assert.equal(stage.cluster.records('orders').length, 5, 'markers are no records')
    }))
}

test('V1: nothing may be written to a partition that was not added', () =>
  onStage({ topics: { orders: 1 } }, async (stage) => {
    const producer = await new WireProducer(stage, 1).start()
    assert.equal(await producer.produce({ version: 10 }), errorNumber.INVALID_TXN_STATE)
    assert.equal(await producer.produce({ version: 11 }), errorNumber.TRANSACTION_ABORTABLE)
    assert.equal(stage.cluster.partitions('orders')[0]?.endOffset, 0)
  }))
