// The life of transactions in the in-process cluster beyond the rules of transaction-scenarios.ts:
// what is in the logs, time, hands that interfere, and coordinators that move.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClusterOptions } from '../../src/in-process-cluster/cluster-options.ts'
import { isExhausted, Transaction } from '../../src/in-process-cluster/transaction-entry.ts'
import { findCoordinatorApi } from '../../src/protocol/api/10-find-coordinator.ts'
import { apiVersionsApi } from '../../src/protocol/api/18-api-versions.ts'
import { addPartitionsToTxnApi } from '../../src/protocol/api/24-add-partitions-to-txn.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import {
  decodeBatchHeader,
  decodeRecords,
  splitBatches,
} from '../../src/protocol/records/record-batch.ts'
import { onStage, type Stage } from './in-process-cluster-kit.ts'
import {
  bothModes,
  fetchFrom,
  type Mode,
  WireProducer,
} from './in-process-cluster-transaction-kit.ts'

const orders = { topics: { orders: 2 } }

const stateOf = ({ cluster }: Stage) => {
  const [view] = cluster.transactions()
  return view?.state
}

/** A cluster whose own level is the mode's. */
const levelOf = (mode: Mode): ClusterOptions => ({
  ...orders,
  transactions: { version: mode === 2 ? 2 : 0 },
})

