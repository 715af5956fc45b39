// Reading from the in-process cluster: Fetch, ListOffsets, and what retention leaves.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FetchRequest, fetchApi } from '../../src/protocol/api/01-fetch.ts'
import { listOffsetsApi } from '../../src/protocol/api/02-list-offsets.ts'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { batchOffsets } from '../../src/protocol/records/layout.ts'
import {
  decodeBatchHeader,
  splitBatches,
  verifyCrc,
} from '../../src/protocol/records/record-batch.ts'
import type { Input } from '../../src/protocol/schema/api.ts'
import {
  batchOf,
  batchOfRecords,
  onStage,
  produce,
  type RawClient,
} from './in-process-cluster-kit.ts'

const fetchFrom = (fetchOffset: number, more: object = {}): Input<FetchRequest> => ({
  maxWaitMs: 0,
  minBytes: 1,
  maxBytes: 1_000_000,
  topics: [
    {
      topic: 'orders',
      partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }],
    },
  ],
  ...more,
})

const fetch = async (client: RawClient, request: Input<FetchRequest>, version = 11) => {
  const response = await client.request(fetchApi, version, request)
  return response.responses[0]!.partitions[0]!
}

const baseOffsets = (records: Uint8Array | null): number[] =>
  splitBatches(records ?? new Uint8Array(0)).batches.map(
    (bytes) => decodeBatchHeader(bytes).baseOffset,
  )

test('a reader gets the bytes that were sent, except base offset and leader epoch', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run }) => {
    const client = connect()
    await run(produce(client, 'orders', 0, batchOf(3)))
    const sent = batchOf(2, { compression: 'gzip' })
    await run(produce(client, 'orders', 0, sent))
    const { records, highWatermark, lastStableOffset, logStartOffset } = await run(
      fetch(client, fetchFrom(3)),
    )
    assert.deepEqual([highWatermark, lastStableOffset, logStartOffset], [5, 5, 0])
    const got = Buffer.from(records!)
    assert.ok(verifyCrc(got))
    assert.equal(got.readBigInt64BE(batchOffsets.baseOffset), 3n)
    assert.equal(got.readInt32BE(batchOffsets.partitionLeaderEpoch), 0)
    assert.deepEqual(
      got.subarray(batchOffsets.magic),
      Buffer.from(sent).subarray(batchOffsets.magic),
    )
  }))

test('a header with a wrong greatest timestamp is corrected', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run }) => {
    const client = connect()
    const batch = batchOfRecords([{ timestamp: 5000 }, { timestamp: 9000 }], { maxTimestamp: 1 })
    assert.equal((await run(produce(client, 'orders', 0, batch))).errorCode, 0)
    const { records } = await run(fetch(client, fetchFrom(0)))
    assert.equal(decodeBatchHeader(records!).maxTimestamp, 9000)
    assert.ok(verifyCrc(records!))
  }))

test('an offset inside a batch gets the whole batch', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run }) => {
    const client = connect()
    await run(produce(client, 'orders', 0, batchOf(10)))
    await run(produce(client, 'orders', 0, batchOf(10)))
    assert.deepEqual(baseOffsets((await run(fetch(client, fetchFrom(5)))).records), [0, 10])
    assert.deepEqual(baseOffsets((await run(fetch(client, fetchFrom(19)))).records), [10])
    assert.deepEqual(baseOffsets((await run(fetch(client, fetchFrom(20)))).records), [])
  }))

test('an offset before the start or past the end is OFFSET_OUT_OF_RANGE', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run }) => {
    const client = connect()
    await run(produce(client, 'orders', 0, batchOf(10)))
    for (const offset of [-1, 11]) {
      const { errorCode } = await run(fetch(client, fetchFrom(offset)))
      assert.equal(errorCode, errorNumber.OFFSET_OUT_OF_RANGE)
    }
  }))

test('only whole batches within the bounds are returned, but always one', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run }) => {
    const client = connect()
    const size = batchOf(5).length
    for (let index = 0; index < 4; index++) await run(produce(client, 'orders', 0, batchOf(5)))
    const within = async (maxBytes: number) =>
      baseOffsets((await run(fetch(client, fetchFrom(0, { maxBytes })))).records)
    assert.deepEqual(await within(3 * size), [0, 5, 10])
    assert.deepEqual(await within(3 * size - 1), [0, 5])
    assert.deepEqual(await within(1), [0])
  }))

