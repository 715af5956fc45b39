// Certificates that change while a producer lives: files are read again for new connections, also
// behind a link that was swapped; options may be a function; what is broken changes nothing.

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  Producer,
  type ProducerOptions,
  type TlsOptions,
  type TlsProvider,
} from '../../src/index.ts'
import { startCluster, type TestCluster } from '../../src/testing.ts'
import { type Identity, makeCertificates, type TestCertificates } from '../certificates.ts'
import { Remembering } from './security-kit.ts'

let certificates: TestCertificates
let folder: string

before(async () => {
  certificates = await makeCertificates()
  folder = await mkdtemp(join(tmpdir(), 'millrace-tls-rotation-'))
})

after(() => rm(folder, { recursive: true }))

/** A cluster that knows `client`, and not `otherClient`. */
const startMutual = () => {
  const { ca, server } = certificates
  return startCluster({
    nodes: 1,
    topics: { a: 1 },
    tls: { ...server, ca, requestClientCert: true },
  })
}

/** A logger that a test can wait for. */
class Heard extends Remembering {
  readonly #waiting: { readonly text: string; readonly resolve: () => void }[] = []

  /** Resolves with the first warning from now on that has the text in it. */
  warningWith(text: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ text, resolve }))
  }

  override warn(message: string, details?: object): void {
    super.warn(message, details)
    for (const { text, resolve } of this.#waiting) if (message.includes(text)) resolve()
  }
}

const open = (cluster: TestCluster, tls: NonNullable<ProducerOptions['tls']>) => {
  const logger = new Heard()
  const producer = new Producer({ brokers: cluster.brokers, tls, logger, onError: () => {} })
  const send = () => producer.send({ topic: 'a', value: 'x' }, { timeoutMs: 10_000 })
  /** Every connection is a new one from here on. */
  const reconnect = async () => {
    await cluster.node(1).stop()
    await cluster.node(1).start()
  }
  return { producer, logger, send, reconnect }
}

const writeIdentity = async (path: string, { cert, key }: Identity) => {
  await mkdir(path, { recursive: true })
  await writeFile(join(path, 'client.pem'), cert)
  await writeFile(join(path, 'client.key'), key)
}

const filesIn = (path: string): TlsOptions => ({
  ca: certificates.ca,
  cert: join(path, 'client.pem'),
  key: join(path, 'client.key'),
})

/**
 * Node's server closes the connection of a certificate that it does not know, and the client names
 * it.
 */
const refusal = "does it accept this client's certificate (CN=test-client, valid to "

describe('certificates in files', () => {
  it('are read again for new connections when they changed', async () => {
    const path = join(folder, 'changed')
    await writeIdentity(path, certificates.client)
    await using cluster = await startMutual()
    const { producer, logger, send, reconnect } = open(cluster, filesIn(path))
    await send()
    await writeIdentity(path, certificates.otherClient)
    await send()
    const refused = logger.warningWith(refusal)
    await reconnect()
    const sent = send()
    await refused
    await writeIdentity(path, certificates.client)
    await sent
    await producer.close()
    assert.equal(cluster.records('a').length, 3)
    assert.ok(!logger.lines.join().includes('PRIVATE'))
  })

  it('are read again when a symbolic link changes, as Kubernetes does it', async () => {
    const path = join(folder, 'linked')
    await writeIdentity(join(path, 'v1'), certificates.otherClient)
    await writeIdentity(join(path, 'v2'), certificates.client)
    await symlink('v1', join(path, 'data'))
    await using cluster = await startMutual()
    const { producer, logger, send } = open(cluster, filesIn(join(path, 'data')))
    const refused = logger.warningWith(refusal)
    const sent = send()
    await refused
    await symlink('v2', join(path, 'next'))
    await rename(join(path, 'next'), join(path, 'data'))
    await sent
    await producer.close()
  })

  it('that change before those of the broker cost no record', async () => {
    const path = join(folder, 'early')
    const ca = join(path, 'ca.pem')
    await writeIdentity(path, certificates.client)
    await writeFile(ca, certificates.ca)
    await using cluster = await startMutual()
    const { producer, logger, send, reconnect } = open(cluster, { ...filesIn(path), ca })
    await send()
    await writeFile(ca, certificates.otherCa)
    const refused = logger.warningWith('is not signed by an authority that is trusted here')
    await reconnect()
    const sent = send()
    await refused
    await writeFile(ca, certificates.ca)
    await sent
    await producer.close()
    assert.equal(cluster.records('a').length, 2)
  })

  it('that are invalid leave the earlier ones in use, with one warning', async () => {
    const path = join(folder, 'broken')
    await writeIdentity(path, certificates.client)
    await using cluster = await startMutual()
    const { producer, logger, send, reconnect } = open(cluster, filesIn(path))
    await send()
    const warnings = () => logger.warnings().filter((line) => line.includes('earlier certificates'))
    for (const text of ['', 'nothing', certificates.otherClient.key]) {
      await writeFile(join(path, 'client.key'), text)
      await reconnect()
      await send()
      assert.equal(warnings().length, 1)
    }
    await rm(join(path, 'client.pem'))
    await reconnect()
    await send()
    assert.equal(warnings().length, 1)
    assert.match(warnings()[0]!, /tls\.key must be PEM/)
    await writeIdentity(path, certificates.client)
    await reconnect()
    await send()
    await writeFile(join(path, 'client.key'), 'broken again')
    await reconnect()
    await send()
    assert.equal(warnings().length, 2)
    await producer.close()
  })
})

describe('a function as tls', () => {
  it('is called for each new connection, and may be asynchronous', async () => {
    await using cluster = await startMutual()
    let identity = certificates.client
    let calls = 0
    const { producer, logger, send, reconnect } = open(cluster, async () => {
      calls++
      return { ca: certificates.ca, ...identity }
    })
    await send()
    const before = calls
    identity = certificates.otherClient
    const refused = logger.warningWith(refusal)
    await reconnect()
    const sent = send()
    await refused
    identity = certificates.client
    await sent
    assert.ok(before >= 1 && calls > before)
    await producer.close()
  })

  it('that fails is called again; its last result stays in use', async () => {
    await using cluster = await startMutual()
    const answers: TlsProvider[] = [
      () => Promise.reject(new Error('the vault is sealed')),
      () => ({ ca: 5 }) as never,
      () => ({ ca: certificates.ca, ...certificates.client }),
      () => Promise.reject(new Error('sealed again')),
    ]
    const { producer, logger, send, reconnect } = open(cluster, () => {
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!
      return answer()
    })
    await send()
    await reconnect()
    await send()
    await producer.close()
    const said = logger.lines.join('\n')
    assert.match(said, /tls failed: the vault is sealed/)
    assert.match(said, /tls failed: sealed again\. New connections use the earlier/)
  })

  it('that never returned settings fails a send with its own message', async () => {
    await using cluster = await startMutual()
    const { producer } = open(cluster, () => false as never)
    await assert.rejects(producer.connect({ timeoutMs: 0 }), /tls gave false/)
    await producer.close()
  })
})