for (const mode of bothModes) {
  test(`V${mode}: each end leaves a control batch as Kafka writes it`, () =>
    onStage(orders, async (stage) => {
      const { cluster, clock, connect } = stage
      const producer = await new WireProducer(stage, mode).start()
      const { epoch, producerId } = producer
      await producer.send({ count: 2 })
      await producer.end(true)
      await producer.send({ count: 3 })
      await producer.end(false)
      const { records } = await fetchFrom(stage, connect())
      const batches = splitBatches(records!).batches
      const markers = batches.flatMap((bytes) => {
        const header = decodeBatchHeader(bytes)
        return header.control ? [{ header, bytes }] : []
      })
      const rise = mode === 2 ? 1 : 0
      for (const [index, { header, bytes }] of markers.entries()) {
        assert.equal(header.producerId, producerId)
        assert.equal(header.producerEpoch, epoch + (index + 1) * rise)
        assert.deepEqual([header.baseSequence, header.transactional], [-1, true])
        const [record] = decodeRecords(header, bytes.subarray(61))
        assert.equal(
          Buffer.from(record!.key!).toString('hex'),
          index === 0 ? '00000001' : '00000000',
        )
        assert.equal(Buffer.from(record!.value!).toString('hex'), '000000000000')
        assert.equal(record!.timestamp, clock.wallTime())
      }
      assert.deepEqual(
        markers.map(({ header }) => header.baseOffset),
        [2, 6],
      )
      assert.equal(cluster.records('orders').length, 5, 'markers are no records')
    }))

  test(`V${mode}: a transaction open for too long is aborted, and its producer fenced`, () =>
    onStage(levelOf(mode), async (stage) => {
      const { clock, cluster } = stage
      const producer = await new WireProducer(stage, mode).start({ timeoutMs: 1000 })
      await producer.send()
      await clock.advance(600)
      await producer.send({ partition: 1 })
      await clock.advance(399)
      assert.equal(stateOf(stage), 'Ongoing')
      await clock.advance(1)
      assert.equal(stateOf(stage), 'CompleteAbort')
      const [view] = cluster.transactions()
      assert.equal(view?.producerEpoch, producer.epoch + 1)
      assert.deepEqual(
        cluster.partitions('orders').map(({ endOffset }) => endOffset),
        [2, 2],
      )
      assert.equal(await producer.produce(), errorNumber.INVALID_PRODUCER_EPOCH)
      if (mode === 1) {
        assert.equal(await producer.endOnce(false), errorNumber.PRODUCER_FENCED)
        assert.equal(await producer.init({ expected: true }), errorNumber.PRODUCER_FENCED)
      } else {
        // Its abort is taken for a repeated one, and returns its next identity.
        assert.equal(await producer.twin().endOnce(true), errorNumber.INVALID_TXN_STATE)
        assert.equal(await producer.end(false), 0)
        assert.equal(producer.epoch, view?.producerEpoch)
        assert.equal(await producer.send(), 0)
      }
    }))

  test(`V${mode}: a transaction that ended is not aborted when its time would be over`, () =>
    onStage(levelOf(mode), async (stage) => {
      const { clock } = stage
      const producer = await new WireProducer(stage, mode).start({ timeoutMs: 1000 })
      await producer.send()
      await clock.advance(900)
      await producer.end(true)
      await producer.send()
      await clock.advance(900)
      assert.equal(stateOf(stage), 'Ongoing')
      assert.equal(await producer.end(true), 0)
    }))

  test(`V${mode}: until its markers are written an id gets CONCURRENT_TRANSACTIONS`, () =>
    onStage({ ...orders, transactions: { markerDelayMs: 500 } }, async (stage) => {
      const { clock, cluster, connect } = stage
      const producer = await new WireProducer(stage, mode).start()
      await producer.send()
      const before = producer.twin()
      assert.equal(await producer.endOnce(true), 0)
      assert.equal(stateOf(stage), 'PrepareCommit')
      const concurrent = errorNumber.CONCURRENT_TRANSACTIONS
      assert.equal(await new WireProducer(stage, mode).init(), concurrent)
      assert.equal(await before.endOnce(true), concurrent)
      assert.deepEqual(await producer.add([1]), [concurrent])
      const read = await fetchFrom(stage, connect(), { isolationLevel: 1 })
      assert.deepEqual([read.lastStableOffset, read.highWatermark], [0, 1])
      await clock.advance(500)
      assert.equal(stateOf(stage), 'CompleteCommit')
      assert.equal(await producer.send({ sequence: mode === 2 ? 0 : 1 }), 0)
      assert.equal(cluster.partitions('orders')[0]?.endOffset, 3)
    }))

  test(`V${mode}: a marker waits for a leader of its partition`, () =>
    onStage(
      { nodes: 2, topics: { orders: { partitions: 2, replicationFactor: 1 } } },
      async (stage) => {
        const { cluster, run } = stage
        cluster.moveCoordinator('transaction', 'tx', 1)
        cluster.moveLeader('orders', 0, 1)
        cluster.moveLeader('orders', 1, 1)
        const producer = await new WireProducer(stage, mode).start()
        await producer.send()
        cluster.moveLeader('orders', 0, 2)
        await run(cluster.node(2).stop())
        assert.equal(await producer.endOnce(true), 0)
        assert.equal(stateOf(stage), 'PrepareCommit')
        await run(cluster.node(2).start())
        assert.equal(stateOf(stage), 'CompleteCommit')
        assert.equal(cluster.partitions('orders')[0]?.endOffset, 2)
      },
    ))
}

test('a topic that is deleted keeps no transaction from ending', () =>
  onStage({ topics: { orders: 1, other: 1 } }, async (stage) => {
    const producer = await new WireProducer(stage, 2).start()
    await producer.send()
    await producer.send({ topic: 'other' })
    stage.cluster.deleteTopic('orders')
    assert.equal(await producer.end(true), 0)
    assert.equal(stateOf(stage), 'CompleteCommit')
    assert.equal(stage.cluster.partitions('other')[0]?.endOffset, 2)
  }))

test('V2: a Produce request waits a little for the markers of the transaction before', () =>
  onStage({ ...orders, transactions: { markerDelayMs: 50 } }, async (stage) => {
    const producer = await new WireProducer(stage, 2).start()
    await producer.send()
    await producer.endOnce(true)
    const startedAt = stage.clock.now()
    assert.equal(await producer.produce({ sequence: 0 }), 0)
    assert.equal(stage.clock.now() - startedAt, 60)
  }))

