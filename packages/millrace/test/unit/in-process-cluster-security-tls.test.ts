// TLS at the in-process cluster, on real sockets: who trusts whom, what an untrusted client
// receives, and that a node that stops or hangs takes the connections in their handshake with it.

import assert from 'node:assert/strict'
import { connect as connectPlainly } from 'node:net'
import { after, before, test } from 'node:test'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { TcpStream, tcpTransport } from '../../src/runtime/tcp-transport.ts'
import type { Transport } from '../../src/runtime/transport.ts'
import { startCluster } from '../../src/testing.ts'
import { makeCertificates, type TestCertificates } from '../certificates.ts'
import { batchOf, produce, RawClient } from './in-process-cluster-kit.ts'
import { logInPlainly } from './in-process-cluster-sasl-kit.ts'

let certificates: TestCertificates
before(async () => {
  certificates = await makeCertificates()
})

const sockets: TLSSocket[] = []
after(() => {
  for (const socket of sockets) socket.destroy()
})

const tlsTransport = (options: ConnectionOptions): Transport => ({
  resolve: async (host) => [host],
  connect: ({ host, port }, handler) => {
    const socket = connectTls({ host, port, ...options })
    sockets.push(socket)
    const stream = new TcpStream(socket)
    stream.attach(handler)
    return stream
  },
})

const secureClient = (broker: string, options: ConnectionOptions = {}): RawClient =>
  new RawClient(broker, tlsTransport({ ca: certificates.ca, ...options }))

/** Connects with node:tls alone: the error, or null once the handshake is done. */
const handshakeError = (broker: string, options: ConnectionOptions): Promise<Error | null> =>
  new Promise((resolve) => {
    const [host = '', port = ''] = broker.split(':')
    const socket = connectTls({ host, port: Number(port), ...options })
    socket.once('secureConnect', () => resolve(null))
    socket.once('error', resolve)
    sockets.push(socket)
  })

test('a client that trusts the authority writes over TLS, another does not connect', async () => {
  const { server, ca, otherCa } = certificates
  await using cluster = await startCluster({ nodes: 2, topics: { orders: 1 }, tls: server })
  const client = secureClient(cluster.brokers[0]!)
  const { brokers } = await client.request(metadataApi, 12, { topics: null })
  assert.deepEqual(
    brokers.map(({ host, port }) => `${host}:${port}`),
    cluster.brokers,
  )
  const leader = cluster.node(cluster.partitions('orders')[0]!.leader)
  const writer = secureClient(leader.address)
  const large = batchOf(20_000)
  assert.equal((await produce(writer, 'orders', 0, large)).errorCode, 0)
  assert.equal(cluster.records('orders').length, 20_000)
  const distrust = await handshakeError(cluster.brokers[0]!, { ca: otherCa })
  assert.match(String(distrust), /unable to verify|self-signed/)
  assert.equal(await handshakeError(cluster.brokers[0]!, { ca, servername: 'localhost' }), null)
})

test('certificates for another host and past their end are served to clients', async () => {
  const { wrongHost, expired, ca } = certificates
  await using astray = await startCluster({ tls: wrongHost })
  const mismatch = await handshakeError(astray.brokers[0]!, { ca })
  assert.equal((mismatch as NodeJS.ErrnoException).code, 'ERR_TLS_CERT_ALTNAME_INVALID')
  await using late = await startCluster({ tls: expired })
  const past = await handshakeError(late.brokers[0]!, { ca })
  assert.equal((past as NodeJS.ErrnoException).code, 'CERT_HAS_EXPIRED')
})

test('mutual TLS accepts only certificates that the authority signed', async () => {
  const { server, ca, client, otherClient } = certificates
  const tls = { ...server, ca, requestClientCert: true }
  await using cluster = await startCluster({ topics: { orders: 1 }, tls })
  const known = secureClient(cluster.brokers[0]!, client)
  assert.equal((await produce(known, 'orders', 0, batchOf(1))).errorCode, 0)
  for (const identity of [{}, otherClient]) {
    const untrusted = secureClient(cluster.brokers[0]!, identity)
    const refused = assert.rejects(produce(untrusted, 'orders', 0, batchOf(1)), /closed/)
    await untrusted.closed
    await refused
  }
  assert.equal(cluster.records('orders').length, 1)
})

test('a plaintext client on a TLS port is disconnected, and the cluster continues', async () => {
  await using cluster = await startCluster({ topics: { orders: 1 }, tls: certificates.server })
  const plain = new RawClient(cluster.brokers[0]!, tcpTransport)
  const refused = assert.rejects(produce(plain, 'orders', 0, batchOf(1)), /closed/)
  await plain.closed
  await refused
  const client = secureClient(cluster.brokers[0]!)
  assert.equal((await produce(client, 'orders', 0, batchOf(1))).errorCode, 0)
})

test('a node that stops also closes connections that are still in their handshake', async () => {
  const cluster = await startCluster({ tls: certificates.server })
  const [host = '', port = ''] = cluster.brokers[0]!.split(':')
  const silent = connectPlainly({ host, port: Number(port) })
  await new Promise((resolve) => silent.once('connect', resolve))
  while (cluster.node(1).connections === 0) await new Promise(setImmediate)
  const closed = new Promise((resolve) => silent.once('close', resolve))
  silent.resume()
  silent.once('error', () => {})
  await cluster.close()
  await closed
})

test('at a paused node the TLS handshake waits, and continues with the node', async () => {
  await using cluster = await startCluster({ topics: { orders: 1 }, tls: certificates.server })
  const node = cluster.node(1)
  const early = secureClient(node.address)
  await produce(early, 'orders', 0, batchOf(1))
  node.blackHole(true)
  let isSecure = false
  const handshake = handshakeError(node.address, { ca: certificates.ca }).then(() => {
    isSecure = true
  })
  const late = secureClient(node.address)
  const responses = [early, late].map((client) => produce(client, 'orders', 0, batchOf(1)))
  while (node.connections < 3) await new Promise(setImmediate)
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  assert.equal(isSecure, false)
  assert.equal(cluster.records('orders').length, 1)
  node.blackHole(false)
  await handshake
  for (const { errorCode } of await Promise.all(responses)) assert.equal(errorCode, 0)
  assert.equal(cluster.records('orders').length, 3)
})

test('TLS and SASL together', async () => {
  const sasl = { mechanisms: ['PLAIN'], users: { alice: 'alice-secret' } } as const
  await using cluster = await startCluster({
    topics: { orders: 1 },
    tls: certificates.server,
    sasl,
  })
  const client = secureClient(cluster.brokers[0]!)
  assert.equal((await logInPlainly(client, 'alice', 'alice-secret')).errorCode, 0)
  assert.equal((await produce(client, 'orders', 0, batchOf(1))).errorCode, 0)
  const wrong = secureClient(cluster.brokers[0]!)
  const response = await logInPlainly(wrong, 'alice', 'wrong')
  assert.match(response.errorMessage ?? '', /Invalid username or password/)
  await wrong.closed
})
