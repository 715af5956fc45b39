// diagnose() on TLS, on SASL, on servers that are not Kafka, and on the test record: against the
// in-process cluster over TCP, and against other servers.

import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { connect, createServer as createTcpServer } from 'node:net'
import { before, describe, it } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { inspect } from 'node:util'
import { diagnose, type ProducerOptions } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { type ClusterOptions, startCluster, type TestCluster } from '../../src/testing.ts'
import { makeCertificates, makeSelfSigned, type TestCertificates } from '../certificates.ts'
import { assertFails, assertGreen, rowsOf, sshServer, withServer } from './diagnose-kit.ts'
import { unsecuredToken } from './in-process-cluster-sasl-kit.ts'
import { Remembering } from './security-kit.ts'

let certificates: TestCertificates

before(async () => {
  certificates = await makeCertificates()
})

const check = (brokers: string | readonly string[], options: Partial<ProducerOptions> = {}) =>
  diagnose({ brokers, logger: silentLogger, connectTimeoutMs: 5000, ...options })

const withCluster = async (
  options: ClusterOptions,
  body: (cluster: TestCluster, brokers: readonly string[]) => Promise<void>,
) => {
  await using cluster = await startCluster({ nodes: 1, topics: { orders: 3 }, ...options })
  await body(cluster, cluster.brokers)
}

const plain = 'dns tcp api-versions'
const secure = 'dns tcp tls api-versions'

describe('a diagnosis of TLS', () => {
  it('with valid settings succeeds, with and without a certificate of the client', async () => {
    const { ca, server, client } = certificates
    await withCluster({ tls: server }, async (_cluster, brokers) => {
      assertGreen(await check(brokers, { tls: { ca } }), `${secure} metadata listener`)
    })
    await withCluster({ tls: { ...server, ca, requestClientCert: true } }, async (_, brokers) => {
      const tls = { ca, ...client }
      assertGreen(await check(brokers, { tls }), `${secure} metadata listener`)
    })
  })

  it('of an unknown authority names it', async () => {
    const { server, otherCa } = certificates
    await withCluster({ tls: server }, async (_cluster, brokers) => {
      const unknown = await check(brokers, { tls: true })
      assertFails(unknown, 'tls', /certificate of the authority 'CN=Test CA' as tls\.ca\.$/)
      assert.equal(rowsOf(unknown), 'dns tcp tls!')
      const other = await check(brokers, { tls: { ca: otherCa } })
      assertFails(other, 'tls', /'CN=Test CA' as tls\.ca: the tls\.ca that was passed is another/)
    })
  })

  it('of a self-signed certificate says so', async () => {
    await withCluster({ tls: await makeSelfSigned() }, async (_cluster, brokers) => {
      const diagnosis = await check(brokers, { tls: true })
      assertFails(
        diagnosis,
        'tls',
        /own certificate \(CN=self-signed\) as tls\.ca.*self-signed, or/,
      )
    })
  })

  it('of a certificate for another host names its names', async () => {
    const { ca, wrongHost } = certificates
    await withCluster({ tls: wrongHost }, async (_cluster, brokers) => {
      const remedy = /tls\.serverName.* for 127\.0\.0\.1: .* is for DNS:elsewhere\.example\.$/
      assertFails(await check(brokers, { tls: { ca } }), 'tls', remedy)
      const serverName = 'elsewhere.example'
      const fixed = await check(brokers, { tls: { ca, serverName } })
      assertGreen(fixed, `${secure} metadata listener`)
    })
  })

  it('of an advertised address that is not in the certificate says what to advertise', async () => {
    const { ca, wrongHost } = certificates
    await withCluster({ tls: wrongHost }, async (_cluster, [broker = '']) => {
      const port = Number(broker.split(':')[1])
      const diagnosis = await check(`elsewhere.example:${port}`, {
        tls: { ca },
        socketFactory: () => connect({ host: '127.0.0.1', port }),
      })
      const remedy = /^Set advertised\.listeners of node 1 to one of its names.*elsewhere\.example/
      assertFails(diagnosis, 'listener', remedy)
    })
  })

  it('of a certificate that has expired names its dates', async () => {
    const { ca, expired } = certificates
    await withCluster({ tls: expired }, async (_cluster, brokers) => {
      const diagnosis = await check(brokers, { tls: { ca } })
      const remedy = /that is valid now.* CN=localhost is valid from .+ GMT to .+ GMT\.$/
      assertFails(diagnosis, 'tls', remedy)
    })
  })

  it('of a broker that requires a client certificate says so', async () => {
    const { ca, server } = certificates
    await withCluster({ tls: { ...server, ca, requestClientCert: true } }, async (_, brokers) => {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        const diagnosis = await check(brokers, { tls: { ca, maxVersion } })
        assertFails(diagnosis, 'tls', /^Pass tls\.cert .*the broker requires a client cert/)
      }
    })
  })

  it('that has no version in common says so', async () => {
    const { ca, server } = certificates
    const newest = createTlsServer({ ...server, minVersion: 'TLSv1.3' })
    await withServer(newest, async (broker) => {
      const diagnosis = await check(broker, { tls: { ca, maxVersion: 'TLSv1.2' } })
      assertFails(diagnosis, 'tls', /tls\.minVersion and tls\.maxVersion.*no version of TLS/)
    })
  })

  it('on a plaintext port says so', async () => {
    await withCluster({}, async (_cluster, brokers) => {
      const diagnosis = await check(brokers, { tls: true })
      assertFails(diagnosis, 'tls', /^Remove tls.* speaks Kafka without TLS\.$/)
    })
  })

  it('that is not configured on a TLS port says so, and names the authority', async () => {
    await withCluster({ tls: certificates.server }, async (_cluster, brokers) => {
      const diagnosis = await check(brokers)
      assertFails(
        diagnosis,
        'tls',
        /^Set the option tls.* expects TLS, with a certificate that 'CN=Test CA' signed\.$/,
      )
      assert.equal(rowsOf(diagnosis), 'dns tcp tls!')
    })
  })

  it('that is not configured is found by a second connection if the server closes', async () => {
    const { server } = certificates
    const strict = createTlsServer(server)
    // Without the alert that OpenSSL sends: some servers hang up in silence.
    const silent = createTcpServer((socket) => {
      socket.once('data', (bytes: Buffer) => {
        if (bytes[0] !== 0x16) socket.destroy()
        else {
          socket.pause()
          socket.unshift(bytes)
          strict.emit('connection', socket)
        }
      })
    })
    await withServer(silent, async (broker) => {
      const remedy =
        /^Set the option tls, .* expects TLS, with a certificate that 'CN=Test CA' signed/
      assertFails(await check(broker), 'tls', remedy)
    })
  })
})