test('V2: a Produce request does not wait for longer than Kafka does', () =>
  onStage({ ...orders, transactions: { markerDelayMs: 5000 } }, async (stage) => {
    const producer = await new WireProducer(stage, 2).start()
    await producer.send()
    await producer.endOnce(true)
    const startedAt = stage.clock.now()
    const { CONCURRENT_TRANSACTIONS: concurrent } = errorNumber
    assert.equal(await producer.produce({ sequence: 0 }), concurrent)
    assert.equal(stage.clock.now() - startedAt, 100)
  }))

test('V2: after its last epoch a producer gets another id, and may repeat the request', () =>
  onStage(orders, async (stage) => {
    const producer = await new WireProducer(stage, 2).start()
    const { producerId } = producer
    const epochLast = 32_766
    while (producer.epoch < epochLast) assert.equal(await producer.endOnce(false), 0)
    const before = producer.twin()
    assert.equal(await producer.send(), 0)
    assert.equal(await producer.end(true), 0)
    assert.notEqual(producer.producerId, producerId)
    assert.equal(producer.epoch, 0)
    const { records } = await fetchFrom(stage, stage.connect())
    const [, marker] = splitBatches(records!).batches
    const { producerId: marked, producerEpoch } = decodeBatchHeader(marker!)
    assert.deepEqual([marked, producerEpoch], [producerId, epochLast + 1])
    assert.equal(await producer.send(), 0)
    await producer.end(false)
    assert.equal(await before.init({ expected: true }), errorNumber.PRODUCER_FENCED)
  }))

test('InitProducerId after the last epoch returns another producer id', () => {
  let idsGiven = 100
  const newId = (): number => ++idsGiven
  const transaction = new Transaction('tx', newId())
  assert.equal(transaction.initialize(null, 1000, newId), 0)
  while (!isExhausted(transaction.epoch)) {
    assert.equal(transaction.initialize(null, 1000, newId), 0)
  }
  const { identity } = transaction
  assert.deepEqual(identity, { producerId: 101, epoch: 32_766 })
  const stale = { producerId: 101, epoch: 5 }
  assert.equal(transaction.initialize(stale, 1000, newId), errorNumber.UNKNOWN_SERVER_ERROR)
  assert.ok(transaction.mayBe(identity))
  assert.equal(transaction.initialize(identity, 1000, newId), 0)
  assert.deepEqual(transaction.identity, { producerId: 102, epoch: 0 })
  // The same request once more, as its response was lost.
  assert.ok(transaction.mayBe(identity))
  assert.ok(!transaction.mayBe(stale))
  assert.equal(transaction.initialize(identity, 1000, newId), 0)
  assert.deepEqual(transaction.identity, { producerId: 102, epoch: 0 })
})

test('a test can abort a transaction as its timeout does, and see its partitions', () =>
  onStage({ ...orders, transactions: { version: 2 } }, async (stage) => {
    const { cluster } = stage
    const producer = await new WireProducer(stage, 2).start({ timeoutMs: 5000 })
    await producer.send({ partition: 1 })
    await producer.commitOffset(7)
    assert.deepEqual(cluster.transactions(), [
      {
        transactionalId: 'tx',
        state: 'Ongoing',
        producerId: producer.producerId,
        producerEpoch: producer.epoch,
        timeoutMs: 5000,
        partitions: [{ topic: 'orders', partition: 1 }],
        groups: ['g'],
      },
    ])
    cluster.abortTransaction('tx')
    assert.equal(stateOf(stage), 'CompleteAbort')
    assert.deepEqual(cluster.committedOffsets('g'), [])
    assert.equal(await producer.produce({ partition: 1 }), errorNumber.INVALID_PRODUCER_EPOCH)
    assert.throws(() => cluster.abortTransaction('tx'), { code: 'INVALID_STATE' })
    assert.throws(() => cluster.abortTransaction('none'), { code: 'INVALID_STATE' })
  }))

