// The entry point that users open: startCluster on real sockets, its options, and its end.

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { startCluster } from '../../src/testing.ts'
import { batchOf, produce, RawClient } from './in-process-cluster-kit.ts'

test('every bad option is named in one error', async () => {
  const options = { nodes: 0, port: 70_000, replicationFactor: 0, partitons: 3 }
  await assert.rejects(startCluster(options), {
    code: 'INVALID_OPTION',
    message: /Unknown option partitons.*nodes must.*port must.*replicationFactor must/s,
  })
  const unknown = startCluster({ versions: '0.9' as '2.1' })
  const racks = startCluster({ nodes: 2, racks: ['a'] })
  await assert.rejects(racks, /racks must be a list of 2 strings.*got \["a"\]/)
  await assert.rejects(unknown, /versions must be one of 1\.0, .*, got 0\.9/)
})

test('a bad topic is rejected, and the cluster that had begun is closed', async () => {
  await assert.rejects(startCluster({ topics: { 'a b': 1 } }), { code: 'INVALID_ARGUMENT' })
  const config = { 'max.message.bytes': 'many', 'cleanup.policy': 'burn' }
  await assert.rejects(
    startCluster({ topics: { a: { config } } }),
    /max\.message\.bytes must.*cleanup\.policy must/s,
  )
})

test('nodes listen on loopback, each at a port of its own, and close() frees it', async () => {
  const cluster = await startCluster({ nodes: 3, topics: { orders: 3 } })
  assert.equal(new Set(cluster.brokers).size, 3)
  for (const broker of cluster.brokers) assert.match(broker, /^127\.0\.0\.1:\d+$/)
  const client = new RawClient(cluster.brokers[0]!)
  assert.equal((await produce(client, 'orders', 0, batchOf(3))).errorCode, 0)
  assert.equal(cluster.node(1).connections, 1)
  assert.equal(cluster.records('orders').length, 3)
  const closing = cluster.close()
  assert.equal(cluster.close(), closing, 'twice is the same promise')
  await closing
  await client.closed
  const [host, port] = cluster.brokers[0]!.split(':') as [string, string]
  const rejected = await new Promise<Error>((resolve) => {
    connect({ host, port: Number(port) }).once('error', resolve)
  })
  assert.match(String(rejected), /ECONNREFUSED/)
})

test('a port that is taken rejects the start', async () => {
  const first = await startCluster()
  const port = Number(first.brokers[0]!.split(':')[1])
  await assert.rejects(startCluster({ port }), /EADDRINUSE/)
  await first.close()
})

test('a node does not start after its cluster was closed, or while it closes', async () => {
  const cluster = await startCluster({ nodes: 2 })
  const closed = { code: 'INVALID_STATE', message: /its cluster was closed/ }
  await cluster.node(1).stop()
  const starting = cluster.node(1).start()
  const closing = cluster.close()
  await assert.rejects(starting, closed)
  await closing
  await assert.rejects(cluster.node(2).start(), closed)
  assert.deepEqual([cluster.node(1).running, cluster.node(2).running], [false, false])
})

test('`await using` closes a cluster at the end of its block', async () => {
  let client: RawClient
  {
    await using cluster = await startCluster({ topics: { orders: 1 } })
    client = new RawClient(cluster.brokers[0]!)
    await produce(client, 'orders', 0, batchOf(1))
  }
  await client.closed
})

test('a request for a missing node, topic or fault is a usage error', async () => {
  await using cluster = await startCluster({ topics: { orders: 1 } })
  const usage = { code: 'INVALID_ARGUMENT' }
  assert.throws(() => cluster.records('nope'), usage)
  assert.throws(() => cluster.node(2), usage)
  assert.throws(() => cluster.moveLeader('orders', 5, 1), usage)
  assert.throws(() => cluster.createTopic('orders'), usage)
  assert.throws(() => cluster.deleteTopic('nope'), usage)
  assert.throws(() => cluster.moveLeader('orders', 0, 9), usage)
  await assert.rejects(cluster.node(1).start(), { code: 'INVALID_STATE' })
  await cluster.node(1).stop()
  assert.throws(() => cluster.moveLeader('orders', 0, 1), { code: 'INVALID_STATE' })
})
