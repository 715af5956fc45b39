// What --brokers and its companions, the environment and a client.properties become.

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Producer } from 'millrace'
import type { ConnectionFlags } from '../../src/connection/flags.ts'
import { resolveConnection } from '../../src/connection/resolve.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

interface Sources {
  readonly flags?: ConnectionFlags
  readonly environment?: Record<string, string>
  readonly files?: Record<string, string>
}

/** Resolves with files in a folder; a flag's value `@name` is the path of one. */
const resolve = async ({ flags = {}, environment = {}, files = {} }: Sources) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-connection-'))
  try {
    for (const [name, content] of Object.entries(files))
      await writeFile(join(folder, name), content)
    const placed = Object.fromEntries(
      Object.entries(flags).map(([name, value]) => [
        name,
        typeof value === 'string' && value.startsWith('@') ? join(folder, value.slice(1)) : value,
      ]),
    )
    const terminal = new FakeTerminal()
    Object.assign(terminal.environment, environment)
    const options = await resolveConnection(placed, terminal)
    return { options: options as unknown as Record<string, unknown>, warnings: terminal.errorText }
  } finally {
    await rm(folder, { recursive: true })
  }
}

const optionsOf = async (sources: Sources) => (await resolve(sources)).options

const javaFile = `
# A client of Java's.
bootstrap.servers=SASL_SSL://a:9093, b:9093
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\
    username="alice" \\
    password="s3cr\\\\"et;=";
ssl.truststore.type=PEM
ssl.truststore.location=/etc/ca.pem
ssl.keystore.type=PKCS12
ssl.keystore.location=/etc/client.p12
ssl.keystore.password=storepass
acks=1
linger.ms=5
batch.size=65536
compression.type=zstd
compression.zstd.level=3
client.id=loader
enable.idempotence=false
request.timeout.ms=4000
delivery.timeout.ms=60000
max.in.flight.requests.per.connection=3
partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner
key.serializer=org.apache.kafka.common.serialization.StringSerializer
group.id=not-ours
`

test("Java's client.properties becomes our options, without a warning", async () => {
  const { options, warnings } = await resolve({
    flags: { config: '@client.properties' },
    files: { 'client.properties': javaFile },
  })
  assert.deepEqual(options, {
    brokers: ['a:9093', 'b:9093'],
    tls: { ca: '/etc/ca.pem', pfx: '/etc/client.p12', passphrase: 'storepass' },
    sasl: { mechanism: 'SCRAM-SHA-512', username: 'alice', password: 's3cr"et;=' },
    acks: 1,
    lingerMs: 5,
    batchBytes: 65_536,
    compression: { type: 'zstd', level: 3 },
    clientId: 'loader',
    idempotent: false,
    requestTimeoutMs: 4000,
    deliveryTimeoutMs: 60_000,
    maxInFlightRequests: 3,
    partitioner: 'round_robin',
  })
  assert.equal(warnings, '')
})

test("librdkafka's names mean the same", async () => {
  const file = [
    'metadata.broker.list=a:9092',
    'security.protocol=sasl_ssl',
    'sasl.mechanisms=plain',
    'sasl.username=bob',
    'sasl.password=pw',
    'ssl.ca.location=/etc/ca.pem',
    'ssl.certificate.location=/etc/cert.pem',
    'ssl.key.location=/etc/key.pem',
    'ssl.key.password=kp',
    'ssl.endpoint.identification.algorithm=none',
    'queue.buffering.max.ms=7',
    'message.timeout.ms=9000',
    'request.required.acks=-1',
    'compression.codec=gzip',
    'compression.level=-1',
    'partitioner=murmur2_random',
  ].join('\n')
  assert.deepEqual(await optionsOf({ flags: { config: '@c' }, files: { c: file } }), {
    brokers: ['a:9092'],
    tls: {
      ca: '/etc/ca.pem',
      cert: '/etc/cert.pem',
      key: '/etc/key.pem',
      passphrase: 'kp',
      dangerouslySkipHostnameCheck: true,
    },
    sasl: { mechanism: 'PLAIN', username: 'bob', password: 'pw' },
    lingerMs: 7,
    deliveryTimeoutMs: 9000,
    acks: -1,
    compression: 'gzip',
    partitioner: 'java',
  })
})

