// What the in-process cluster does with a Produce request: each rule of a Kafka leader, one by one.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { produceApi } from '../../src/protocol/api/00-produce.ts'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { compressionTypes } from '../../src/protocol/compression/codecs.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { crc32c } from '../../src/protocol/records/crc.ts'
import { batchOffsets } from '../../src/protocol/records/layout.ts'
import {
  batchOf,
  batchOfRecords,
  onStage,
  produce,
  produceTo,
  type Stage,
} from './in-process-cluster-kit.ts'

const views = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Changes a batch, and makes its checksum right again. */
const tampered = (batch: Uint8Array, change: (view: DataView) => void): Uint8Array => {
  const view = views(batch)
  change(view)
  view.setUint32(batchOffsets.crc, crc32c(batch.subarray(batchOffsets.attributes)))
  return batch
}

/** Produces to a topic of one partition; nothing may be in the log when it is rejected. */
const rejectionOf = async (
  { connect, run, cluster }: Stage,
  batch: Uint8Array | null,
  version?: number,
): Promise<number> => {
  const response = await run(produce(connect(), 'orders', 0, batch, version))
  assert.equal(response.baseOffset, -1)
  assert.deepEqual(cluster.records('orders'), [])
  return response.errorCode
}

test('batches get the offsets after one another, and are readable as they were sent', () =>
  onStage({ topics: { orders: 1 } }, async ({ cluster, connect, run }) => {
    const client = connect()
    const first = await run(produce(client, 'orders', 0, batchOf(3)))
    const second = await run(produce(client, 'orders', 0, batchOf(2)))
    assert.deepEqual([first.errorCode, first.baseOffset], [0, 0])
    assert.deepEqual([second.errorCode, second.baseOffset], [0, 3])
    const records = cluster.records('orders')
    assert.deepEqual(
      records.map((record) => [record.offset, record.key?.toString(), record.value?.toString()]),
      [
        [0, 'k0', '0'],
        [1, 'k1', '1'],
        [2, 'k2', '2'],
        [3, 'k0', '0'],
        [4, 'k1', '1'],
      ],
    )
    assert.equal(records[1]?.timestamp, 1_700_000_000_001)
  }))

test('null keys, null values and headers with repeated keys and null values come back', () =>
  onStage({ topics: { orders: 1 } }, async ({ cluster, connect, run }) => {
    const batch = batchOfRecords([
      {
        key: null,
        value: null,
        headers: [
          ['a', 'x'],
          ['a', null],
        ],
      },
      { key: '', value: '' },
    ])
    await run(produce(connect(), 'orders', 0, batch))
    const [tombstone, empty] = cluster.records('orders')
    assert.deepEqual([tombstone?.key, tombstone?.value], [null, null])
    assert.deepEqual(tombstone?.headers, [
      ['a', Buffer.from('x')],
      ['a', null],
    ])
    assert.deepEqual([empty?.key?.length, empty?.value?.length], [0, 0])
  }))

for (const compression of compressionTypes) {
  test(`a batch compressed by ${compression} is accepted and read`, () =>
    onStage({ topics: { orders: 1 } }, async ({ cluster, connect, run }) => {
      const response = await run(produce(connect(), 'orders', 0, batchOf(50, { compression })))
      assert.equal(response.errorCode, 0)
      assert.equal(cluster.records('orders')[49]?.value?.toString(), '49')
    }))
}

test('a batch with a wrong checksum is CORRUPT_MESSAGE and is not written', () =>
  onStage({ topics: { orders: 1 } }, async (stage) => {
    const batch = batchOf(3)
    batch[batch.length - 1]! ^= 1
    assert.equal(await rejectionOf(stage, batch), errorNumber.CORRUPT_MESSAGE)
  }))

test('a batch whose length is more than its bytes is CORRUPT_MESSAGE', () =>
  onStage({ topics: { orders: 1 } }, async (stage) => {
    const batch = batchOf(3)
    views(batch).setInt32(batchOffsets.batchLength, batch.length)
    assert.equal(await rejectionOf(stage, batch), errorNumber.CORRUPT_MESSAGE)
  }))