const whoCoordinates = async ({ run, connect }: Stage): Promise<number> => {
  const request = { keyType: 1, coordinatorKeys: ['tx'] }
  const response = await run(connect().request(findCoordinatorApi, 4, request))
  return response.coordinators[0]!.nodeId
}

test('only the coordinator of an id responds; another node replaces it when it stops', () =>
  onStage({ nodes: 3, ...orders }, async (stage) => {
    const { cluster, run } = stage
    const first = await whoCoordinates(stage)
    assert.equal(first, cluster.coordinator('transaction', 'tx'))
    const at = (node: number) => new WireProducer({ run, connect: () => stage.connect(node) }, 1)
    const other = first === 3 ? 1 : 3
    assert.equal(await at(other).init(), errorNumber.NOT_COORDINATOR)
    assert.equal(await at(first).init(), 0)
    cluster.moveCoordinator('transaction', 'tx', other)
    assert.equal(await whoCoordinates(stage), other)
    assert.equal(await at(first).init(), errorNumber.NOT_COORDINATOR)
    assert.equal(await at(first).endOnce(true), errorNumber.NOT_COORDINATOR)
    assert.deepEqual(await at(first).add(), [errorNumber.NOT_COORDINATOR])
    assert.equal(await at(first).addOffsets(), errorNumber.NOT_COORDINATOR)
    const producer = await at(other).start()
    assert.equal(producer.epoch, 1, 'what the coordinator knew moved with it')
    await run(cluster.node(other).stop())
    assert.notEqual(cluster.coordinator('transaction', 'tx'), other)
    await run(cluster.node(other).start())
    assert.equal(cluster.coordinator('transaction', 'tx'), other)
    assert.throws(() => cluster.moveCoordinator('group', 'g', 9), { code: 'INVALID_ARGUMENT' })
  }))

test('a coordinator that has moved returns COORDINATOR_LOAD_IN_PROGRESS for a while', () =>
  onStage({ nodes: 2, ...orders, transactions: { coordinatorLoadMs: 300 } }, async (stage) => {
    const { cluster, run, clock } = stage
    cluster.moveCoordinator('transaction', 'tx', 1)
    const at = (node: number) => new WireProducer({ run, connect: () => stage.connect(node) }, 1)
    await clock.advance(300)
    await at(1).start()
    cluster.moveCoordinator('transaction', 'tx', 2)
    assert.equal(await at(2).init(), errorNumber.COORDINATOR_LOAD_IN_PROGRESS)
    await clock.advance(299)
    assert.equal(await at(2).init(), errorNumber.COORDINATOR_LOAD_IN_PROGRESS)
    await clock.advance(1)
    assert.equal(await at(2).init(), 0)
  }))

test('a coordinator without requests before also loads after it has moved', () =>
  onStage({ nodes: 2, transactions: { coordinatorLoadMs: 300 } }, async (stage) => {
    const { cluster, run } = stage
    const other = cluster.coordinator('transaction', 'tx') === 1 ? 2 : 1
    cluster.moveCoordinator('transaction', 'tx', other)
    const producer = new WireProducer({ run, connect: () => stage.connect(other) }, 1)
    assert.equal(await producer.init(), errorNumber.COORDINATOR_LOAD_IN_PROGRESS)
  }))

test('while the coordinator is loading, Produce has an error that every client retries', () =>
  onStage({ nodes: 2, ...orders, transactions: { coordinatorLoadMs: 300 } }, async (stage) => {
    const { cluster, run, clock } = stage
    cluster.moveCoordinator('transaction', 'tx', 1)
    await clock.advance(300)
    const wire = { run, connect: () => stage.connect(1) }
    for (const partition of [0, 1]) cluster.moveLeader('orders', partition, 1)
    const producers = [new WireProducer(wire, 1), new WireProducer(wire, 2)]
    for (const producer of producers) {
      cluster.moveCoordinator('transaction', 'tx', 1)
      await producer.init()
      await clock.advance(300)
      await producer.start()
      cluster.moveCoordinator('transaction', 'tx', 2)
      const loading = errorNumber.NOT_ENOUGH_REPLICAS
      assert.equal(await producer.produce({ partition: producer.mode - 1 }), loading)
    }
  }))

