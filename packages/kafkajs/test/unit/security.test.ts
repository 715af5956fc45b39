// `sasl`, `ssl` and `socketFactory` of kafkajs have the effect that they have there.

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { createSecureContext, type PeerCertificate } from 'node:tls'
import { startCluster } from 'millrace/testing'
import {
  Kafka,
  type KafkaConfig,
  type LogEntry,
  logLevel,
  type Mechanism,
} from '../../src/index.ts'
import { type Identity, makeCertificates } from '../certificates.ts'

const sendWith = async (config: KafkaConfig): Promise<void> => {
  const quiet = { logLevel: logLevel.NOTHING, retry: { retries: 0 } }
  const producer = new Kafka({ ...quiet, ...config }).producer()
  await producer.connect()
  try {
    await producer.send({ topic: 'orders', messages: [{ value: 'x' }] })
  } finally {
    await producer.disconnect()
  }
}

test('credentials are sent as the mechanism requires; wrong ones fail as in kafkajs', async () => {
  await using cluster = await startCluster({
    topics: { orders: 1 },
    sasl: { mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'], users: { alice: 'secret' } },
  })
  const brokers = [...cluster.brokers]
  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    await sendWith({ brokers, sasl: { mechanism, username: 'alice', password: 'secret' } })
    const wrong = { mechanism, username: 'alice', password: 'Secret' }
    await assert.rejects(sendWith({ brokers, sasl: wrong }), {
      name: 'KafkaJSSASLAuthenticationError',
      retriable: false,
    })
  }
  assert.equal(cluster.records('orders').length, 3)
})

/** A provider in kafkajs's form: its messages begin with their length. */
const plainByHand = (password: string, parsed: unknown[]): Mechanism => ({
  mechanism: 'plain',
  authenticationProvider: ({ host, port, logger, saslAuthenticate }) => ({
    authenticate: async () => {
      logger.debug(`authenticating at ${host}:${port}`)
      const text = `\0alice\0${password}`
      const message = Buffer.alloc(4 + text.length)
      message.writeInt32BE(text.length)
      message.write(text, 4)
      const response = {
        decode: (raw: Buffer) => raw.subarray(4, 4 + raw.readInt32BE()),
        parse: (data: Buffer) => data.toString(),
      }
      parsed.push(await saslAuthenticate({ request: { encode: () => message }, response }))
    },
  }),
})

test('an authentication provider of the caller authenticates each connection', async () => {
  await using cluster = await startCluster({
    topics: { orders: 1 },
    sasl: { mechanisms: ['PLAIN'], users: { alice: 'secret' } },
  })
  const brokers = [...cluster.brokers]
  const parsed: unknown[] = []
  await sendWith({ brokers, sasl: plainByHand('secret', parsed) })
  assert.ok(parsed.length > 0 && parsed.every((text) => text === ''))
  await assert.rejects(sendWith({ brokers, sasl: plainByHand('wrong', parsed) }), {
    name: 'KafkaJSSASLAuthenticationError',
    message: /^SASL PLAIN authentication failed/,
  })
  const failing: Mechanism = {
    mechanism: 'PLAIN',
    authenticationProvider: () => ({ authenticate: () => Promise.reject(new Error('no token')) }),
  }
  await assert.rejects(sendWith({ brokers, sasl: failing }), /SASL PLAIN authentication failed/)
  assert.equal(cluster.records('orders').length, 1)
})

test('a socket factory opens the connections', async () => {
  await using cluster = await startCluster({ topics: { orders: 1 } })
  const opened: string[] = []
  await sendWith({
    brokers: [...cluster.brokers],
    socketFactory: ({ host, port, ssl, onConnect }) => {
      opened.push(`${host}:${port} ${ssl}`)
      return connect({ host, port }, onConnect)
    },
  })
  assert.deepEqual([...new Set(opened)], [`${cluster.brokers[0]} undefined`])
})

const tlsCluster = (server: Identity) => startCluster({ topics: { orders: 1 }, tls: server })