describe('a diagnosis of a wrong port', () => {
  it('where a web server responds names it, with TLS and without', async () => {
    const { ca, server } = certificates
    const remedy = /port of a Kafka listener .*a web server responds at 127\.0\.0\.1/
    await withServer(createHttpServer(), async (broker) => {
      assertFails(await check(broker), 'api-versions', remedy)
      assertFails(await check(broker, { tls: { ca } }), 'tls', remedy)
    })
    await withServer(createHttpsServer(server), async (broker) => {
      assertFails(await check(broker, { tls: { ca } }), 'api-versions', remedy)
    })
  })

  it('where an SSH server responds names it, with TLS and without', async () => {
    await withServer(sshServer(), async (broker) => {
      assertFails(await check(broker), 'api-versions', /an SSH server responds at/)
      assertFails(await check(broker, { tls: true }), 'tls', /an SSH server responds at/)
    })
  })

  it('that the socket factory cannot open is reported as its failure', async () => {
    const socketFactory = () => Promise.reject(new Error('the proxy responded 403'))
    const diagnosis = await check('broker:9092', { socketFactory })
    const row = assertFails(
      diagnosis,
      'tcp',
      /socketFactory: it opened no connection to broker:9092/,
    )
    assert.match(row.detail, /the proxy responded 403/)
  })
})

const password = 'correct-horse-7f3a'
const login = (mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512', secret = password) => ({
  sasl: { mechanism, username: 'alice', password: secret },
})
const scram = {
  mechanisms: ['SCRAM-SHA-256', 'SCRAM-SHA-512'],
  users: { alice: password },
} as const

