// TLS from the option to the record: over real TCP, against the in-process cluster, with
// certificates made for the purpose.

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { PeerCertificate } from 'node:tls'
import {
  type KafkaError,
  Producer,
  type ProducerOptions,
  type TlsOptions,
} from '../../src/index.ts'
import { dialTransport } from '../../src/runtime/dial-transport.ts'
import { TlsSource } from '../../src/runtime/tls-source.ts'
import { type ClusterOptions, startCluster } from '../../src/testing.ts'
import { makeCertificates, type TestCertificates } from '../certificates.ts'
import { failureOf, Remembering, reportMsMax } from './security-kit.ts'

let certificates: TestCertificates
let folder: string

before(async () => {
  certificates = await makeCertificates()
  folder = await mkdtemp(join(tmpdir(), 'millrace-tls-'))
})

after(() => rm(folder, { recursive: true }))

type ServerTls = NonNullable<ClusterOptions['tls']>

const withCluster = async (
  tls: ServerTls | undefined,
  body: (brokers: readonly string[]) => Promise<void>,
) => {
  await using cluster = await startCluster({ nodes: 1, topics: { a: 1 }, tls })
  await body(cluster.brokers)
}

/** Sends one record, and says over how many connections. */
const send = async (options: ProducerOptions) => {
  const producer = new Producer({ logger: new Remembering(), ...options })
  try {
    return await producer.send({ topic: 'a', value: 'x' }, { timeoutMs: 10_000 })
  } finally {
    await producer.close()
  }
}

const failsWith = async (options: ProducerOptions, pattern: RegExp): Promise<KafkaError> => {
  const { error, tookMs } = await failureOf(options)
  assert.equal(error.code, 'TLS_FAILED', error.message)
  assert.equal(error.step, 'tls')
  assert.match(error.message, pattern)
  assert.ok(tookMs < reportMsMax, `${tookMs} ms`)
  return error
}

