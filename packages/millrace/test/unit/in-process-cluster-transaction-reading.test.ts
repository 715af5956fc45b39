// What is read of transactions in the in-process cluster: through our own reader, with retention,
// and the offsets of groups with members.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { produceApi } from '../../src/protocol/api/00-produce.ts'
import { joinGroupApi } from '../../src/protocol/api/11-join-group.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { readTopic, readTopicBatches, startCluster, type TestCluster } from '../../src/testing.ts'
import { batchOf, onStage, produceTo, RawClient } from './in-process-cluster-kit.ts'
import { bothModes, fetchFrom, WireProducer } from './in-process-cluster-transaction-kit.ts'

/** Producers and a cluster on real sockets, as the reader wants them. */
const onSockets = async (
  body: (cluster: TestCluster, producer: (id: string) => Promise<WireProducer>) => Promise<void>,
): Promise<void> => {
  await using cluster = await startCluster({ topics: { orders: 1 } })
  const clients: RawClient[] = []
  const connect = (): RawClient => {
    const client = new RawClient(cluster.brokers[0]!)
    clients.push(client)
    return client
  }
  const run = <Value>(promise: Promise<Value>): Promise<Value> => promise
  await body(cluster, (id) => new WireProducer({ connect, run }, 2, { id }).start())
  for (const client of clients) client.close()
}

const offsetsRead = async (
  { brokers }: TestCluster,
  isolation?: 'read_committed' | 'read_uncommitted',
  from?: number,
): Promise<number[]> => {
  const offsets: number[] = []
  const options = from === undefined ? {} : { from: new Map([[0, from]]) }
  for await (const { offset } of readTopic({ brokers, topic: 'orders', isolation, ...options })) {
    offsets.push(offset)
  }
  return offsets
}

test('read_committed skips records of open and aborted transactions; the default shows all', () =>
  onSockets(async (cluster, start) => {
    const [one, two] = [await start('one'), await start('two')]
    await one.send({ count: 2 }) // 0, 1
    await two.send({ count: 2 }) // 2, 3
    await one.end(false) // 4
    await two.end(true) // 5
    await one.send() // 6
    await one.end(true) // 7
    await two.send() // 8, open
    await one.send() // 9, behind it
    await one.end(true) // 10
    const all = [0, 1, 2, 3, 6, 8, 9]
    assert.deepEqual(await offsetsRead(cluster), all)
    assert.deepEqual(await offsetsRead(cluster, 'read_uncommitted'), all)
    assert.deepEqual(await offsetsRead(cluster, 'read_committed'), [2, 3, 6])
    await two.end(false)
    assert.deepEqual(await offsetsRead(cluster, 'read_committed'), [2, 3, 6, 9])
    assert.deepEqual(await offsetsRead(cluster, 'read_committed', 1), [2, 3, 6, 9])
    assert.deepEqual(await offsetsRead(cluster, 'read_committed', 3), [3, 6, 9])
  }))

test('batches are read with their producer id, and markers have no records', () =>
  onSockets(async ({ brokers }, start) => {
    const producer = await start('one')
    await producer.send({ count: 2 })
    await producer.end(true)
    const read = { brokers, topic: 'orders', isolation: 'read_committed' } as const
    const seen: unknown[] = []
    for await (const { transactional, producerId, records } of readTopicBatches(read)) {
      seen.push([transactional, producerId === producer.producerId, records.length])
    }
    assert.deepEqual(seen, [[true, true, 2]])
  }))

test('a committed reader waits past the last stable offset, and is woken by the marker', () =>
  onStage({ topics: { orders: 1 } }, async (stage) => {
    const { connect, clock, run } = stage
    const producer = await new WireProducer(stage, 2).start()
    await producer.send({ count: 3 })
    const client = connect()
    // The test itself drives the clock, and there may be only one driver.
    const idle = { connect, run: <Value>(promise: Promise<Value>) => promise }
    const waiting = fetchFrom(idle, client, { isolationLevel: 1, maxWaitMs: 10_000 })
    await clock.advance(1000)
    assert.equal(client.waiting, 1)
    await producer.end(true)
    const read = await run(waiting)
    assert.equal(read.lastStableOffset, 4)
    assert.ok(clock.now() < 9_000)
  }))