describe('a diagnosis of SASL', () => {
  it('with valid credentials succeeds by every mechanism, and on TLS', async () => {
    const { ca, server } = certificates
    const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
    const sasl = { mechanisms, users: { alice: password } }
    const rows = 'api-versions sasl metadata listener produce'
    await withCluster({ sasl, tls: server }, async (cluster, brokers) => {
      for (const mechanism of mechanisms) {
        const options = { brokers, tls: { ca }, ...login(mechanism), logger: silentLogger }
        const diagnosis = await diagnose(options, { produceTo: 'orders' })
        assertGreen(diagnosis, `dns tcp tls ${rows}`)
        assert.match(diagnosis.steps[4]?.detail ?? '', new RegExp(`by ${mechanism}$`))
      }
      assert.equal(cluster.records('orders').length, 3)
    })
  })

  it('that is not configured names the mechanisms of the listener', async () => {
    await withCluster({ sasl: scram }, async (_cluster, brokers) => {
      const diagnosis = await check(brokers)
      const remedy = /^Set the option sasl.*: SCRAM-SHA-256, SCRAM-SHA-512\.$/
      assertFails(diagnosis, 'sasl', remedy)
      assert.equal(rowsOf(diagnosis), `${plain} sasl!`)
    })
  })

  it('that the broker does not have names those that it has', async () => {
    await withCluster({ sasl: scram }, async (_cluster, brokers) => {
      const diagnosis = await check(brokers, login('PLAIN'))
      assertFails(diagnosis, 'sasl', /instead of PLAIN: SCRAM-SHA-256, SCRAM-SHA-512\.$/)
    })
  })

  it('on a listener without it says to remove the option', async () => {
    await withCluster({}, async (_cluster, brokers) => {
      const diagnosis = await check(brokers, login('SCRAM-SHA-256'))
      assertFails(diagnosis, 'sasl', /^Remove the option sasl/)
    })
  })

  it('with a wrong password says what to check, and shows no secret', async () => {
    const guess = 'battery-staple-9c1d'
    const sasl = { ...scram, mechanisms: ['PLAIN', ...scram.mechanisms] } as const
    await withCluster({ sasl }, async (_cluster, brokers) => {
      for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
        const logger = new Remembering()
        const diagnosis = await check(brokers, { ...login(mechanism, guess), logger })
        assertFails(diagnosis, 'sasl', /^Correct sasl\.username and sasl\.password, or check that/)
        const said = JSON.stringify(diagnosis) + inspect(diagnosis) + logger.lines.join('\n')
        for (const secret of [
          guess,
          password,
          Buffer.from(`\0alice\0${guess}`).toString('base64'),
        ]) {
          assert.ok(!said.includes(secret))
        }
      }
    })
  })

  it('with a broker that does not have the password names the broker', async () => {
    const mechanism = {
      name: 'SCRAM-SHA-256',
      createSession: () => ({
        next: () => {
          throw new Error("the broker's SCRAM signature is wrong: it does not know the password")
        },
      }),
    }
    await withCluster({ sasl: scram }, async (_cluster, brokers) => {
      assertFails(
        await check(brokers, { sasl: mechanism }),
        'sasl',
        /Check that this is your broker/,
      )
    })
  })
})

describe('a diagnosis of tokens', () => {
  const oauth = (token: () => Promise<{ value: string }>) => ({
    sasl: { mechanism: 'OAUTHBEARER', token } as const,
  })
  const tokenOf = (endsInSeconds: number) => {
    const exp = Math.floor(systemClock.wallTime() / 1000) + endsInSeconds
    return unsecuredToken({ sub: 'alice', exp, jti: 'a-secret-token-id' })
  }
  const tenMinutes = 600
  const sasl = { mechanisms: ['OAUTHBEARER'] } as const

  it('that are valid succeeds', async () => {
    await withCluster({ sasl }, async (_cluster, brokers) => {
      const options = oauth(async () => ({ value: tokenOf(tenMinutes) }))
      assertGreen(await check(brokers, options), `${plain} sasl metadata listener`)
    })
  })

  it('that have expired says to fetch a new one, and does not show it', async () => {
    await withCluster({ sasl }, async (_cluster, brokers) => {
      const value = tokenOf(-tenMinutes)
      const diagnosis = await check(
        brokers,
        oauth(async () => ({ value })),
      )
      assertFails(diagnosis, 'sasl', /^Get a new token .* refuses every token that has expired\.$/)
      assert.ok(!JSON.stringify(diagnosis).includes(value))
    })
  })

  it('that the provider does not return is reported as its failure', async () => {
    await withCluster({ sasl }, async (_cluster, brokers) => {
      const options = oauth(() => Promise.reject(new Error('the vault is sealed')))
      const diagnosis = await check(brokers, options)
      const row = assertFails(diagnosis, 'sasl', /^Fix the token provider/)
      assert.match(row.detail, /the vault is sealed/)
    })
  })
})