test('the bound holds over all partitions, and only the first non-empty one may pass it', () =>
  onStage({ topics: { orders: 2 } }, async ({ connect, run }) => {
    const client = connect()
    await run(produce(client, 'orders', 0, batchOf(5)))
    await run(produce(client, 'orders', 1, batchOf(5)))
    const partition = { fetchOffset: 0, partitionMaxBytes: 1 }
    const response = await run(
      client.request(fetchApi, 11, {
        maxBytes: 1,
        topics: [
          {
            topic: 'orders',
            partitions: [
              { partition: 0, ...partition },
              { partition: 1, ...partition },
            ],
          },
        ],
      }),
    )
    assert.deepEqual(
      response.responses[0]?.partitions.map(({ records }) => baseOffsets(records)),
      [[0], []],
    )
  }))

test('a reader at the end waits until enough bytes are there', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run, clock }) => {
    const [reader, writer] = [connect(), connect()]
    const minBytes = batchOf(5).length + 1
    const start = clock.now()
    const response = fetch(reader, fetchFrom(0, { maxWaitMs: 10_000, minBytes }))
    await run(produce(writer, 'orders', 0, batchOf(5)))
    await clock.advance(100)
    assert.equal(reader.waiting, 1)
    await run(produce(writer, 'orders', 0, batchOf(5)))
    assert.deepEqual(baseOffsets((await run(response)).records), [0, 5])
    assert.equal(clock.now() - start, 100)
  }))

test('a reader that waited for its limit gets what is stored', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run, clock }) => {
    const client = connect()
    const start = clock.now()
    const { errorCode, records } = await run(fetch(client, fetchFrom(0, { maxWaitMs: 500 })))
    assert.deepEqual([errorCode, records?.length, clock.now() - start], [0, 0, 500])
  }))

test('a waiting reader gets an error at once when the leader moves or the topic is gone', () =>
  onStage({ nodes: 2, topics: { orders: 1 } }, async ({ cluster, connect, run, clock }) => {
    const start = clock.now()
    const moved = fetch(connect(1), fetchFrom(0, { maxWaitMs: 60_000 }))
    await clock.advance(10)
    cluster.moveLeader('orders', 0, 2)
    assert.equal((await run(moved)).errorCode, errorNumber.NOT_LEADER_OR_FOLLOWER)
    const gone = fetch(connect(2), fetchFrom(0, { maxWaitMs: 60_000 }))
    await clock.advance(10)
    cluster.deleteTopic('orders')
    assert.equal((await run(gone)).errorCode, errorNumber.UNKNOWN_TOPIC_OR_PARTITION)
    assert.equal(clock.now() - start, 20)
  }))

test('a reader that disconnects leaves no timer', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run, clock }) => {
    const client = connect()
    fetch(client, fetchFrom(0, { maxWaitMs: 60_000 })).catch(() => {})
    await clock.advance(10)
    assert.equal(clock.pendingTimers, 1)
    client.close()
    await run(client.closed)
    await clock.advance(10)
    assert.equal(clock.pendingTimers, 0)
  }))

test('an epoch older or newer than the leader has is fenced or unknown', () =>
  onStage({ nodes: 2, topics: { orders: 1 } }, async ({ cluster, connect, run }) => {
    cluster.moveLeader('orders', 0, 2)
    const at = (currentLeaderEpoch: number) => ({
      topics: [
        { topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0, currentLeaderEpoch }] },
      ],
    })
    const client = connect(2)
    const fenced = await run(fetch(client, fetchFrom(0, at(0)), 12))
    assert.equal(fenced.errorCode, errorNumber.FENCED_LEADER_EPOCH)
    assert.deepEqual(fenced.currentLeader, { leaderId: 2, leaderEpoch: 1 })
    const unknown = await run(fetch(client, fetchFrom(0, at(2)), 12))
    assert.equal(unknown.errorCode, errorNumber.UNKNOWN_LEADER_EPOCH)
    assert.equal((await run(fetch(client, fetchFrom(0, at(1)), 12))).errorCode, 0)
  }))