test('no batch, two batches, or bytes after a batch are INVALID_RECORD', () =>
  onStage({ topics: { orders: 1 } }, async (stage) => {
    const invalid = errorNumber.INVALID_RECORD
    assert.equal(await rejectionOf(stage, null), invalid)
    assert.equal(await rejectionOf(stage, new Uint8Array(0)), invalid)
    assert.equal(await rejectionOf(stage, Buffer.concat([batchOf(1), batchOf(1)])), invalid)
    assert.equal(await rejectionOf(stage, Buffer.concat([batchOf(1), Buffer.alloc(3)])), invalid)
  }))

test('a base offset, a control batch and wrong counts are INVALID_RECORD', () =>
  onStage({ topics: { orders: 1 } }, async (stage) => {
    const invalid = errorNumber.INVALID_RECORD
    const changes: ((view: DataView) => void)[] = [
      (view) => view.setBigInt64(batchOffsets.baseOffset, 1n),
      (view) => view.setInt32(batchOffsets.recordCount, 2),
      (view) => view.setInt32(batchOffsets.lastOffsetDelta, 3),
      (view) => {
        view.setInt32(batchOffsets.recordCount, 4)
        view.setInt32(batchOffsets.lastOffsetDelta, 3)
      },
      (view) => {
        view.setInt32(batchOffsets.recordCount, 2)
        view.setInt32(batchOffsets.lastOffsetDelta, 1)
      },
      (view) => view.setInt16(batchOffsets.attributes, 0x20),
    ]
    for (const change of changes) {
      assert.equal(await rejectionOf(stage, tampered(batchOf(3), change)), invalid, String(change))
    }
    assert.equal(await rejectionOf(stage, batchOf(3, { producerId: 5, producerEpoch: 0 })), invalid)
  }))

test('another format version is INVALID_RECORD, and the message names it', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run }) => {
    const old = tampered(batchOf(1), (view) => view.setInt8(batchOffsets.magic, 1))
    const response = await run(produce(connect(), 'orders', 0, old))
    assert.equal(response.errorCode, errorNumber.INVALID_RECORD)
    assert.match(response.errorMessage ?? '', /magic version 2, not 1/)
  }))

test('records whose offsets do not count up one by one are INVALID_RECORD', () =>
  onStage({ topics: { orders: 1 } }, async (stage) => {
    const batch = batchOfRecords([{ offsetDelta: 0 }, { offsetDelta: 0 }, { offsetDelta: 2 }])
    assert.equal(await rejectionOf(stage, batch), errorNumber.INVALID_RECORD)
  }))

test('records that do not unpack, or do not fill their area, are INVALID_RECORD', () =>
  onStage({ topics: { orders: 1 } }, async (stage) => {
    const notGzip = tampered(batchOf(3), (view) => view.setInt16(batchOffsets.attributes, 1))
    assert.equal(await rejectionOf(stage, notGzip), errorNumber.INVALID_RECORD)
    const cut = batchOf(3)
    cut[61] = 2
    assert.equal(
      await rejectionOf(
        stage,
        tampered(cut, () => {}),
      ),
      errorNumber.INVALID_RECORD,
    )
  }))

test('a batch larger than max.message.bytes is MESSAGE_TOO_LARGE', () =>
  onStage(
    { topics: { orders: { partitions: 1, config: { 'max.message.bytes': '100' } } } },
    async (stage) => {
      assert.equal(await rejectionOf(stage, batchOf(10)), errorNumber.MESSAGE_TOO_LARGE)
    },
  ))

test('zstd before version 7, and an unknown codec, are UNSUPPORTED_COMPRESSION_TYPE', () =>
  onStage({ versions: '2.1', topics: { orders: 1 } }, async (stage) => {
    const code = errorNumber.UNSUPPORTED_COMPRESSION_TYPE
    const zstd = (): Uint8Array => batchOf(3, { compression: 'zstd' })
    assert.equal(await rejectionOf(stage, zstd(), 6), code)
    const unknown = tampered(batchOf(1), (view) => view.setInt16(batchOffsets.attributes, 6))
    assert.equal(await rejectionOf(stage, unknown, 7), code)
    const response = await stage.run(produce(stage.connect(), 'orders', 0, zstd(), 7))
    assert.equal(response.errorCode, 0)
  }))