test('brokers verify the partitions of several transactions in one request', () =>
  onStage(orders, async (stage) => {
    const { run, connect } = stage
    const producer = await new WireProducer(stage, 1).start()
    await producer.add([0])
    const transactionWith = (verifyOnly: boolean, partitions: readonly number[]) => ({
      transactionalId: 'tx',
      producerId: producer.producerId,
      producerEpoch: producer.epoch,
      verifyOnly,
      topics: [{ name: 'orders', partitions }],
    })
    const codes = async (verifyOnly: boolean): Promise<number[]> => {
      const request = { transactions: [transactionWith(verifyOnly, [0, 1])] }
      const response = await run(connect().request(addPartitionsToTxnApi, 5, request))
      const [topic] = response.resultsByTransaction[0]!.topicResults
      return topic!.resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode)
    }
    assert.deepEqual(await codes(true), [0, errorNumber.TRANSACTION_ABORTABLE])
    assert.deepEqual(await codes(false), [0, 0])
    assert.deepEqual(await codes(true), [0, 0])
  }))

const featuresOf = async ({ run, connect }: Stage, version: number) => {
  const response = await run(connect().request(apiVersionsApi, version, {}))
  return [
    response.supportedFeatures.map(({ name, maxVersion }) => [name, maxVersion]),
    response.finalizedFeatures.map(({ name, maxVersionLevel }) => [name, maxVersionLevel]),
    response.finalizedFeaturesEpoch,
  ]
}

test('transaction.version is advertised, may be chosen, and may rise while the cluster runs', () =>
  onStage({ transactions: { version: 1 } }, async (stage) => {
    const supported = [['transaction.version', 2]]
    assert.deepEqual(await featuresOf(stage, 4), [supported, [['transaction.version', 1]], 1])
    stage.cluster.setTransactionVersion(2)
    assert.deepEqual(await featuresOf(stage, 4), [supported, [['transaction.version', 2]], 2])
    // A lowest level of 0 can't be advertised before version 4 (KAFKA-17492).
    assert.deepEqual(await featuresOf(stage, 3), [[], [['transaction.version', 2]], 2])
    stage.cluster.setTransactionVersion(0)
    assert.deepEqual(await featuresOf(stage, 4), [supported, [], 3])
  }))

test('before Kafka 4.0 there is no transaction.version', () =>
  onStage({ versions: '3.9' }, async (stage) => {
    assert.deepEqual(await featuresOf(stage, 4), [[], [], -1])
    assert.throws(() => stage.cluster.setTransactionVersion(2), { code: 'INVALID_STATE' })
  }))

test('the cluster aborts after its own level, whatever the client uses', () =>
  onStage({ ...orders, transactions: { version: 0 } }, async (stage) => {
    const { cluster } = stage
    const producer = await new WireProducer(stage, 1).start()
    await producer.send()
    cluster.setTransactionVersion(2)
    cluster.abortTransaction('tx')
    const next = producer.twin()
    // Under V2 the producer that names itself gets its new identity.
    assert.equal(await next.init({ expected: true }), 0)
    assert.equal(next.epoch, producer.epoch + 1)
  }))

test('releases before KIP-890 take batches of partitions that were not added', () =>
  onStage({ ...orders, versions: '2.8' }, async (stage) => {
    const producer = new WireProducer(stage, 1)
    assert.equal(await producer.init({ version: 4 }), 0)
    assert.equal(await producer.produce({ version: 9 }), 0)
    assert.equal(await producer.commitOffset(3, {}, 3), 0)
    await producer.addOffsets()
    const zombie = producer.twin()
    stage.cluster.abortTransaction('tx')
    assert.equal(await zombie.commitOffset(4, {}, 3), errorNumber.INVALID_PRODUCER_EPOCH)
  }))