/** Sends with this `ssl`, and returns the warnings. */
const warningsOf = async (brokers: readonly string[], ssl: KafkaConfig['ssl']) => {
  const warnings: string[] = []
  const logCreator = () => (entry: LogEntry) => {
    if (entry.label === 'WARN') warnings.push(entry.log.message)
  }
  await sendWith({ brokers: [...brokers], ssl: ssl!, logLevel: logLevel.WARN, logCreator })
  return warnings
}

test('ssl.checkServerIdentity is called, and decides instead of the host name check', async () => {
  const { ca, server, wrongHost } = await makeCertificates()
  await using cluster = await tlsCluster(wrongHost)
  await using rightCluster = await tlsCluster(server)
  const seen: string[] = []
  const accepts = (host: string, { subjectaltname }: PeerCertificate) => {
    seen.push(`${host} ${subjectaltname}`)
    return undefined
  }
  assert.deepEqual(await warningsOf(cluster.brokers, { ca, checkServerIdentity: accepts }), [])
  assert.equal(seen[0], '127.0.0.1 DNS:elsewhere.example')
  // Without a check of the caller's own, Node's is made.
  await assert.rejects(warningsOf(cluster.brokers, { ca }), /does not match certificate/)
  const rejects = () => new Error('not the certificate that was pinned')
  for (const rejectUnauthorized of [true, false]) {
    const ssl = { ca, checkServerIdentity: rejects, rejectUnauthorized }
    await assert.rejects(warningsOf(rightCluster.brokers, ssl), {
      name: 'KafkaJSNumberOfRetriesExceeded',
      message: /not the certificate that was pinned/,
    })
  }
  assert.equal(rightCluster.records('orders').length, 0)
})

test('ssl.rejectUnauthorized: false accepts any certificate, with one warning', async () => {
  const { expired } = await makeCertificates()
  await using cluster = await tlsCluster(expired)
  await assert.rejects(warningsOf(cluster.brokers, true), ({ cause }: Error) => {
    return (cause as Error).name === 'KafkaJSConnectionError'
  })
  const [warning, ...others] = await warningsOf(cluster.brokers, { rejectUnauthorized: false })
  assert.match(warning ?? '', /ssl\.rejectUnauthorized is false.*not authenticated/)
  assert.deepEqual(others, [])
  assert.equal(cluster.records('orders').length, 1)
})

test('every other option of ssl reaches Node, in each of its forms', async () => {
  const { ca, server, client } = await makeCertificates()
  const tls = { ...server, ca, requestClientCert: true }
  await using cluster = await startCluster({ topics: { orders: 1 }, tls })
  const others = { ciphers: 'HIGH', ecdhCurve: 'auto', ALPNProtocols: undefined, port: 1 }
  for (const ssl of [
    { ca, cert: client.cert, key: client.key, ...others },
    { ca: Buffer.from(ca), cert: [client.cert], key: [{ pem: client.key }], passphrase: '' },
    { secureContext: createSecureContext({ ca, ...client }), servername: 'localhost' },
  ]) {
    assert.deepEqual(await warningsOf(cluster.brokers, ssl), [])
  }
  assert.equal(cluster.records('orders').length, 3)
  const old = { ca, ...client, minVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  assert.match((await warningsOf(cluster.brokers, old)).join(), /minVersion permits.*ciphers/)
})

test('invalid settings of security are rejected, with the name of the setting', async () => {
  const brokers = ['127.0.0.1:1']
  const cases: [Omit<KafkaConfig, 'brokers'>, RegExp][] = [
    [{ ssl: { ciphers: 'X' } }, /tls was refused by Node \(ERR_SSL_NO_CIPHER_MATCH\)/],
    [{ ssl: { checkServerIdentity: true } as never }, /checkServerIdentity is not a function/],
    [{ ssl: { ca: ['no-such-file.pem'] } }, /ca.*no-such-file\.pem/],
    [{ sasl: { mechanism: 'gssapi' } as never }, /mechanism must be .*got "gssapi"/],
    [{ sasl: { mechanism: 'aws', accessKeyId: 'a' } as never }, /Missing authorizationIdentity/],
    [{ sasl: { mechanism: 'oauthbearer' } as never }, /oauthBearerProvider/],
  ]
  for (const [config, pattern] of cases) {
    await assert.rejects(sendWith({ brokers, ...config }), pattern)
  }
})
