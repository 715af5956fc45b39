// The security of the in-process cluster, judged by others: Java's clients and kcat log in to it as
// to any Kafka, and a real broker is asked the same as it, token by token: both must give the same
// answers in the same words.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { saslHandshakeApi } from '../../src/protocol/api/17-sasl-handshake.ts'
import { apiVersionsApi } from '../../src/protocol/api/18-api-versions.ts'
import { TcpStream, tcpTransport } from '../../src/runtime/tcp-transport.ts'
import type { Transport } from '../../src/runtime/transport.ts'
import { type ClusterSaslOptions, startCluster } from '../../src/testing.ts'
import { RawClient } from '../unit/broker-kit.ts'
import {
  authenticate,
  bearerToken,
  chooseMechanism,
  logInPlainly,
  plainToken,
  scram,
  software,
  unsecuredToken,
} from '../unit/broker-sasl-kit.ts'
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

  it('over TLS, and with a certificate of their own where the cluster wants one', async () => {
    const { server, ca } = files.certificates
    const topics = { orders: 1 }
    await using open = await startCluster({ topics, tls: server })
    await readBack(open.brokers, files.java('SSL'))
    const tls = { ...server, ca, requestClientCert: true }
    await using mutual = await startCluster({ topics, tls })
    await readBack(mutual.brokers, { ...files.java('SSL'), ...files.javaIdentity() })
    const stranger = { ...files.java('SSL'), 'max.block.ms': '3000' }
    const refused = javaProduce({
      brokers: mutual.brokers,
      topic: 'orders',
      records: records.slice(0, 1),
      properties: stranger,
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
    // Java asks for the versions twice on each: before it authenticates and after.
    const connections = (after.ApiVersions! - before.ApiVersions!) / 2
    assert.ok(sessions > connections, `${sessions} sessions on ${connections} connections`)
  })
})

/** A server that both kinds of cluster are asked as. */
interface Server {
  connect(listener: SecureListener): RawClient
}

const tlsTransport = (ca: string): Transport => ({
  resolve: async (host) => [host],
  connect: ({ host, port }, handler) => {
    const stream = new TcpStream(connectTls({ host, port, ca }))
    stream.attach(handler)
    return stream
  },
})

/** What came of an attempt, as a text: an error's number and words, or that it was closed. */
const outcomeOf = async (answer: Promise<object>): Promise<string> => {
  try {
    const fields = (await answer) as Record<string, unknown>
    const { errorCode, errorMessage, mechanisms, authBytes } = fields
    const bytes = authBytes === undefined ? undefined : Buffer.from(authBytes as Uint8Array)
    const names = (mechanisms as string[] | undefined)?.toSorted()
    return JSON.stringify([errorCode, errorMessage, names, bytes?.toString()])
  } catch (error) {
    return (error as Error).message
  }
}

const secondsFromNow = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds

/** Asks a server everything, each on a connection of its own. */
const interview = async ({ connect }: Server): Promise<Record<string, readonly string[]>> => {
  const said: Record<string, readonly string[]> = {}
  const on = async (
    name: string,
    listener: SecureListener,
    ask: (client: RawClient) => Promise<readonly Promise<object>[]>,
  ) => {
    const client = connect(listener)
    const answers = await ask(client)
    said[name] = await Promise.all(answers.map(outcomeOf))
    client.close()
  }
  const plain = (name: string, token: Uint8Array) =>
    on(`PLAIN, ${name}`, 'OPENPLAIN', async (client) => {
      await chooseMechanism(client, 'PLAIN')
      return [authenticate(client, token)]
    })
  await plain('the right password', plainToken(user, password))
  await plain('a wrong password', plainToken(user, 'wrong'))
  await plain('an unknown user', plainToken('nobody', 'wrong'))
  await plain('no user', plainToken('', 'wrong'))
  await plain('no password', plainToken(user, ''))
  await plain('another authorization id', plainToken(user, password, otherUser))
  await plain('too few parts', Buffer.from(user))
  await plain('too many parts', Buffer.from('a\0b\0c\0d'))
  await plain('nothing', Buffer.alloc(0))
  for (const hash of ['sha256', 'sha512'] as const) {
    const mechanism = hash === 'sha256' ? 'SCRAM-SHA-256' : 'SCRAM-SHA-512'
    const attempts = {
      'a wrong password': { user, password: 'wrong' },
      'an unknown user': { user: 'nobody', password },
      'another nonce': { user, password, spoil: (text: string) => text.replace(',r=c', ',r=C') },
      'a spoilt proof': { user, password, spoil: (text: string) => text.replace(/p=.*/, 'p=AA==') },
      nonsense: { user, password, spoil: () => 'nonsense' },
    }
    for (const [name, attempt] of Object.entries(attempts)) {
      await on(`${mechanism}, ${name}`, 'SCRAM', async (client) => {
        await chooseMechanism(client, mechanism)
        return [scram(client, { hash, ...attempt })]
      })
    }
    await on(`${mechanism}, another authorization id`, 'SCRAM', async (client) => {
      await chooseMechanism(client, mechanism)
      return [authenticate(client, Buffer.from(`n,a=bob,n=${user},r=nonce`))]
    })
    await on(`${mechanism}, a channel binding`, 'SCRAM', async (client) => {
      await chooseMechanism(client, mechanism)
      return [authenticate(client, Buffer.from(`y,,n=${user},r=nonce`))]
    })
  }
  const tokens = {
    good: bearerToken(unsecuredToken({ sub: user, exp: secondsFromNow(600) })),
    'of the past': bearerToken(unsecuredToken({ sub: user, exp: secondsFromNow(-600) })),
    'without an end': bearerToken(unsecuredToken({ sub: user })),
    'without a subject': bearerToken(unsecuredToken({ exp: secondsFromNow(600) })),
    'of somebody else': bearerToken(unsecuredToken({ sub: user, exp: secondsFromNow(600) }), 'bob'),
    'that is none': bearerToken('none'),
    'in no shape': Buffer.from('hello'),
  }
  for (const [name, token] of Object.entries(tokens)) {
    await on(`OAUTHBEARER, a token ${name}`, 'OAUTH', async (client) => {
      await chooseMechanism(client, 'OAUTHBEARER')
      const first = authenticate(client, token)
      const isChallenged = await first.then(
        ({ errorCode, authBytes }) => errorCode === 0 && authBytes.length > 0,
        () => false,
      )
      return isChallenged ? [first, authenticate(client, Buffer.from([1]))] : [first]
    })
  }
  const handshake = (client: RawClient, mechanism = 'PLAIN') =>
    client.request(saslHandshakeApi, 1, { mechanism })
  await on('an unknown mechanism', 'OPENPLAIN', async (client) => [handshake(client, 'ROT13')])
  await on('metadata before all', 'OPENPLAIN', async (client) => [
    client.request(metadataApi, 12, { topics: [] }),
  ])
  await on('versions twice', 'OPENPLAIN', async (client) => {
    await client.request(apiVersionsApi, 3, software)
    return [client.request(apiVersionsApi, 3, software)]
  })
  await on('the handshake twice', 'OPENPLAIN', async (client) => {
    await chooseMechanism(client, 'PLAIN')
    return [handshake(client)]
  })
  await on('metadata in place of a token', 'OPENPLAIN', async (client) => {
    await chooseMechanism(client, 'PLAIN')
    return [client.request(metadataApi, 12, { topics: [] })]
  })
  await on('once more when it is done', 'OPENPLAIN', async (client) => {
    await logInPlainly(client, user, password)
    return [handshake(client), authenticate(client, plainToken(user, password))]
  })
  await on('again as the same user', 'REAUTH', async (client) => {
    const { sessionLifetimeMs } = await logInPlainly(client, user, password)
    assert.equal(sessionLifetimeMs, 3000)
    await handshake(client)
    return [authenticate(client, plainToken(user, password)), handshake(client)]
  })
  await on('again as another user', 'REAUTH', async (client) => {
    await logInPlainly(client, user, password)
    await handshake(client)
    return [authenticate(client, plainToken(otherUser, password))]
  })
  await on('again with a wrong password', 'REAUTH', async (client) => {
    await logInPlainly(client, user, password)
    await handshake(client)
    return [authenticate(client, plainToken(user, 'wrong'))]
  })
  return said
}

describe('asked the same, the in-process cluster and a real broker say the same', () => {
  let real: SecureKafka
  before(async () => {
    real = await startSecureKafka()
  })
  after(() => real?.[Symbol.asyncDispose]())

  it('to right and wrong passwords, tokens, and requests at the wrong moment', async () => {
    const { server, ca } = real.certificates
    const secure = tlsTransport(ca)
    const byKafka = await interview({
      connect: (listener) =>
        new RawClient(
          real.kafka.brokersOn(listener)[0]!,
          listener === 'OPENPLAIN' ? tcpTransport : secure,
        ),
    })
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
    const byCluster = await interview({
      connect: (listener) =>
        new RawClient(
          clusters[listener as keyof typeof clusters].brokers[0]!,
          listener === 'OPENPLAIN' ? tcpTransport : secure,
        ),
    })
    for (const cluster of Object.values(clusters)) await cluster.close()
    assert.ok(Object.keys(byKafka).length >= 35)
    assert.deepEqual(byCluster, byKafka)
  })
})
