// Faults on purpose: each kind, what it applies to, and how often.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { produceApi } from '../../src/protocol/api/00-produce.ts'
import { fetchApi } from '../../src/protocol/api/01-fetch.ts'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { findCoordinatorApi } from '../../src/protocol/api/10-find-coordinator.ts'
import { apiVersionsApi } from '../../src/protocol/api/18-api-versions.ts'
import { initProducerIdApi } from '../../src/protocol/api/22-init-producer-id.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { batchOf, onStage, produce, produceTo, type Stage } from './in-process-cluster-kit.ts'

const topics = { orders: 2, other: 1 }

const codes = async ({ run, connect }: Stage, topic: string, partition: number, count = 1) => {
  const client = connect()
  const got: number[] = []
  for (let index = 0; index < count; index++) {
    got.push((await run(produce(client, topic, partition, batchOf(1)))).errorCode)
  }
  return got
}

test('an error before the write leaves nothing in the log, after it the record is there', () =>
  onStage({ topics }, async (stage) => {
    const { cluster } = stage
    const error = 'REQUEST_TIMED_OUT'
    cluster.fault({ api: 'Produce', error })
    assert.deepEqual(await codes(stage, 'orders', 0, 2), [7, 0])
    assert.equal(cluster.records('orders').length, 1)
    cluster.fault({ api: 'Produce', error, at: 'after' })
    assert.deepEqual(await codes(stage, 'orders', 0, 2), [7, 0])
    assert.equal(cluster.records('orders').length, 3)
  }))

test('a fault applies as often as its count says, and counts its hits', () =>
  onStage({ topics }, async (stage) => {
    const fault = stage.cluster.fault({ api: 'Produce', error: 56, count: 2 })
    assert.deepEqual(await codes(stage, 'orders', 0, 4), [56, 56, 0, 0])
    assert.equal(fault.hits, 2)
  }))

test('a fault without a count applies until it is removed', () =>
  onStage({ topics }, async (stage) => {
    const fault = stage.cluster.fault({
      api: 'Produce',
      error: 56,
      count: Number.POSITIVE_INFINITY,
    })
    assert.deepEqual(await codes(stage, 'orders', 0, 5), [56, 56, 56, 56, 56])
    fault.remove()
    fault.remove()
    assert.deepEqual(await codes(stage, 'orders', 0, 1), [0])
    assert.equal(fault.hits, 5)
  }))

test('topic, partition, node, api and a predicate choose what a fault applies to', () =>
  onStage({ nodes: 2, topics }, async (stage) => {
    const { cluster, connect, run } = stage
    cluster.fault({ api: 'Fetch', error: 56 })
    cluster.fault({ node: 2, api: 'Produce', error: 56 })
    cluster.fault({ topic: 'other', error: 56, api: 'Produce' })
    cluster.fault({ topic: 'orders', partition: 1, error: 56, api: 'Produce' })
    cluster.fault({ api: 'Produce', error: 57, when: (request) => request.version === 5 })
    assert.deepEqual(await codes(stage, 'orders', 0, 2), [0, 0])
    const response = await run(produce(connect(), 'orders', 0, batchOf(1), 5))
    assert.equal(response.errorCode, 57)
    cluster.removeFaults()
    assert.deepEqual(await codes(stage, 'orders', 0), [0])
  }))

test('of several partitions in a request only the named one fails', () =>
  onStage({ topics }, async ({ cluster, connect, run }) => {
    cluster.fault({ topic: 'orders', partition: 1, error: 'NOT_ENOUGH_REPLICAS' })
    const response = await run(
      connect().request(produceApi, 9, {
        acks: -1,
        topicData: [
          {
            name: 'orders',
            partitionData: [0, 1].map((index) => ({ index, records: batchOf(1) })),
          },
        ],
      }),
    )
    const got = response.responses[0]?.partitionResponses.map(({ errorCode }) => errorCode)
    assert.deepEqual(got, [0, errorNumber.NOT_ENOUGH_REPLICAS])
  }))

test('a fault that names the topic applies to a request by topic id', () =>
  onStage({ topics }, async ({ cluster, connect, run }) => {
    const client = connect()
    const metadata = await run(client.request(metadataApi, 12, { topics: [{ name: 'orders' }] }))
    cluster.fault({ topic: 'orders', error: 56 })
    const response = await run(
      client.request(produceApi, 13, {
        acks: -1,
        topicData: [
          {
            topicId: metadata.topics[0]!.topicId,
            partitionData: [{ index: 0, records: batchOf(1) }],
          },
        ],
      }),
    )
    assert.equal(response.responses[0]?.partitionResponses[0]?.errorCode, 56)
  }))

