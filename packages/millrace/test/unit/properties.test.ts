// Properties by Kafka's own names become options; what is wrong or not supported is a typed error.

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { KafkaError, optionsFromProperties, Producer, propertySettings } from '../../src/index.ts'
import { parseJaas } from '../../src/producer/properties/jaas.ts'
import { clientSettings } from '../../src/producer/properties/read-properties.ts'
import { startCluster } from '../../src/testing.ts'

const withFile = async (text: string, body: (path: string) => Promise<void>) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-properties-'))
  const path = join(folder, 'client.properties')
  await writeFile(path, text)
  try {
    await body(path)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const isInvalid = (patterns: readonly RegExp[], secret?: string) => (error: unknown) => {
  assert.ok(error instanceof KafkaError)
  assert.equal(error.code, 'INVALID_OPTION')
  for (const pattern of patterns) assert.match(error.message, pattern)
  assert.ok(secret === undefined || !error.message.includes(secret), error.message)
  return true
}

describe('optionsFromProperties', () => {
  it('reads a properties file as Java takes it', async () => {
    const text = [
      '# A client of Java.',
      'bootstrap.servers=SASL_SSL://a:9093, b:9093',
      'security.protocol=SASL_SSL',
      'sasl.mechanism=SCRAM-SHA-512',
      'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\',
      '    username="alice" password="s3cret";',
      'linger.ms=5',
      'compression.type=zstd',
      'compression.zstd.level=3',
      'transactional.id=orders-1',
      'transaction.timeout.ms=30000',
      'key.serializer=org.apache.kafka.common.serialization.StringSerializer',
    ].join('\n')
    await withFile(text, async (path) => {
      assert.deepEqual(await optionsFromProperties(path), {
        brokers: ['a:9093', 'b:9093'],
        tls: true,
        sasl: { mechanism: 'SCRAM-SHA-512', username: 'alice', password: 's3cret' },
        lingerMs: 5,
        compression: { type: 'zstd', level: 3 },
        transactionalId: 'orders-1',
        transactionTimeoutMs: 30_000,
      })
    })
  })

  it("takes client.rack as Java's producer does: with partitioner.rack.aware only", async () => {
    const rackOf = async (properties: Record<string, string>) =>
      (await optionsFromProperties({ 'bootstrap.servers': 'a:9092', ...properties })).rack
    const isAware = { 'partitioner.rack.aware': 'true' }
    assert.equal(await rackOf({ 'client.rack': 'b', ...isAware }), 'b')
    assert.equal(await rackOf({ 'client.rack': 'b', 'partitioner.rack.aware': 'false' }), undefined)
    assert.equal(await rackOf({ 'client.rack': 'b' }), undefined)
    assert.equal(await rackOf({ 'client.rack': '', ...isAware }), undefined)
    assert.equal(await rackOf(isAware), undefined)
    await assert.rejects(
      rackOf({ 'partitioner.rack.aware': 'perhaps' }),
      isInvalid([/partitioner\.rack\.aware must be true or false, got 'perhaps'/]),
    )
  })

  it("takes an object with librdkafka's names, and a producer works with the result", async () => {
    await using cluster = await startCluster({
      topics: { a: 1 },
      sasl: { mechanisms: ['PLAIN'], users: { bob: 'hush' } },
    })
    const options = await optionsFromProperties({
      'metadata.broker.list': cluster.brokers.join(','),
      'security.protocol': 'sasl_plaintext',
      'sasl.mechanisms': 'PLAIN',
      'sasl.username': 'bob',
      'sasl.password': 'hush',
      'queue.buffering.max.ms': '1',
      'request.required.acks': '-1',
    })
    const logger = { debug() {}, info() {}, warn() {}, error() {} }
    const producer = new Producer({ ...options, logger })
    await producer.send({ topic: 'a', value: 'x' })
    await producer.close()
    assert.equal(cluster.records('a').length, 1)
  })

  it('lists everything that is wrong or not supported in one error, without a secret', async () => {
    const properties = {
      'linger.ms': 'soon',
      'sasl.mechanism': 'GSSAPI',
      'security.protocol': 'SASL_SSL',
      'sasl.jaas.config': 'PlainLoginModule required username="u" password="hunter2"',
      'enable.ssl.certificate.verification': 'false',
      'bootstrap.severs': 'a:1',
      'batch.num.messages': '10',
    }
    const patterns = [
      /properties: linger\.ms must be a whole number, got 'soon'/,
      /sasl\.mechanism must be one of PLAIN, SCRAM-SHA-256, .*, got 'GSSAPI'/,
      /sasl\.jaas\.config must be a login module/,
      /turns the check of certificates off/,
      /bootstrap\.severs is not known and is ignored: did you mean bootstrap\.servers\?/,
      /batch\.num\.messages is ignored: batches are bounded in bytes/,
      /bootstrap\.servers is missing/,
      /the password is missing \(sasl\.password, or sasl\.jaas\.config\)/,
    ]
    await assert.rejects(optionsFromProperties(properties), isInvalid(patterns, 'hunter2'))
  })

  it('reports what is not supported to onUnsupported instead, if it is given', async () => {
    const texts: string[] = []
    const options = await optionsFromProperties(
      { 'bootstrap.servers': 'a:1', 'batch.num.messages': '10' },
      { onUnsupported: (text) => texts.push(text) },
    )
    assert.deepEqual(options, { brokers: ['a:1'] })
    assert.deepEqual(texts, [
      'properties: batch.num.messages is ignored: batches are bounded in bytes (batch.size) ' +
        'only.',
    ])
  })

  it('rejects values outside the bounds of the options, and files that are not there', async () => {
    const wrong = { 'bootstrap.servers': 'a:1', 'max.in.flight': '9' }
    await assert.rejects(
      optionsFromProperties(wrong),
      isInvalid([/maxInFlightRequests is 9: at most 5 when idempotent/]),
    )
    await assert.rejects(
      optionsFromProperties('/nowhere/client.properties'),
      isInvalid([/can't be read: ENOENT.*\/nowhere\/client\.properties/]),
    )
    const notText = { 'linger.ms': 5 } as never
    await assert.rejects(
      optionsFromProperties(notText),
      isInvalid([/linger\.ms must be a string, got number/]),
    )
    await assert.rejects(optionsFromProperties(null as never), isInvalid([/got null/]))
  })
})

describe('settings by properties', () => {
  it('use neither TLS nor the password without security.protocol, and say so', () => {
    const { access, warnings } = clientSettings(
      {
        'sasl.username': 'a',
        'sasl.password': 'geheim',
        'sasl.mechanism': 'PLAIN',
        'ssl.ca.location': '/ca',
      },
      'c.properties',
    )
    assert.deepEqual(access, {})
    assert.deepEqual(warnings, [
      'c.properties: sasl.* and ssl.* is not used: security.protocol is missing, which means ' +
        'PLAINTEXT.',
    ])
  })

  it('warn of unknown names with the nearest one', () => {
    const { warnings, problems } = propertySettings(
      { 'bootstrap.severs': 'a:1', 'linger.sm': '4', 'zzz.zzz.zzz': '1' },
      'c',
    )
    assert.deepEqual(warnings, [
      'c: bootstrap.severs is not known and is ignored: did you mean bootstrap.servers?',
      'c: linger.sm is not known and is ignored: did you mean linger.ms?',
      'c: zzz.zzz.zzz is not known and is ignored.',
    ])
    assert.deepEqual(problems, [])
  })

  it("take extensions from Java's module and from librdkafka's list", () => {
    const module =
      'OAuthBearerLoginModule required clientId="a" clientSecret="b" ' +
      'extension_logicalCluster="lkc-1" extension_identityPoolId="pool-2";'
    const expected = { logicalCluster: 'lkc-1', identityPoolId: 'pool-2' }
    const java = propertySettings({ 'sasl.jaas.config': module }, 'c')
    assert.deepEqual(java.access.oauthExtensions, expected)
    const list = { 'sasl.oauthbearer.extensions': 'logicalCluster=lkc-1, identityPoolId=pool-2' }
    assert.deepEqual(propertySettings(list, 'c').access.oauthExtensions, expected)
  })

  const tokens = {
    'bootstrap.servers': 'a:1',
    'security.protocol': 'SASL_SSL',
    'sasl.mechanism': 'OAUTHBEARER',
    'sasl.oauthbearer.token.endpoint.url': 'https://authority.example/token',
  }
  const tokenOptions = {
    mechanism: 'OAUTHBEARER',
    tokenEndpoint: 'https://authority.example/token',
  }

  it("exchange a JWT by Java's names and by librdkafka's (KIP-1139)", async () => {
    const claims = { iss: 'team', sub: 'orders' }
    const assertion = { privateKey: '/keys/a.pem', passphrase: 'p', audience: 'kafka', claims }
    const java = await optionsFromProperties({
      ...tokens,
      'sasl.oauthbearer.jwt.retriever.class': 'org.apache.kafka.x.JwtBearerJwtRetriever',
      'sasl.oauthbearer.assertion.algorithm': 'RS256',
      'sasl.oauthbearer.assertion.private.key.file': '/keys/a.pem',
      'sasl.oauthbearer.assertion.private.key.passphrase': 'p',
      'sasl.oauthbearer.assertion.claim.aud': 'kafka',
      'sasl.oauthbearer.assertion.claim.iss': 'team',
      'sasl.oauthbearer.assertion.claim.sub': 'orders',
    })
    assert.deepEqual(java.sasl, { ...tokenOptions, clientId: 'orders', assertion })
    const librdkafka = await optionsFromProperties({
      ...tokens,
      'sasl.oauthbearer.method': 'oidc',
      'sasl.oauthbearer.grant.type': 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      'sasl.oauthbearer.assertion.private.key.file': '/keys/a.pem',
      'sasl.oauthbearer.assertion.private.key.passphrase': 'p',
      'sasl.oauthbearer.assertion.claim.audience': 'kafka',
      'sasl.oauthbearer.assertion.claim.issuer': 'team',
      'sasl.oauthbearer.assertion.claim.subject': 'orders',
    })
    assert.deepEqual(librdkafka.sasl, java.sasl)
  })

  it('prove who the client is by a JWT of a file, without the grant by JWT', async () => {
    const { sasl } = await optionsFromProperties({
      ...tokens,
      'sasl.oauthbearer.client.credentials.client.id': 'orders',
      'sasl.oauthbearer.assertion.file': '/var/run/token',
    })
    const clientAssertion = { file: '/var/run/token' }
    assert.deepEqual(sasl, { ...tokenOptions, clientId: 'orders', clientAssertion })
  })

  it('name what is missing for the grant by JWT', async () => {
    const properties = {
      ...tokens,
      'sasl.oauthbearer.client.credentials.client.id': 'orders',
      'sasl.oauthbearer.jwt.retriever.class': 'JwtBearerJwtRetriever',
    }
    const pattern = /the JWT is missing \(sasl\.oauthbearer\.assertion\.private\.key\.file/
    await assert.rejects(optionsFromProperties(properties), isInvalid([pattern]))
  })

  it('warn of claims of the JWT that are ignored', () => {
    const name = 'sasl.oauthbearer.assertion.claim.exp.seconds'
    const { warnings, problems } = propertySettings({ [name]: '300' }, 'c')
    assert.deepEqual(problems, [])
    assert.match(warnings[0]!, /exp\.seconds is ignored: the JWT is used at once/)
  })

  it('let keys choose no partition, where the partitioner is the default one', () => {
    const ignore = { 'partitioner.ignore.keys': 'true' }
    assert.deepEqual(propertySettings(ignore, 'c').options, { partitioner: 'sticky' })
    const other = { ...ignore, 'partitioner.class': 'RoundRobinPartitioner' }
    assert.deepEqual(propertySettings(other, 'c').options, { partitioner: 'round_robin' })
    const off = propertySettings({ 'partitioner.ignore.keys': 'false' }, 'c')
    assert.deepEqual(off.options, {})
  })

  it('warn where the choice by load is turned off', () => {
    const name = 'partitioner.adaptive.partitioning.enable'
    assert.deepEqual(propertySettings({ [name]: 'true' }, 'c').warnings, [])
    assert.match(propertySettings({ [name]: 'false' }, 'c').warnings[0]!, /is ignored/)
    assert.match(propertySettings({ [name]: 'x' }, 'c').problems[0]!, /must be true or false/)
  })

  for (const [name, value, expected] of [
    ['sasl.oauthbearer.method', 'default', /is 'default': expected oidc: .*client credentials/],
    ['sasl.oauthbearer.grant.type', 'password', /client credentials, jwt-bearer/],
    ['sasl.oauthbearer.jwt.retriever.class', 'a.b.OwnRetriever', /client credentials/],
    ['sasl.oauthbearer.assertion.algorithm', 'HS256', /must be one of RS256, ES256/],
    ['sasl.oauthbearer.config', 'principal=bob', /unsigned tokens/],
    ['sasl.oauthbearer.extensions', 'nothing', /must be NAME=VALUE/],
    [
      'sasl.jaas.config',
      'OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="b";',
      /names unsecuredLoginStringClaim_sub/,
    ],
  ] as const) {
    it(`reject an unsupported way to fetch tokens: ${name} ${value.slice(0, 40)}`, () => {
      const { problems } = propertySettings({ [name]: value }, 'c')
      assert.equal(problems.length, 1)
      assert.match(problems[0]!, expected)
    })
  }

  it('name what to do with a truststore that only Java reads', async () => {
    const properties = {
      'bootstrap.servers': 'a:1',
      'security.protocol': 'SSL',
      'ssl.truststore.type': 'JKS',
      'ssl.truststore.location': 'trust.jks',
    }
    const pattern = /keytool .* makes a PEM file of it, for ssl\.truststore\.type=PEM and /
    await assert.rejects(optionsFromProperties(properties), isInvalid([pattern]))
  })

  it('warn of a callback class of Java', () => {
    const properties = { 'sasl.login.callback.handler.class': 'com.example.Tokens' }
    const [warning] = propertySettings(properties, 'c').warnings
    assert.match(warning!, /com\.example\.Tokens, a class of Java/)
  })

  it('read a login module as Java reads it: quotes, escapes, either kind of quote', () => {
    const login = parseJaas(
      `a.b.PlainLoginModule required\n  username='it' password="p\\\\w\\"" x=y ;`,
    )
    assert.equal(login?.module, 'PlainLoginModule')
    assert.deepEqual(
      [...(login?.options ?? [])],
      [
        ['username', 'it'],
        ['password', 'p\\w"'],
        ['x', 'y'],
      ],
    )
    for (const wrong of ['', 'X', 'X required', 'X required a=b', 'X required a;', 'X maybe a=b;'])
      assert.equal(parseJaas(wrong), null, wrong)
  })
})