test('flags come before the environment, and the environment before the file', async () => {
  const files = {
    c:
      'bootstrap.servers=file:1\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n' +
      'sasl.username=from-file\nsasl.password=p1\nlinger.ms=1\nacks=1\n',
    secret: 'from flag\n',
  }
  const environment = {
    MILLRACE_BROKERS: 'environment:2',
    MILLRACE_USERNAME: 'from-environment',
    MILLRACE_PASSWORD: 'p2',
    MILLRACE_CA: '',
  }
  const config = { config: '@c' }
  const file = await optionsOf({ flags: config, files })
  assert.deepEqual(file.brokers, ['file:1'])
  assert.deepEqual(file.sasl, { mechanism: 'PLAIN', username: 'from-file', password: 'p1' })
  const middle = await optionsOf({ flags: config, environment, files })
  assert.deepEqual(middle.brokers, ['environment:2'])
  assert.deepEqual(middle.sasl, {
    mechanism: 'PLAIN',
    username: 'from-environment',
    password: 'p2',
  })
  assert.equal(middle.tls, undefined, 'an empty variable is none')
  const top = await optionsOf({
    flags: {
      ...config,
      brokers: ['flag:3'],
      username: 'from-flag',
      passwordFile: '@secret',
      saslMechanism: 'scram-sha-256',
      set: [
        ['lingerMs', '3'],
        ['linger.ms', '4'],
        ['clientId', 'x'],
      ],
    },
    environment,
    files,
  })
  assert.deepEqual(top.brokers, ['flag:3'])
  assert.deepEqual(top.sasl, {
    mechanism: 'SCRAM-SHA-256',
    username: 'from-flag',
    password: 'from flag',
  })
  assert.deepEqual([top.lingerMs, top.acks, top.clientId], [4, 1, 'x'])
})

test('a setting that has the name of a method of every object reaches the producer', async () => {
  for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
    const options = await optionsOf({ flags: { brokers: ['a:1'], set: [[name, '5']] } })
    assert.deepEqual(Object.entries(options), [
      [name, 5],
      ['brokers', ['a:1']],
    ])
  }
})

test('a password in the environment alone does not enable SASL', async () => {
  const environment = { MILLRACE_BROKERS: 'a:1', MILLRACE_PASSWORD: 'p' }
  assert.deepEqual(await optionsOf({ environment }), { brokers: ['a:1'] })
})

test('certificates by flag imply TLS', async () => {
  const flags = { brokers: ['a:1'], ca: '/ca.pem', cert: '/c.pem', key: '/k.pem' }
  const { tls } = await optionsOf({
    flags: { ...flags, keyPassphraseFile: '@p' },
    files: { p: 'phrase\r\n' },
  })
  assert.deepEqual(tls, { ca: '/ca.pem', cert: '/c.pem', key: '/k.pem', passphrase: 'phrase' })
  assert.equal((await optionsOf({ flags: { brokers: ['a:1'], tls: true } })).tls, true)
})

test('transactional.id is ignored with a warning', async () => {
  const { options, warnings } = await resolve({
    flags: { config: '@c', brokers: ['a:1'] },
    files: { c: 'transactional.id=t\n' },
  })
  assert.deepEqual(options, { brokers: ['a:1'] })
  assert.match(warnings, /transactional\.id is ignored: this command sends without transactions/)
})