test('from version 13 topics are read by id', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run }) => {
    const client = connect()
    await run(produce(client, 'orders', 0, batchOf(2)))
    const metadata = await run(client.request(metadataApi, 12, { topics: [{ name: 'orders' }] }))
    const by = (topicId: Uint8Array) => ({
      topics: [{ topicId, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }] }],
    })
    const found = await run(fetch(client, fetchFrom(0, by(metadata.topics[0]!.topicId)), 17))
    assert.deepEqual(baseOffsets(found.records), [0])
    const unknown = await run(fetch(client, fetchFrom(0, by(Buffer.alloc(16, 1))), 17))
    assert.equal(unknown.errorCode, errorNumber.UNKNOWN_TOPIC_ID)
  }))

test('sessions are declined: a full response without one, and an error for continuing one', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run }) => {
    const client = connect()
    const full = await run(client.request(fetchApi, 11, fetchFrom(0, { sessionEpoch: 0 })))
    assert.deepEqual([full.errorCode, full.sessionId, full.responses.length], [0, 0, 1])
    const next = fetchFrom(0, { sessionId: 5, sessionEpoch: 1 })
    const rejected = await run(client.request(fetchApi, 11, next))
    assert.equal(rejected.errorCode, errorNumber.FETCH_SESSION_ID_NOT_FOUND)
  }))

test('ListOffsets finds start, end, first record from a time on, and the latest time', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run }) => {
    const client = connect()
    const records = [1000, 3000, 2000].map((timestamp) => ({ timestamp, value: 'x' }))
    await run(produce(client, 'orders', 0, batchOfRecords(records)))
    await run(produce(client, 'orders', 0, batchOfRecords([{ timestamp: 2500 }])))
    const at = async (timestamp: number, partition = 0) => {
      const response = await run(
        client.request(listOffsetsApi, 7, {
          replicaId: -1,
          topics: [{ name: 'orders', partitions: [{ partitionIndex: partition, timestamp }] }],
        }),
      )
      const found = response.topics[0]!.partitions[0]!
      return found.errorCode === 0 ? [found.offset, found.timestamp] : found.errorCode
    }
    assert.deepEqual(await at(-2), [0, -1])
    assert.deepEqual(await at(-1), [4, -1])
    assert.deepEqual(await at(1001), [1, 3000])
    assert.deepEqual(await at(0), [0, 1000])
    assert.deepEqual(await at(3001), [-1, -1])
    assert.deepEqual(await at(-3), [1, 3000])
    assert.equal(await at(-1, 1), errorNumber.UNKNOWN_TOPIC_OR_PARTITION)
  }))

test('with retention only the newest batches stay, and the start moves', () =>
  onStage(
    { topics: { orders: 1 }, retention: { records: 25 } },
    async ({ cluster, connect, run }) => {
      const client = connect()
      for (let index = 0; index < 5; index++) await run(produce(client, 'orders', 0, batchOf(10)))
      const { startOffset, endOffset } = cluster.partitions('orders')[0]!
      assert.deepEqual([startOffset, endOffset], [30, 50])
      assert.equal(
        (await run(fetch(client, fetchFrom(29)))).errorCode,
        errorNumber.OFFSET_OUT_OF_RANGE,
      )
      assert.deepEqual(baseOffsets((await run(fetch(client, fetchFrom(30)))).records), [30, 40])
      const large = await run(produce(client, 'orders', 0, batchOf(40)))
      assert.deepEqual([large.baseOffset, large.logStartOffset], [50, 50])
    },
  ))

test('retention.bytes of a topic bounds its log too', () =>
  onStage(
    { topics: { orders: { partitions: 1, config: { 'retention.bytes': '500' } } } },
    async ({ cluster, connect, run }) => {
      const client = connect()
      for (let index = 0; index < 3000; index++)
        await run(produce(client, 'orders', 0, batchOf(10)))
      const { startOffset, endOffset } = cluster.partitions('orders')[0]!
      const keptBytes = ((endOffset - startOffset) / 10) * batchOf(10).length
      assert.equal(endOffset, 30_000)
      assert.ok(keptBytes <= 500 && keptBytes > 500 - batchOf(10).length, String(keptBytes))
      assert.equal(cluster.records('orders').length, endOffset - startOffset)
    },
  ))