test('plain records of others wait behind an open transaction for committed readers', () =>
  onStage({ topics: { orders: 1 } }, async (stage) => {
    const { connect, run } = stage
    const producer = await new WireProducer(stage, 2).start()
    const plain = produceTo('orders', 0, batchOf(1))
    await run(connect().request(produceApi, 12, plain))
    await producer.send()
    await run(connect().request(produceApi, 12, plain))
    const read = await fetchFrom(stage, connect(), { isolationLevel: 1 })
    assert.deepEqual([read.lastStableOffset, read.highWatermark], [1, 3])
  }))

test('aborted transactions before the start of the log are not listed any more', () =>
  onStage({ topics: { orders: 1 }, retention: { records: 4 } }, async (stage) => {
    const producer = await new WireProducer(stage, 2).start()
    const aborted = async (fetchOffset: number) => {
      const read = await fetchFrom(stage, stage.connect(), { fetchOffset, isolationLevel: 1 })
      return read.abortedTransactions?.map(({ firstOffset }) => firstOffset)
    }
    await producer.send()
    await producer.end(false)
    await producer.send()
    await producer.end(false)
    assert.deepEqual(await aborted(0), [0, 2])
    await producer.send({ count: 2 })
    await producer.end(true)
    const start = stage.cluster.partitions('orders')[0]!.startOffset
    assert.equal(start, 3)
    assert.deepEqual(await aborted(start), [2], 'its marker is still there')
  }))

test('forgotten producers keep a transaction that is open', () =>
  onStage({ topics: { orders: 1 } }, async (stage) => {
    const producer = await new WireProducer(stage, 2).start()
    await producer.send({ count: 3 })
    stage.cluster.expireProducerIds()
    assert.equal(await producer.produce({ sequence: 9 }), errorNumber.OUT_OF_ORDER_SEQUENCE_NUMBER)
    assert.equal(await producer.send(), 0)
    await producer.end(true)
    assert.equal(stage.cluster.partitions('orders')[0]?.endOffset, 5)
  }))

for (const mode of bothModes) {
  test(`V${mode}: offsets of a group with members are taken from members of now only`, () =>
    onStage({ topics: { orders: 1 } }, async (stage) => {
      const { connect, run, cluster } = stage
      const producer = await new WireProducer(stage, mode).start()
      if (mode === 1) await producer.addOffsets()
      const joinRequest = {
        groupId: 'g',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 10_000,
        memberId: '',
        groupInstanceId: 'instance',
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.from('m') }],
      }
      const { memberId, generationId } = await run(connect().request(joinGroupApi, 7, joinRequest))
      const member = { memberId, generationIdOrMemberEpoch: generationId }
      const commit = async (more: Parameters<WireProducer['commitOffset']>[1]) =>
        producer.commitOffset(4, more)
      const { UNKNOWN_MEMBER_ID: unknown, ILLEGAL_GENERATION: illegal } = errorNumber
      const { FENCED_INSTANCE_ID: fenced } = errorNumber
      assert.equal(await commit({ ...member, memberId: 'missing' }), unknown)
      assert.equal(await commit({ ...member, generationIdOrMemberEpoch: 7 }), illegal)
      const elsewhere = { ...member, memberId: 'missing', groupInstanceId: 'instance' }
      assert.equal(await commit(elsewhere), fenced)
      assert.equal(await commit({ ...member, groupInstanceId: 'other' }), unknown)
      assert.equal(await commit({ ...member, groupInstanceId: 'instance' }), 0)
      assert.equal(await commit(member), 0)
      assert.equal(await commit({}), 0, 'old clients name neither member nor generation')
      assert.deepEqual(cluster.committedOffsets('g'), [])
      await producer.end(true)
      assert.equal(cluster.committedOffsets('g')[0]?.offset, 4)
    }))
}
