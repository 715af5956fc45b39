// The sequence rules of a Kafka leader, on the table alone and once over the wire.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ProducerStates,
  type SequenceCheckResult,
  type SequencedBatch,
  sequenceAfter,
  sequenceMax,
} from '../../src/in-process-cluster/producer-state.ts'
import { initProducerIdApi } from '../../src/protocol/api/22-init-producer-id.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import type { ProducerId } from '../../src/protocol/producer-id.ts'
import { batchOf, onStage, produce, type RawClient, type Stage } from './in-process-cluster-kit.ts'

const batch = (baseSequence: number, recordCount = 10, producerEpoch = 0): SequencedBatch => ({
  producerId: 7,
  producerEpoch,
  baseSequence,
  recordCount,
})

/** Appends if the states say so; the log's end moves on by itself. */
class Leader {
  readonly states: ProducerStates
  offset = 0

  constructor(states = new ProducerStates('accept')) {
    this.states = states
  }

  write(written: SequencedBatch): SequenceCheckResult {
    const result = this.states.check(written, this.offset === 0)
    if (result.kind === 'append') {
      this.states.record(written, this.offset, -1)
      this.offset += written.recordCount
    }
    return result
  }
}

const codeOf = (result: SequenceCheckResult): number | string =>
  result.kind === 'error' ? result.code : result.kind

const outOfOrder = errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER

test('sequences go on one after another, and a gap is OUT_OF_ORDER', () => {
  const leader = new Leader()
  assert.equal(codeOf(leader.write(batch(0))), 'append')
  assert.equal(codeOf(leader.write(batch(10))), 'append')
  assert.equal(codeOf(leader.write(batch(21))), outOfOrder)
  assert.equal(codeOf(leader.write(batch(15))), outOfOrder)
  assert.equal(codeOf(leader.write(batch(20))), 'append')
})

test('a resend of one of the last five batches is a duplicate at its first offset', () => {
  const leader = new Leader()
  for (let index = 0; index < 6; index++) leader.write(batch(index * 10))
  for (let index = 1; index < 6; index++) {
    const result = leader.write(batch(index * 10))
    assert.deepEqual(result, { kind: 'duplicate', baseOffset: index * 10, appendTime: -1 })
  }
  assert.equal(codeOf(leader.write(batch(0))), outOfOrder, 'the sixth last is forgotten')
})

test('a resend with another number of records is not a duplicate', () => {
  const leader = new Leader()
  leader.write(batch(0))
  assert.equal(codeOf(leader.write(batch(0, 9))), outOfOrder)
  assert.equal(codeOf(leader.write(batch(0, 11))), outOfOrder)
})

test('a new epoch starts at 0 and ends the old one', () => {
  const leader = new Leader()
  leader.write(batch(0))
  assert.equal(codeOf(leader.write(batch(10, 10, 1))), outOfOrder)
  assert.equal(codeOf(leader.write(batch(0, 10, 1))), 'append')
  assert.equal(codeOf(leader.write(batch(10, 10, 0))), errorNumber.INVALID_PRODUCER_EPOCH)
  assert.equal(codeOf(leader.write(batch(0, 10, 0))), errorNumber.INVALID_PRODUCER_EPOCH)
  assert.equal(codeOf(leader.write(batch(10, 10, 1))), 'append')
})

test('after the greatest sequence comes 0, also within a batch', () => {
  assert.equal(sequenceAfter(sequenceMax, 1), 0)
  assert.equal(sequenceAfter(sequenceMax - 1, 3), 1)
  const leader = new Leader()
  leader.write(batch(sequenceMax - 14))
  assert.equal(codeOf(leader.write(batch(sequenceMax - 4))), 'append')
  assert.equal(codeOf(leader.write(batch(5))), 'append')
  assert.equal(codeOf(leader.write(batch(sequenceMax - 4))), 'duplicate')
  const edge = new Leader()
  edge.write(batch(sequenceMax - 9))
  assert.equal(codeOf(edge.write(batch(0))), 'append')
})

test('an unknown producer may start anywhere, from 2.5 to 4.4', () => {
  assert.equal(codeOf(new Leader().write(batch(500))), 'append')
})

test('from 4.5 an unknown producer starts at 0 where nothing was ever written', () => {
  const leader = new Leader(new ProducerStates('zero-if-never-written'))
  assert.equal(codeOf(leader.write(batch(500))), outOfOrder)
  assert.equal(codeOf(leader.write(batch(0))), 'append')
  leader.states.forgetAll()
  assert.equal(codeOf(leader.write(batch(500))), 'append')
})