test('a connection closed before or after the write sends no response', () =>
  onStage({ topics }, async ({ cluster, connect, run }) => {
    cluster.fault({ api: 'Produce', close: true })
    await assert.rejects(run(produce(connect(), 'orders', 0, batchOf(1))), /closed/)
    assert.equal(cluster.records('orders').length, 0)
    cluster.fault({ api: 'Produce', close: true, at: 'after' })
    await assert.rejects(run(produce(connect(), 'orders', 0, batchOf(1))), /closed/)
    assert.equal(cluster.records('orders').length, 1)
  }))

test('a request dropped before it was carried out blocks all later ones', () =>
  onStage({ topics }, async ({ cluster, connect, clock, run }) => {
    cluster.fault({ api: 'Produce', drop: true })
    const client = connect()
    produce(client, 'orders', 0, batchOf(1)).catch(() => {})
    produce(client, 'orders', 0, batchOf(1)).catch(() => {})
    await clock.advance(60_000)
    assert.deepEqual([client.waiting, cluster.records('orders').length], [2, 0])
    assert.equal((await run(produce(connect(), 'orders', 0, batchOf(1)))).errorCode, 0)
  }))

test('a dropped response drops the later ones, but all is written', () =>
  onStage({ topics }, async ({ cluster, connect, clock }) => {
    cluster.fault({ api: 'Produce', drop: true, at: 'after' })
    const client = connect()
    produce(client, 'orders', 0, batchOf(1)).catch(() => {})
    produce(client, 'orders', 0, batchOf(1)).catch(() => {})
    await clock.advance(60_000)
    assert.deepEqual([client.waiting, cluster.records('orders').length], [2, 2])
  }))

test('a delay holds the request or its response, and the later ones', () =>
  onStage({ topics }, async ({ cluster, connect, clock, run }) => {
    cluster.fault({ api: 'Produce', delayMs: 300 })
    const client = connect()
    const slow = produce(client, 'orders', 0, batchOf(1))
    const behind = client.request(metadataApi, 9, { topics: [] })
    await clock.advance(299)
    assert.deepEqual([client.waiting, cluster.records('orders').length], [2, 0])
    await run(Promise.all([slow, behind]))
    assert.equal(clock.now(), 300)
    cluster.fault({ api: 'Produce', delayMs: 200, at: 'after' })
    const late = produce(client, 'orders', 0, batchOf(1))
    await clock.advance(199)
    assert.deepEqual([client.waiting, cluster.records('orders').length], [1, 2])
    await run(late)
    assert.equal(clock.now(), 500)
  }))

test('a delay and an error go together', () =>
  onStage({ topics }, async ({ cluster, connect, clock, run }) => {
    cluster.fault({ api: 'Produce', delayMs: 50, error: 'KAFKA_STORAGE_ERROR' })
    const response = await run(produce(connect(), 'orders', 0, batchOf(1)))
    assert.deepEqual([response.errorCode, clock.now()], [56, 50])
  }))

test('a throttled client gets its response at once, and its next request waits', () =>
  onStage({ topics }, async ({ cluster, connect, clock, run }) => {
    cluster.fault({ api: 'Produce', throttleMs: 400 })
    const client = connect()
    const request = produceTo('orders', 0, batchOf(1))
    const first = await run(client.request(produceApi, 9, request))
    assert.deepEqual([first.throttleTimeMs, clock.now()], [400, 0])
    const second = client.request(metadataApi, 9, { topics: [] })
    await clock.advance(399)
    assert.equal(client.waiting, 1)
    await run(second)
    assert.equal(clock.now(), 400)
  }))

test('a connection that is closed during a delay forgets its request', () =>
  onStage({ topics }, async ({ cluster, connect, clock, run }) => {
    cluster.fault({ api: 'Produce', delayMs: 300 })
    const client = connect()
    produce(client, 'orders', 0, batchOf(1)).catch(() => {})
    await clock.advance(100)
    client.close()
    await run(client.closed)
    await clock.advance(1000)
    assert.deepEqual([cluster.records('orders').length, clock.pendingTimers], [0, 0])
  }))

test('not-leader by a fault names the leader only where that is another node', () =>
  onStage({ nodes: 2, topics }, async ({ cluster, connect, run }) => {
    const count = Number.POSITIVE_INFINITY
    cluster.fault({ api: 'Produce', error: 'NOT_LEADER_OR_FOLLOWER', count })
    const onLeader = await run(produce(connect(1), 'orders', 0, batchOf(1)))
    assert.equal(onLeader.errorCode, errorNumber.NOT_LEADER_OR_FOLLOWER)
    assert.equal(onLeader.currentLeader.leaderId, -1)
    const elsewhere = await run(produce(connect(2), 'orders', 0, batchOf(1)))
    assert.equal(elsewhere.currentLeader.leaderId, 1)
  }))

