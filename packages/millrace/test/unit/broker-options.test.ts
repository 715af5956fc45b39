// The door that users open: startCluster on real sockets, its options, and its end.

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { startCluster } from '../../src/testing.ts'
import { batchOf, produce, RawClient } from './broker-kit.ts'

test('every bad option is named in one error', async () => {
  const options = { nodes: 0, port: 70_000, replicationFactor: 0, partitons: 3 }
  await assert.rejects(startCluster(options), {
    code: 'INVALID_OPTION',
    message: /partitons is no option.*nodes must.*port must.*replicationFactor must/s,
  })
  await assert.rejects(startCluster({ versions: '1.0' as '2.1' }), /versions: 1\.0 is none of 2\.1/)
})

test('a bad topic is refused, and the cluster that had begun is closed', async () => {
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
  const refused = await new Promise<Error>((resolve) => {
    connect({ host, port: Number(port) }).once('error', resolve)
  })
  assert.match(String(refused), /ECONNREFUSED/)
})

test('a port that is taken rejects the start', async () => {
  const first = await startCluster()
  const port = Number(first.brokers[0]!.split(':')[1])
  await assert.rejects(startCluster({ port }), /EADDRINUSE/)
  await first.close()
})

test('a cluster closes itself at the end of its block', async () => {
  let client: RawClient
  {
    await using cluster = await startCluster({ topics: { orders: 1 } })
    client = new RawClient(cluster.brokers[0]!)
    await produce(client, 'orders', 0, batchOf(1))
  }
  await client.closed
})

test('asking for what is not there is a usage error', async () => {
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