test('a compacted topic rejects a batch with records without key, and names them', () =>
  onStage(
    { topics: { orders: { partitions: 1, config: { 'cleanup.policy': 'compact' } } } },
    async ({ connect, run, cluster }) => {
      const records = [{ key: 'a' }, { key: null }, { key: 'c' }, {}].map((record) => ({
        ...record,
        value: 'x',
      }))
      const response = await run(produce(connect(), 'orders', 0, batchOfRecords(records)))
      assert.equal(response.errorCode, errorNumber.INVALID_RECORD)
      assert.deepEqual(
        response.recordErrors.map((error) => error.batchIndex),
        [1, 3],
      )
      assert.match(response.recordErrors[0]?.batchIndexErrorMessage ?? '', /without key/)
      assert.deepEqual(cluster.records('orders'), [])
      const old = await run(produce(connect(), 'orders', 0, batchOfRecords(records), 7))
      assert.equal(old.errorCode, errorNumber.INVALID_RECORD)
    },
  ))

test('a timestamp more than an hour ahead is INVALID_TIMESTAMP, and names the record', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run, clock }) => {
    const now = clock.wallTime()
    const batch = batchOfRecords([{ timestamp: now }, { timestamp: now + 3_700_000 }])
    const response = await run(produce(connect(), 'orders', 0, batch))
    assert.equal(response.errorCode, errorNumber.INVALID_TIMESTAMP)
    assert.deepEqual(
      response.recordErrors.map((error) => error.batchIndex),
      [1],
    )
  }))

test('with LogAppendTime the response and each record have the time of the append', () =>
  onStage(
    {
      topics: {
        orders: { partitions: 1, config: { 'message.timestamp.type': 'LogAppendTime' } },
      },
    },
    async ({ connect, run, clock, cluster }) => {
      const now = clock.wallTime()
      const response = await run(produce(connect(), 'orders', 0, batchOf(2)))
      assert.deepEqual([response.errorCode, response.logAppendTimeMs], [0, now])
      assert.deepEqual(
        cluster.records('orders').map((record) => record.timestamp),
        [now, now],
      )
    },
  ))

test('a topic, partition or topic id that does not exist has its own error', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run }) => {
    const client = connect()
    const unknown = errorNumber.UNKNOWN_TOPIC_OR_PARTITION
    assert.equal((await run(produce(client, 'nope', 0, batchOf(1)))).errorCode, unknown)
    assert.equal((await run(produce(client, 'orders', 1, batchOf(1)))).errorCode, unknown)
    assert.equal((await run(produce(client, 'orders', -1, batchOf(1)))).errorCode, unknown)
    const byId = await run(
      client.request(produceApi, 13, {
        acks: -1,
        topicData: [
          {
            topicId: Buffer.alloc(16, 7),
            partitionData: [{ index: 0, records: batchOf(1) }],
          },
        ],
      }),
    )
    const response = byId.responses[0]?.partitionResponses[0]
    assert.equal(response?.errorCode, errorNumber.UNKNOWN_TOPIC_ID)
  }))

test('version 13 writes by topic id', () =>
  onStage({ topics: { orders: 1 } }, async ({ cluster, connect, run }) => {
    const client = connect()
    const metadata = await run(client.request(metadataApi, 12, { topics: [{ name: 'orders' }] }))
    const topicId = metadata.topics[0]!.topicId
    const response = await run(
      client.request(produceApi, 13, {
        acks: -1,
        topicData: [{ topicId, partitionData: [{ index: 0, records: batchOf(2) }] }],
      }),
    )
    assert.deepEqual([...response.responses[0]!.topicId], [...topicId])
    assert.equal(response.responses[0]?.partitionResponses[0]?.errorCode, 0)
    assert.equal(cluster.records('orders').length, 2)
  }))