describe('TLS', () => {
  it('takes the authority as text, as bytes, as a path, and among others', async () => {
    const { ca, otherCa, server } = certificates
    const path = join(folder, 'ca.pem')
    await writeFile(path, ca)
    await withCluster(server, async (brokers) => {
      for (const given of [ca, Buffer.from(ca), path, [otherCa, path]]) {
        assert.equal((await send({ brokers, tls: { ca: given } })).partition, 0)
      }
    })
  })

  it('uses TLS 1.2 if the options say so', async () => {
    const { ca, server } = certificates
    await withCluster(server, async (brokers) => {
      await send({ brokers, tls: { ca, maxVersion: 'TLSv1.2' } })
      await send({ brokers, tls: { ca, minVersion: 'TLSv1.3' } })
    })
  })

  it('sends its own certificate if the broker requests one', async () => {
    const { ca, server, client, otherClient } = certificates
    const certPath = join(folder, 'client.pem')
    await writeFile(certPath, client.cert)
    await withCluster({ ...server, ca, requestClientCert: true }, async (brokers) => {
      await send({ brokers, tls: { ca, cert: certPath, key: client.key } })
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        await failsWith({ brokers, tls: { ca, maxVersion } }, /certificate/)
        const { cert, key } = otherClient
        // Node's server closes the connection without a reason, where Java's gives one.
        const tls = { ca, maxVersion, cert, key }
        const untrusted = new Producer({ brokers, tls, logger: new Remembering() })
        await assert.rejects(untrusted.connect({ timeoutMs: 10_000 }), /certificate/)
        await untrusted.close()
      }
    })
  })

  it('says within seconds that the authority is not trusted, and why', async () => {
    const { server, otherCa } = certificates
    await withCluster(server, async (brokers) => {
      const pattern =
        /not signed by an authority that is trusted here.*pass its authority as tls\.ca/
      await failsWith({ brokers, tls: true }, pattern)
      await failsWith({ brokers, tls: { ca: otherCa } }, pattern)
    })
  })

  it('checks the certificate against the host name, unless serverName is set', async () => {
    const { ca, wrongHost } = certificates
    await withCluster(wrongHost, async (brokers) => {
      const names = /is for DNS:elsewhere\.example, not for 127\.0\.0\.1.*tls\.serverName/
      await failsWith({ brokers, tls: { ca } }, names)
      await send({ brokers, tls: { ca, serverName: 'elsewhere.example' } })
      await send({ brokers, tls: { ca, dangerouslySkipHostnameCheck: true } })
    })
    await withCluster(certificates.server, async ([broker]) => {
      // A name, resolved to an address: what counts is the name.
      const localhost = (broker ?? '').replace('127.0.0.1', 'localhost')
      await send({ brokers: localhost, tls: { ca } })
    })
  })

  it('checks a broker against the name that its address was resolved from', async () => {
    const { ca, wrongHost } = certificates
    const { source } = TlsSource.load({ tls: { ca }, problemOf: () => null, warn: () => {} })
    const transport = dialTransport({ socketFactory: null, tls: source })
    await withCluster(wrongHost, async ([broker = '']) => {
      const address = { host: '127.0.0.1', port: Number(broker.split(':')[1]) }
      const outcome = (hostName?: string) =>
        new Promise<string>((resolve) => {
          const stream = transport.connect(
            { ...address, hostName },
            {
              onConnect: () => {
                resolve('connected')
                stream.destroy()
              },
              onData: () => {},
              onClose: (error) => resolve(String((error as { code?: string } | undefined)?.code)),
            },
          )
        })
      assert.equal(await outcome('elsewhere.example'), 'connected')
      assert.equal(await outcome('other.example'), 'ERR_TLS_CERT_ALTNAME_INVALID')
      assert.equal(await outcome(), 'ERR_TLS_CERT_ALTNAME_INVALID')
    })
  })

  it('without the check of the host name, the authority is still checked', async () => {
    const { server, otherCa } = certificates
    await withCluster(server, async (brokers) => {
      const tls = { ca: otherCa, dangerouslySkipHostnameCheck: true }
      await failsWith({ brokers, tls }, /not signed by an authority/)
    })
  })

  it('calls tls.checkServerIdentity instead of the host name check, and honors it', async () => {
    const { ca, wrongHost, otherCa } = certificates
    await withCluster(wrongHost, async (brokers) => {
      const seen: string[] = []
      const pinned = (hostName: string, certificate: PeerCertificate): Error | undefined => {
        seen.push(`${hostName} ${certificate.subjectaltname}`)
        return undefined
      }
      await send({ brokers, tls: { ca, checkServerIdentity: pinned } })
      assert.equal(seen[0], '127.0.0.1 DNS:elsewhere.example')
      const refusing = { ca, checkServerIdentity: () => new Error('another key was pinned') }
      await failsWith(
        { brokers, tls: refusing },
        /tls\.checkServerIdentity.*another key was pinned/,
      )
      const throwing = {
        ca,
        checkServerIdentity: () => {
          throw new Error('the pin could not be read')
        },
      }
      await failsWith({ brokers, tls: throwing }, /the pin could not be read/)
      // An untrusted authority is refused before the identity is looked at.
      const untrusted = { ca: otherCa, checkServerIdentity: pinned }
      await failsWith({ brokers, tls: untrusted }, /not signed by an authority/)
    })
  })

  it('trusts any certificate with tls.dangerouslyTrustAnyCertificate, and warns', async () => {
    const { expired, wrongHost } = certificates
    for (const server of [expired, wrongHost]) {
      await withCluster(server, async (brokers) => {
        const logger = new Remembering()
        const tls = { dangerouslyTrustAnyCertificate: true }
        assert.equal((await send({ brokers, tls, logger })).partition, 0)
        assert.equal(logger.warnings().length, 1)
        assert.match(logger.warnings()[0]!, /tls\.dangerouslyTrustAnyCertificate is true/)
        // A pin is checked all the same: it is what the certificate is trusted by.
        const pinned = { ...tls, checkServerIdentity: () => new Error('another key was pinned') }
        await failsWith({ brokers, tls: pinned, logger }, /another key was pinned/)
      })
    }
  })

  it('passes tls.connectionOptions to Node', async () => {
    const { ca, server, client } = certificates
    await withCluster({ ...server, ca, requestClientCert: true }, async (brokers) => {
      // Forms that only Node has: arrays of keys and of certificates.
      const connectionOptions = { cert: [client.cert], key: [{ pem: client.key }] }
      await send({ brokers, tls: { ca, connectionOptions } })
      const ciphers = {
        ca,
        ...client,
        maxVersion: 'TLSv1.2',
        connectionOptions: { ciphers: 'AES128-SHA' },
      }
      await failsWith({ brokers, tls: ciphers as TlsOptions }, /rejects the handshake/)
    })
  })

  it('says that a certificate has expired', async () => {
    const { ca, expired } = certificates
    await withCluster(expired, async (brokers) => {
      await failsWith({ brokers, tls: { ca } }, /has expired \(CERT_HAS_EXPIRED\)/)
    })
  })

  it('on a plaintext port the error says that the listener closes TLS connections', async () => {
    await withCluster(undefined, async ([brokers = '']) => {
      const producer = new Producer({ brokers, tls: true, logger: new Remembering() })
      await assert.rejects(producer.connect({ timeoutMs: 0 }), (error) => {
        const { code, step, message } = error as KafkaError
        assert.deepEqual([code, step], ['TLS_FAILED', 'tls'])
        return /does not use TLS.*remove the option tls/.test(message)
      })
      await producer.close()
    })
  })

  it('the error for a plaintext client on a TLS port says to set tls', async () => {
    await withCluster(certificates.server, async ([brokers = '']) => {
      const producer = new Producer({ brokers, logger: new Remembering() })
      await assert.rejects(producer.connect({ timeoutMs: 0 }), /expects? TLS/)
      await producer.close()
    })
  })

  it('retries with a backoff, and logs it once', async () => {
    const { server, otherCa } = certificates
    const logger = new Remembering()
    await withCluster(server, async (brokers) => {
      const tls = { ca: otherCa }
      const producer = new Producer({ brokers, tls, logger, onError: () => {} })
      const since = performance.now()
      while (performance.now() - since < 2500) {
        const sent = producer.send({ topic: 'a', value: 'x' }, { timeoutMs: 5000 })
        await assert.rejects(sent, { code: 'TLS_FAILED' })
      }
      const { connectionFailures } = producer.metrics()
      assert.ok(connectionFailures < 15, `${connectionFailures} attempts in 2.5 s`)
      assert.equal(logger.warnings().length, 1, logger.warnings().join('\n'))
      await producer.close()
    })
  })

  it('runs over a socket of the caller', async () => {
    const { ca, server } = certificates
    await withCluster(server, async ([broker = '']) => {
      const resolved: string[] = []
      const port = Number(broker.split(':')[1])
      const socketFactory = async (address: { host: string; port: number }): Promise<Socket> => {
        resolved.push(address.host)
        return connect({ host: '127.0.0.1', port })
      }
      // A name that only the tunnel's other end knows.
      const brokers = `kafka.internal:${port}`
      await send({ brokers, socketFactory, tls: { ca, serverName: 'localhost' } })
      assert.equal(resolved[0], 'kafka.internal')
    })
  })
})