test('every problem is in one error, and no secret is in it', async () => {
  const file = [
    'linger.ms=soon',
    'acks=2',
    'security.protocol=SASL_TLS',
    'sasl.mechanism=GSSAPI',
    'sasl.jaas.config=PlainLoginModule required username="u" password="hunter2"',
    'enable.ssl.certificate.verification=false',
  ].join('\n')
  const failed = resolve({
    flags: {
      config: '@c',
      set: [
        ['sasl.password', 'hunter2'],
        ['sasl', '{"password":"hunter2"}'],
      ],
    },
    files: { c: file },
  })
  await assert.rejects(failed, (error: Error) => {
    for (const part of [
      /linger\.ms must be a whole number, got 'soon'/,
      /acks must be all, 1 or 0, got '2'/,
      /security\.protocol must be one of PLAINTEXT, SSL, .*, got 'SASL_TLS'/,
      /sasl\.mechanism must be one of PLAIN, .*, got 'GSSAPI'/,
      /sasl\.jaas\.config must be a login module/,
      /turns the check of certificates off/,
      /--set sasl\.password: secrets don't belong on a command line/,
      /--set sasl: secrets/,
      /no broker is named/,
    ]) {
      assert.match(error.message, part)
    }
    assert.doesNotMatch(error.message, /hunter2/)
    return true
  })
})

for (const [name, flags, expected] of [
  ['an unknown mechanism', { saslMechanism: 'X', username: 'u' }, /must be .*PLAIN.*, got 'X'/],
  ['a user without a mechanism', { username: 'u' }, /mechanism is missing \(--sasl-mechanism\)/],
  ['a user without a password', { username: 'u', saslMechanism: 'PLAIN' }, /password is missing/],
  ['a mechanism without a user', { saslMechanism: 'PLAIN' }, /user name is missing/],
  ['a file that is not there', { config: '/nowhere/c' }, /properties can't be read: ENOENT/],
  ['a secret that is not there', { passwordFile: '/nowhere/c' }, /secret can't be read: ENOENT/],
] as const) {
  test(`${name} is said`, async () => {
    await assert.rejects(resolve({ flags: { brokers: ['a:1'], ...flags } }), expected)
  })
}

for (const [kind, name, advice] of [
  [
    'JKS',
    'trust.jks',
    /is a JKS file, .*: keytool -list -rfc -keystore trust\.jks > ca\.pem makes/,
  ],
  ['PKCS12', 'trust.p12', /is a PKCS #12 file, .*\(or openssl pkcs12 -in trust\.p12 -nokeys -out/],
] as const) {
  test(`the error for a ${kind} truststore has the command that makes it PEM`, async () => {
    const files = {
      c:
        'bootstrap.servers=a:1\nsecurity.protocol=SSL\nssl.truststore.password=changeit\n' +
        `ssl.truststore.location=${name}\nssl.truststore.type=${kind}\n`,
    }
    await assert.rejects(resolve({ flags: { config: '@c' }, files }), (error: Error) => {
      assert.match(error.message, advice)
      assert.match(error.message, /--ca ca\.pem, or for ssl\.truststore\.type=PEM/)
      assert.doesNotMatch(error.message, /changeit/)
      return true
    })
    // A user who cannot change the file gives the CA beside it.
    const { tls } = await optionsOf({ flags: { config: '@c', ca: '/ca.pem' }, files })
    assert.deepEqual(tls, { ca: '/ca.pem' })
  })
}

test('a wrong list of brokers in the environment names the variable', async () => {
  const wrong = resolve({ environment: { MILLRACE_BROKERS: 'a' } })
  await assert.rejects(wrong, /MILLRACE_BROKERS is 'a'\. It must be HOST:PORT/)
})

test('an option with the name of a method of objects is unknown, by its name', async () => {
  const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']
  const environment = { MILLRACE_BROKERS: 'localhost:9092' }
  for (const name of names) {
    const options = await optionsOf({ flags: { set: [[name, '1']] }, environment })
    assert.throws(() => new Producer(options as never), {
      code: 'INVALID_OPTION',
      message: `Invalid options: unknown option '${name}'`,
    })
  }
})
