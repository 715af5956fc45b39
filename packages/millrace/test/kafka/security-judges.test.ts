// The security of the in-process cluster, judged by others: Java's clients and kcat log in to it as
// to any Kafka, and a real broker receives the same requests, token by token: both must give the
// same responds in the same words.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { TcpStream, tcpTransport } from '../../src/runtime/tcp-transport.ts'
import type { Transport } from '../../src/runtime/transport.ts'
import { type ClusterSaslOptions, startCluster } from '../../src/testing.ts'
import { RawClient } from '../unit/in-process-cluster-kit.ts'
import { javaConsume, javaProduce, kcatConsume, kcatProduce } from './fixture/index.ts'
import {
  makeSecurityFiles,
  otherUser,
  password,
  type SecureKafka,
  type SecureListener,
  type SecurityFiles,
  startSecureKafka,
  user,
} from './fixture/secure-kafka.ts'
import { interview } from './sasl-interview.ts'

const users = { [user]: password, [otherUser]: password }

describe("Java's clients and kcat log in to the in-process cluster", () => {
  let files: SecurityFiles
  before(async () => {
    files = await makeSecurityFiles()
  })
  after(() => files?.[Symbol.asyncDispose]())

  const records = Array.from({ length: 50 }, (_, index) => ({ key: 'k', value: `${index}` }))
  const readBack = async (brokers: readonly string[], properties: Record<string, string>) => {
    const topic = 'orders'
    await javaProduce({ brokers, topic, records, properties })
    const found = await javaConsume({ brokers, topic, properties })
    assert.deepEqual(
      found.map(({ value }) => String(value)),
      records.map(({ value }) => value),
    )
  }

  it('over TLS, and with a client certificate if the cluster requires one', async () => {
    const { server, ca } = files.certificates
    const topics = { orders: 1 }
    await using open = await startCluster({ topics, tls: server })
    await readBack(open.brokers, files.java('SSL'))
    const tls = { ...server, ca, requestClientCert: true }
    await using mutual = await startCluster({ topics, tls })
    await readBack(mutual.brokers, { ...files.java('SSL'), ...files.javaIdentity() })
    const withoutCertificate = { ...files.java('SSL'), 'max.block.ms': '3000' }
    const refused = javaProduce({
      brokers: mutual.brokers,
      topic: 'orders',
      records: records.slice(0, 1),
      properties: withoutCertificate,
    })
    await assert.rejects(refused, /Ssl|Timeout/)
  })

  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const) {
    it(`by ${mechanism} over TLS; a wrong password is refused`, async () => {
      await using cluster = await startCluster({
        topics: { orders: 1 },
        tls: files.certificates.server,
        sasl: { mechanisms: [mechanism], users },
      })
      const { brokers } = cluster
      const principals = new Set<string | null>()
      cluster.onRequest(({ api, principal }) => {
        if (api === 'Produce' || api === 'Fetch') principals.add(principal)
      })
      const properties = files.java('SASL_SSL', mechanism)
      await readBack(brokers, properties)
      assert.deepEqual([...principals], [user])
      if (mechanism === 'OAUTHBEARER') return
      cluster.setPassword(user, 'changed')
      const one = records.slice(0, 1)
      const refused = javaProduce({ brokers, topic: 'orders', records: one, properties })
      await assert.rejects(refused, /SaslAuthenticationException.*Authentication failed/)
    })
  }

  it('kcat by PLAIN over TLS, and Java again and again while its sessions are short', async () => {
    const sasl: ClusterSaslOptions = { mechanisms: ['PLAIN'], users, sessionLifetimeMs: 1500 }
    const tls = files.certificates.server
    await using cluster = await startCluster({ topics: { orders: 1 }, tls, sasl })
    const { brokers } = cluster
    const target = { brokers, topic: 'orders', properties: files.kcat('SASL_SSL', 'PLAIN') }
    await kcatProduce(target, records)
    assert.equal((await kcatConsume(target)).length, records.length)
    const before = cluster.requests
    // Java stays connected for a few sessions while its requests are slow.
    cluster.fault({ api: 'Produce', delayMs: 900, count: 4 })
    const properties = {
      ...files.java('SASL_SSL', 'PLAIN'),
      'max.in.flight.requests.per.connection': '1',
      'batch.size': '1',
    }
    await javaProduce({ brokers, topic: 'orders', records: records.slice(0, 6), properties })
    assert.equal(cluster.records('orders').length, records.length + 6)
    const after = cluster.requests
    const sessions = after.SaslHandshake! - before.SaslHandshake!
    // Java requests the versions twice on each: before it authenticates and after.
    const connections = (after.ApiVersions! - before.ApiVersions!) / 2
    assert.ok(sessions > connections, `${sessions} sessions on ${connections} connections`)
  })
})

const tlsTransport = (ca: string): Transport => ({
  resolve: async (host) => [host],
  connect: ({ host, port }, handler) => {
    const stream = new TcpStream(connectTls({ host, port, ca }))
    stream.attach(handler)
    return stream
  },
})

describe('for the same requests, the in-process cluster and a real broker respond the same', () => {
  let real: SecureKafka
  before(async () => {
    real = await startSecureKafka()
  })
  after(() => real?.[Symbol.asyncDispose]())

  it('to right and wrong passwords, tokens, and requests at the wrong moment', async () => {
    const { server, ca } = real.certificates
    const secure = tlsTransport(ca)
    const connect = (broker: string, listener: SecureListener) =>
      new RawClient(broker, listener === 'OPENPLAIN' ? tcpTransport : secure)
    const byKafka = await interview((listener) =>
      connect(real.kafka.brokersOn(listener)[0]!, listener),
    )
    const sasl = (mechanisms: ClusterSaslOptions['mechanisms'], sessionLifetimeMs?: number) =>
      startCluster({
        sasl: { mechanisms, users, ...(sessionLifetimeMs && { sessionLifetimeMs }) },
        ...(mechanisms[0] === 'PLAIN' && sessionLifetimeMs === undefined ? {} : { tls: server }),
      })
    const clusters = {
      OPENPLAIN: await sasl(['PLAIN']),
      SCRAM: await sasl(['SCRAM-SHA-256', 'SCRAM-SHA-512']),
      OAUTH: await sasl(['OAUTHBEARER']),
      REAUTH: await sasl(['PLAIN'], 3000),
    }
    const byCluster = await interview((listener) =>
      connect(clusters[listener as keyof typeof clusters].brokers[0]!, listener),
    )
    for (const cluster of Object.values(clusters)) await cluster.close()
    assert.ok(Object.keys(byKafka).length >= 35)
    assert.deepEqual(byCluster, byKafka)
  })
})