describe('a diagnosis with a test record', () => {
  const produce = (brokers: readonly string[], options: Partial<ProducerOptions> = {}) =>
    diagnose({ brokers, logger: silentLogger, ...options }, { produceTo: 'orders' })

  it('sends one, and reports topic, partition and offset', async () => {
    await withCluster({}, async (cluster, brokers) => {
      const diagnosis = await produce(brokers)
      assertGreen(diagnosis, `${plain} metadata listener produce`)
      const { detail } = diagnosis.steps.at(-1)!
      assert.equal(detail, 'one record went to orders: partition 0, offset 0')
      await produce(brokers, { acks: 0 })
      assert.equal(cluster.records('orders').length, 2)
      await check(brokers)
      assert.equal(cluster.records('orders').length, 2)
    })
  })

  it('creates no topic, unless that is allowed by name', async () => {
    await withCluster({ topics: {} }, async (cluster, brokers) => {
      const remedy = /^Create the topic orders .*allowAutoTopicCreation to true/
      assertFails(await produce(brokers), 'produce', remedy)
      // No producer tried: the two connections are those of the address and of the listener.
      assert.deepEqual([cluster.topics, cluster.requests.ApiVersions], [[], 2])
      assert.equal((await produce(brokers, { allowAutoTopicCreation: true })).ok, true)
      assert.deepEqual(cluster.topics, ['orders'])
    })
  })

  it('creates no topic either when it is deleted before the record is sent', async () => {
    await withCluster({}, async (cluster, brokers) => {
      const stop = cluster.onRequest(({ api, targets }) => {
        if (api !== 'Metadata' || targets.length === 0) return
        stop()
        const whenConnected = cluster.onRequest((next) => {
          if (next.api !== 'ApiVersions') return
          whenConnected()
          cluster.deleteTopic('orders')
        })
      })
      assert.equal((await produce(brokers, { connectTimeoutMs: 500 })).failedStep, 'produce')
      assert.deepEqual(cluster.topics, [])
    })
  })

  for (const [error, remedy] of [
    ['TOPIC_AUTHORIZATION_FAILED', /^Grant this user the rights WRITE and DESCRIBE on .* orders/],
    ['LEADER_NOT_AVAILABLE', /^Bring the brokers back that have orders/],
    ['INVALID_TOPIC_EXCEPTION', /^Correct the topic's name/],
  ] as const) {
    it(`says what ${error} of its topic means`, async () => {
      await withCluster({}, async (cluster, brokers) => {
        const when = ({ targets }: { targets: readonly object[] }) => targets.length > 0
        cluster.fault({ api: 'Metadata', topic: 'orders', error, count: 99, when })
        assertFails(await produce(brokers), 'produce', remedy)
        assert.equal(cluster.records('orders').length, 0)
      })
    })
  }

  for (const [error, remedy] of [
    ['TOPIC_AUTHORIZATION_FAILED', /^Grant this user the rights WRITE/],
    ['NOT_ENOUGH_REPLICAS', /^Bring the missing replicas of orders back/],
    ['POLICY_VIOLATION', /^Check the log of the brokers for POLICY_VIOLATION \(44\)/],
  ] as const) {
    it(`says what ${error} of its record means`, async () => {
      await withCluster({}, async (cluster, brokers) => {
        cluster.fault({ api: 'Produce', topic: 'orders', error, count: 999 })
        assertFails(await produce(brokers, { connectTimeoutMs: 700 }), 'produce', remedy)
      })
    })
  }

  it('says that the authorization to write idempotently is missing', async () => {
    await withCluster({}, async (cluster, brokers) => {
      cluster.fault({ api: 'InitProducerId', error: 'CLUSTER_AUTHORIZATION_FAILED', count: 99 })
      assertFails(await produce(brokers), 'produce', /IDEMPOTENT_WRITE .* idempotent to false/)
    })
  })

  it('reports partitions without a leader, and sends to another', async () => {
    await withCluster({ nodes: 2, replicationFactor: 1 }, async (cluster, brokers) => {
      const first = cluster.partitions('orders')[0]?.leader ?? 0
      await cluster.node(first).stop()
      const rest = brokers.filter((_broker, index) => index !== first - 1)
      const diagnosis = await produce(rest)
      assert.match(diagnosis.steps.at(-1)?.detail ?? '', /orders: partition 1.*leader: partition 0/)
    })
  })
})