test('before 2.5 an unknown producer that does not start at 0 is UNKNOWN_PRODUCER_ID', () => {
  const leader = new Leader(new ProducerStates('reject'))
  assert.equal(codeOf(leader.write(batch(500))), errorNumber.UNKNOWN_PRODUCER_ID)
  assert.equal(codeOf(leader.write(batch(0))), 'append')
})

test('forgotten producers go on where they were, and their resends are written again', () => {
  const goesOn = new Leader()
  goesOn.write(batch(0))
  goesOn.states.forgetAll()
  assert.equal(codeOf(goesOn.write(batch(10))), 'append')
  const resends = new Leader()
  resends.write(batch(0))
  resends.states.forgetAll()
  assert.equal(codeOf(resends.write(batch(0))), 'append')
  assert.equal(resends.offset, 20)
})

const identityOf = async ({ run }: Stage, client: RawClient) =>
  run(client.request(initProducerIdApi, 4, { transactionalId: null }))

test('over the wire a resend gets the first response, and is written once', () =>
  onStage({ topics: { orders: 1 } }, async (stage) => {
    const { cluster, connect, run } = stage
    const client = connect()
    const { producerId, producerEpoch } = await identityOf(stage, client)
    const sequenced = (baseSequence: number): Uint8Array =>
      batchOf(3, { producerId, producerEpoch, baseSequence })
    const first = await run(produce(client, 'orders', 0, sequenced(0)))
    await run(produce(client, 'orders', 0, sequenced(3)))
    const again = await run(produce(client, 'orders', 0, sequenced(0)))
    assert.deepEqual([again.errorCode, again.baseOffset], [0, first.baseOffset])
    const gap = await run(produce(client, 'orders', 0, sequenced(9)))
    assert.equal(gap.errorCode, outOfOrder)
    const records = cluster.records('orders')
    assert.deepEqual(
      records.map((record) => record.sequence),
      [0, 1, 2, 3, 4, 5],
    )
    assert.equal(records[0]?.producerId, producerId)
  }))

test('each idempotent producer gets an id of its own, with epoch 0', () =>
  onStage({}, async (stage) => {
    const client = stage.connect()
    const first = await identityOf(stage, client)
    const second = await identityOf(stage, client)
    assert.notEqual(first.producerId, second.producerId)
    assert.deepEqual([first.producerEpoch, second.producerEpoch], [0, 0])
    const renewed = await stage.run(
      client.request(initProducerIdApi, 4, {
        transactionalId: null,
        producerId: first.producerId,
        producerEpoch: 3,
      }),
    )
    assert.ok(![first.producerId, second.producerId].includes(renewed.producerId))
    assert.equal(renewed.producerEpoch, 0)
  }))

test('each start under a transactional id raises the epoch and fences the one before', () =>
  onStage({}, async ({ connect, run }) => {
    const client = connect()
    const start = (producerId: ProducerId = -1, producerEpoch = -1) =>
      run(
        client.request(initProducerIdApi, 4, {
          transactionalId: 't',
          transactionTimeoutMs: 60_000,
          producerId,
          producerEpoch,
        }),
      )
    const first = await start()
    const second = await start()
    assert.equal(second.producerId, first.producerId)
    assert.equal(second.producerEpoch, first.producerEpoch + 1)
    const fenced = await start(first.producerId, first.producerEpoch)
    assert.equal(fenced.errorCode, errorNumber.PRODUCER_FENCED)
    const renewed = await start(second.producerId, second.producerEpoch)
    assert.equal(renewed.producerEpoch, second.producerEpoch + 1)
  }))

test('forgetProducers drops the state of one partition or of all', () =>
  onStage({ topics: { orders: 2 } }, async (stage) => {
    const { cluster, connect, run } = stage
    const client = connect()
    const { producerId, producerEpoch } = await identityOf(stage, client)
    const send = (partition: number, baseSequence: number) =>
      run(
        produce(
          client,
          'orders',
          partition,
          batchOf(1, { producerId, producerEpoch, baseSequence }),
        ),
      )
    await send(0, 0)
    await send(1, 0)
    cluster.forgetProducers('orders', 0)
    assert.equal((await send(0, 5)).errorCode, 0)
    assert.equal((await send(1, 5)).errorCode, outOfOrder)
    cluster.expireProducerIds()
    assert.equal((await send(1, 5)).errorCode, 0)
  }))
