// The options of security: what is wrong is named with its field and its bound, and no value of
// them is ever shown.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Producer } from '../../src/index.ts'
import { makeCertificates, type TestCertificates } from '../certificates.ts'
import { problemOf, Remembering } from './security-kit.ts'

const secret = 'T0p-5ecret-value'
const user = { username: 'alice', password: secret }
const credentials = {
  mechanism: 'OAUTHBEARER',
  clientId: 'me',
  clientSecret: secret,
  tokenEndpoint: 'https://login.example/token',
}

let certificates: TestCertificates
let folder: string

before(async () => {
  certificates = await makeCertificates()
  folder = await mkdtemp(join(tmpdir(), 'millrace-options-'))
})

after(() => rm(folder, { recursive: true }))

const fileOf = async (name: string, content: string | Uint8Array): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

describe('the option sasl', () => {
  const wrong: [sasl: unknown, pattern: RegExp][] = [
    [secret, /sasl must be \{ mechanism, … \}, got/],
    [null, /sasl must be \{ mechanism, … \}, got/],
    [[user], /sasl must be \{ mechanism, … \}, got/],
    [user, /mechanism is missing/],
    [{ ...user, mechanism: secret }, /mechanism is not one of PLAIN, SCRAM-SHA-256/],
    [{ mechanism: 'PLAIN', password: secret }, /username is missing/],
    [{ mechanism: 'PLAIN', username: 'a' }, /password is missing/],
    [{ mechanism: 'PLAIN', username: 'a', password: '' }, /password is empty/],
    [
      { mechanism: 'PLAIN', username: 'a', password: 5 },
      /password must be a string or a function, got number/,
    ],
    [{ mechanism: 'PLAIN', username: 'a', password: `${secret}\0` }, /password has a zero/],
    [
      { ...user, mechanism: 'plain', passwrod: secret },
      /unknown field passwrod: did you mean password\?/,
    ],
    [{ mechanism: 'oauthbearer', oauthBearerProvider: () => ({}) }, /did you mean token\?/],
    [
      { mechanism: 'OAUTHBEARER', token: secret },
      /token must be a function that returns a token, got string/,
    ],
    [{ ...credentials, clientSecret: undefined }, /clientSecret is missing/],
    [{ ...credentials, tokenEndpoint: 'http://login.example' }, /must begin with https/],
    [{ ...credentials, tokenEndpoint: undefined }, /tokenEndpoint is missing/],
    [{ ...credentials, clientAuthentication: secret }, /neither 'basic' nor 'post'/],
    [{ ...credentials, extensions: { 'a b': secret } }, /extension 'a b' has a wrong name/],
    [{ createSession: () => ({}) }, /has no name/],
  ]

  it('names the invalid field, and shows no value', () => {
    for (const [sasl, pattern] of wrong) {
      const problem = problemOf({ sasl })
      assert.match(problem, pattern)
      assert.ok(!problem.includes(secret), problem)
    }
  })

  it('accepts valid values', async () => {
    const logger = new Remembering()
    for (const sasl of [
      { ...user, mechanism: 'PLAIN' },
      { ...user, mechanism: 'scram-sha-256' },
      { mechanism: 'OAUTHBEARER', token: () => ({ value: 'a' }) },
      credentials,
      { name: 'MINE', createSession: () => ({ next: () => null }) },
    ]) {
      await new Producer({ brokers: 'localhost:1', sasl, logger } as never).close()
    }
  })
})