test('metadata, coordinators, producer ids and versions fail as a whole or by topic', () =>
  onStage({ topics }, async ({ cluster, connect, run }) => {
    const client = connect()
    cluster.fault({ api: 'Metadata', topic: 'orders', error: 'LEADER_NOT_AVAILABLE' })
    const metadata = await run(client.request(metadataApi, 9, { topics: null }))
    assert.deepEqual(
      metadata.topics.map(({ name, errorCode }) => [name, errorCode]),
      [
        ['orders', 5],
        ['other', 0],
      ],
    )
    cluster.fault({ api: 'InitProducerId', error: 'COORDINATOR_LOAD_IN_PROGRESS' })
    const identity = () => run(client.request(initProducerIdApi, 4, { transactionalId: null }))
    assert.equal((await identity()).errorCode, 14)
    assert.equal((await identity()).errorCode, 0)
    for (const version of [3, 4]) {
      cluster.fault({ api: 'FindCoordinator', error: 'COORDINATOR_NOT_AVAILABLE' })
      const keys = version === 3 ? { key: 'g' } : { coordinatorKeys: ['g'] }
      const found = await run(client.request(findCoordinatorApi, version, keys))
      assert.equal(version === 3 ? found.errorCode : found.coordinators[0]?.errorCode, 15)
    }
    cluster.fault({ api: 'ApiVersions', error: 'UNKNOWN_SERVER_ERROR' })
    assert.equal((await run(client.request(apiVersionsApi, 3, {}))).errorCode, -1)
  }))

test('a fault for one partition applies to a request that names the whole topic', () =>
  onStage({ topics }, async ({ cluster, connect, run }) => {
    cluster.fault({ topic: 'orders', partition: 1, error: 'LEADER_NOT_AVAILABLE' })
    const request = { topics: [{ name: 'orders' }] }
    const response = await run(connect().request(metadataApi, 9, request))
    assert.equal(response.topics[0]?.errorCode, errorNumber.LEADER_NOT_AVAILABLE)
  }))

test('REBOOTSTRAP_REQUIRED fails a Metadata response as a whole, from version 13', () =>
  onStage({ topics }, async ({ cluster, connect, run }) => {
    cluster.fault({ api: 'Metadata', error: 'REBOOTSTRAP_REQUIRED' })
    const response = await run(connect().request(metadataApi, 13, { topics: null }))
    assert.deepEqual([response.errorCode, response.brokers], [129, []])
  }))

test('Fetch fails by partition', () =>
  onStage({ topics }, async ({ cluster, connect, run }) => {
    cluster.fault({ api: 'Fetch', topic: 'orders', partition: 1, error: 'KAFKA_STORAGE_ERROR' })
    const partition = { fetchOffset: 0, partitionMaxBytes: 1 }
    const response = await run(
      connect().request(fetchApi, 11, {
        maxWaitMs: 1000,
        minBytes: 1,
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
      response.responses[0]?.partitions.map(({ errorCode }) => errorCode),
      [0, 56],
    )
  }))

test('an invalid rule is rejected, and the error names every problem', () =>
  onStage({}, async ({ cluster }) => {
    assert.throws(() => cluster.fault({ api: 'Produse', count: 0, delayMs: -1 }), {
      code: 'INVALID_ARGUMENT',
      message: /api must be.*got "Produse".*count must.*got 0.*delayMs must.*got -1/s,
    })
    assert.throws(() => cluster.fault({ api: 'Produce' }), /one of error, drop, close/)
    assert.throws(() => cluster.fault({ error: 'NO_SUCH_ERROR' }), /NO_SUCH_ERROR/)
    assert.throws(() => cluster.fault({ error: 0 }), /Kafka error, got 0/)
  }))

test('what a predicate throws ends that connection, and comes out of close()', async () => {
  await assert.rejects(
    onStage({ topics }, async ({ cluster, connect, run }) => {
      const when = () => {
        throw new Error('my own mistake')
      }
      cluster.fault({ api: 'Produce', error: 56, when })
      await assert.rejects(run(produce(connect(), 'orders', 0, batchOf(1))), /closed/)
    }),
    (error: Error) => error.cause instanceof Error && error.cause.message === 'my own mistake',
  )
})

test('each request is counted and passed to listeners before it is carried out', () =>
  onStage({ topics }, async ({ cluster, connect, run }) => {
    const seen: string[] = []
    const stop = cluster.onRequest(({ api, node, version, clientId, targets }) => {
      const { endOffset } = cluster.partitions('orders')[0]!
      const names = targets.map(({ topic, partition }) => `${topic}-${partition}`)
      seen.push([api, node, version, clientId, ...names, endOffset].join(' '))
    })
    await run(produce(connect(), 'orders', 0, batchOf(1), 9))
    stop()
    await run(produce(connect(), 'orders', 0, batchOf(1), 9))
    assert.deepEqual(seen, ['Produce 1 9 raw orders-0 0'])
    assert.equal(cluster.requests.Produce, 2)
    assert.equal(cluster.requests.Fetch, 0)
  }))