test('a node that does not lead names the leader and its address from version 10', () =>
  onStage({ nodes: 3, topics: { orders: 3 } }, async ({ cluster, connect, run }) => {
    const client = connect(1)
    const response = await run(client.request(produceApi, 10, produceTo('orders', 1, batchOf(1))))
    const partition = response.responses[0]!.partitionResponses[0]!
    const { leader, leaderEpoch } = cluster.partitions('orders')[1]!
    assert.equal(partition.errorCode, errorNumber.NOT_LEADER_OR_FOLLOWER)
    assert.deepEqual(partition.currentLeader, { leaderId: leader, leaderEpoch })
    const { nodeId, host, port } = response.nodeEndpoints[0]!
    assert.deepEqual([nodeId, `${host}:${port}`], [leader, cluster.node(leader).address])
    const old = await run(produce(client, 'orders', 1, batchOf(1), 9))
    assert.equal(old.errorCode, errorNumber.NOT_LEADER_OR_FOLLOWER)
  }))

test('with acks 0 there is no response, and an error closes the connection', () =>
  onStage({ topics: { orders: 1 } }, async ({ cluster, connect, run }) => {
    const client = connect()
    client.request(produceApi, 9, produceTo('orders', 0, batchOf(2), 0)).catch(() => {})
    await run(produce(client, 'orders', 0, batchOf(1)))
    assert.deepEqual(client.responded, [2])
    assert.equal(cluster.records('orders').length, 3)
    client.request(produceApi, 9, produceTo('nope', 0, batchOf(2), 0)).catch(() => {})
    await run(client.closed)
  }))

test('acks other than 0, 1 and -1 are INVALID_REQUIRED_ACKS', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run }) => {
    const response = await run(
      connect().request(produceApi, 9, produceTo('orders', 0, batchOf(1), 2)),
    )
    const partition = response.responses[0]?.partitionResponses[0]
    assert.equal(partition?.errorCode, errorNumber.INVALID_REQUIRED_ACKS)
  }))

test('acks all with fewer living replicas than min.insync.replicas is NOT_ENOUGH_REPLICAS', () =>
  onStage(
    {
      nodes: 3,
      topics: { orders: { partitions: 1, config: { 'min.insync.replicas': '2' } } },
    },
    async ({ cluster, connect, run }) => {
      const client = connect(1)
      await run(cluster.node(2).stop())
      assert.equal((await run(produce(client, 'orders', 0, batchOf(1)))).errorCode, 0)
      await run(cluster.node(3).stop())
      const response = await run(produce(client, 'orders', 0, batchOf(1)))
      assert.equal(response.errorCode, errorNumber.NOT_ENOUGH_REPLICAS)
      const one = await run(client.request(produceApi, 9, produceTo('orders', 0, batchOf(1), 1)))
      assert.equal(one.responses[0]?.partitionResponses[0]?.errorCode, 0)
    },
  ))

test('a transactional batch without a transactional id is rejected as Kafka does', () =>
  onStage({ topics: { orders: 1 } }, async (stage) => {
    const batch = batchOf(1, {
      producerId: 1,
      producerEpoch: 0,
      baseSequence: 0,
      transactional: true,
    })
    const { TRANSACTIONAL_ID_AUTHORIZATION_FAILED: rejected } = errorNumber
    assert.equal(await rejectionOf(stage, batch), rejected)
  }))

test('one bad partition does not keep the others of a request from being written', () =>
  onStage({ topics: { orders: 3 } }, async ({ cluster, connect, run }) => {
    const bad = batchOf(1)
    bad[bad.length - 1]! ^= 1
    const response = await run(
      connect().request(produceApi, 9, {
        acks: -1,
        topicData: [
          {
            name: 'orders',
            partitionData: [
              { index: 0, records: batchOf(1) },
              { index: 1, records: bad },
              { index: 2, records: batchOf(2) },
            ],
          },
        ],
      }),
    )
    assert.deepEqual(
      response.responses[0]?.partitionResponses.map(({ errorCode }) => errorCode),
      [0, errorNumber.CORRUPT_MESSAGE, 0],
    )
    assert.deepEqual(
      cluster.partitions('orders').map(({ endOffset }) => endOffset),
      [1, 0, 2],
    )
  }))