describe('the option tls', () => {
  const shapes: [tls: unknown, pattern: RegExp][] = [
    [secret, /tls must be true or \{ ca, cert, key, … \}, got/],
    [7, /tls must be true or \{ ca, cert, key, … \}, got/],
    [{ ca: 7 }, /ca is not PEM text, the path of a file, or bytes/],
    [{ ca: [] }, /ca is not/],
    [{ minVersion: 'TLSv1.1' }, /minVersion is not 'TLSv1.2' or 'TLSv1.3'/],
    [{ passphrase: 7 }, /passphrase is not a string/],
    [{ rejectUnauthorized: false }, /did you mean ca.*or dangerouslyTrustAnyCertificate/],
    [{ checkServerIdentity: secret }, /checkServerIdentity is not a function/],
    [{ checkServerIdentity: () => {}, dangerouslySkipHostnameCheck: true }, /one or the other/],
    [{ dangerouslyTrustAnyCertificate: 1 }, /is not true or false/],
    [{ connectionOptions: secret }, /connectionOptions is not an object of options/],
    [{ connectionOptions: { rejectUnauthorized: false } }, /may not hold rejectUnauthorized/],
    [{ connectionOptions: { checkServerIdentity: () => {} } }, /may not hold checkServerIdentity/],
    [{ connectionOptions: { socket: {}, host: secret } }, /may not hold socket, host/],
    [{ connectionOptions: { secureProtocol: secret } }, /tls was refused by Node/],
    [{ servername: 'a' }, /did you mean serverName\?/],
    [{ minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' }, /tls.minVersion is above/],
    [{ passphrase: secret }, /tls.passphrase is without tls.key and tls.pfx/],
  ]

  it('names the invalid field, and shows no value', () => {
    for (const [tls, pattern] of shapes) {
      const problem = problemOf({ tls })
      assert.match(problem, pattern)
      assert.ok(!problem.includes(secret), problem)
    }
    assert.match(problemOf({ ssl: true }), /unknown option 'ssl': did you mean tls\?/)
  })

  it('says what is invalid in a file that it reads', async () => {
    const { ca, server, client } = certificates
    const { cert, key } = client
    const missing = join(folder, 'no-such.pem')
    const bareKey = key.replace(/-----.*-----|\s/g, '')
    const cases: [tls: object, pattern: RegExp][] = [
      [{ ca: missing }, /tls\.ca names the file '.*no-such\.pem': there is no such file/],
      [{ ca: folder }, /it is a folder/],
      [{ ca: [ca, missing] }, /tls\.ca\[1\] names the file/],
      [{ ca: await fileOf('text.pem', 'hello') }, /tls\.ca must be PEM/],
      [{ ca: key }, /tls\.ca must contain a certificate, got a private key/],
      [{ cert, key: cert }, /tls\.key must contain a private key, got a certificate/],
      [{ cert }, /tls\.cert is without tls\.key/],
      [{ key }, /tls\.key is without tls\.cert/],
      [{ cert, key: server.key }, /tls\.key is not the private key of tls\.cert/],
      [{ cert, key: bareKey }, /tls\.key names the file \(\d+ characters, not shown\)/],
      [
        { ca: ca.replace(/\n.{10}/, '\n!!!!!!!!!!') },
        /tls\.ca holds a certificate that is damaged/,
      ],
      [{ pfx: key }, /tls\.pfx is PEM: pass it as tls\.cert and tls\.key/],
      [{ pfx: Buffer.from('hello') }, /tls\.pfx is not a PKCS#12 store/],
      [{ cert, key, pfx: Buffer.from('hello') }, /tls\.pfx stands beside/],
      [{ ca: Buffer.from([0x30, 0x82, 1, 1]) }, /a PKCS#12 store is passed as tls\.pfx/],
    ]
    for (const [tls, pattern] of cases) {
      const problem = problemOf({ tls })
      assert.match(problem, pattern)
      assert.ok(!problem.includes(bareKey.slice(0, 20)), 'no key in it')
    }
  })

  it('opens an encrypted key with its passphrase, and says where that is wrong', async () => {
    const { createPrivateKey } = await import('node:crypto')
    const { cert, key } = certificates.client
    const encrypted = createPrivateKey(key)
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: secret })
      .toString()
    await new Producer({
      brokers: 'localhost:1',
      tls: { cert, key: encrypted, passphrase: secret },
    }).close()
    assert.match(problemOf({ tls: { cert, key: encrypted } }), /is encrypted: pass tls\.passphrase/)
    const wrong = problemOf({ tls: { cert, key: encrypted, passphrase: 'T0p' } })
    assert.match(wrong, /tls\.key cannot be decrypted with tls\.passphrase/)
  })

  it('opens a PKCS#12 store with its passphrase', async (context) => {
    const { ca, client } = certificates
    const path = join(folder, 'client.p12')
    const pem = await fileOf('store.pem', `${client.key}\n${client.cert}\n${ca}`)
    const form = ['-export', '-in', pem, '-out', path, '-passout', `pass:${secret}`]
    const { error } = spawnSync('openssl', ['pkcs12', ...form])
    if (error !== undefined) {
      context.skip('there is no openssl to make a store with')
      return
    }
    const producers = [path, await readFile(path)].map(
      (pfx) => new Producer({ brokers: 'localhost:1', tls: { pfx, passphrase: secret } }),
    )
    await Promise.all(producers.map((producer) => producer.close()))
    assert.match(problemOf({ tls: { pfx: path } }), /tls\.pfx needs tls\.passphrase/)
    const wrong = problemOf({ tls: { pfx: path, passphrase: 'T0p' } })
    assert.match(wrong, /tls\.pfx cannot be decrypted with tls\.passphrase/)
  })

  it('recognizes a Java store, and says how to convert it', async () => {
    const jks = await fileOf('client.jks', Buffer.from([0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2]))
    const pattern =
      'keytool -importkeystore -srckeystore ' +
      `${jks} -destkeystore ${jks.replace(/jks$/, 'p12')} -deststoretype PKCS12`
    for (const field of ['pfx', 'ca', 'cert']) {
      assert.ok(problemOf({ tls: { [field]: jks } }).includes(pattern), field)
    }
    const bytes = Buffer.from([0xce, 0xce, 0xce, 0xce, 0, 0, 0, 2])
    assert.match(problemOf({ tls: { pfx: bytes } }), /type JCEKS.*-srckeystore keystore\.jks/)
  })

  it('reports every problem at once', () => {
    const problem = problemOf({ tls: { ca: join(folder, 'a'), cert: join(folder, 'b') } })
    assert.match(problem, /tls\.cert is without.*tls\.ca names.*tls\.cert names/)
  })
})

describe('the options socketFactory and keepProcessAlive', () => {
  it('must be a function, and true or false', () => {
    const proxy = `socks5://me:${secret}@proxy`
    const problem = problemOf({ socketFactory: proxy })
    assert.match(problem, /socketFactory must be a function, got string/)
    assert.ok(!problem.includes(secret))
    assert.match(
      problemOf({ keepProcessAlive: 0 }),
      /keepProcessAlive must be true or false, got 0/,
    )
  })
})
