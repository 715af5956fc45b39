// SASL at the in-process cluster: who is accepted, with which messages the others are refused, and
// which requests are allowed before. The words are compared with a real broker's in test/kafka.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { saslHandshakeApi } from '../../src/protocol/api/17-sasl-handshake.ts'
import { apiVersionsApi } from '../../src/protocol/api/18-api-versions.ts'
import { saslAuthenticateApi } from '../../src/protocol/api/36-sasl-authenticate.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import type { ClusterSaslOptions } from '../../src/testing.ts'
import { startCluster } from '../../src/testing.ts'
import { batchOf, onStage, produce, type RawClient, type Stage } from './in-process-cluster-kit.ts'
import {
  authenticate,
  bearerToken,
  chooseMechanism,
  isClosedBy,
  logInPlainly,
  plainToken,
  scram,
  unsecuredToken,
} from './in-process-cluster-sasl-kit.ts'

const users = { alice: 'alice-secret', bob: 'bob-secret', 'c=d,e': 'odd' }
const everything: ClusterSaslOptions = {
  mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'],
  users,
}
const failed = errorNumber.SASL_AUTHENTICATION_FAILED
const wrongPassword = 'Authentication failed: Invalid username or password'
const general = (mechanism: string) =>
  'Authentication failed during authentication due to invalid credentials ' +
  `with SASL mechanism ${mechanism}`

const onSaslStage = (body: (stage: Stage) => Promise<void>, sasl = everything): Promise<void> =>
  onStage({ topics: { orders: 1 }, sasl }, body)

test('PLAIN accepts the right password; the request view has the principal', () =>
  onSaslStage(async ({ cluster, connect, run }) => {
    const seen: (string | null)[] = []
    cluster.onRequest(({ api, principal }) => {
      if (api === 'Produce' || api === 'SaslAuthenticate') seen.push(principal)
    })
    const client = connect()
    const response = await run(logInPlainly(client, 'alice', users.alice))
    assert.deepEqual(
      [
        response.errorCode,
        response.errorMessage,
        response.authBytes.length,
        response.sessionLifetimeMs,
      ],
      [0, '', 0, 0],
    )
    assert.equal((await run(produce(client, 'orders', 0, batchOf(2)))).errorCode, 0)
    assert.deepEqual(seen, [null, 'alice'])
  }))

test("a failed authentication has Kafka's message, a delay, and ends the connection", async () => {
  const attempts: [token: Buffer, message: string][] = [
    [plainToken('alice', 'wrong'), wrongPassword],
    [plainToken('unknown-user', 'wrong'), wrongPassword],
    [plainToken('', 'x'), 'Authentication failed: username not specified'],
    [plainToken('alice', ''), 'Authentication failed: password not specified'],
    [Buffer.from('alice'), 'Invalid SASL/PLAIN response: expected 3 tokens, got 1'],
    [
      plainToken('alice', users.alice, 'bob'),
      'Authentication failed: Client requested an authorization id that is different from username',
    ],
  ]
  for (const [token, message] of attempts) {
    await onSaslStage(async ({ clock, connect, run }) => {
      const client = connect()
      await run(chooseMechanism(client, 'PLAIN'))
      const startMs = clock.now()
      const response = await run(authenticate(client, token))
      assert.deepEqual([response.errorCode, response.errorMessage], [failed, message])
      assert.ok(clock.now() - startMs >= 100)
      await run(client.closed)
    })
  }
})

for (const hash of ['sha256', 'sha512'] as const) {
  const mechanism = hash === 'sha256' ? 'SCRAM-SHA-256' : 'SCRAM-SHA-512'

  test(`${mechanism} lets in who knows the password, names with = and , too`, () =>
    onSaslStage(async ({ connect, run }) => {
      for (const [user, password] of Object.entries(users)) {
        const client = connect()
        await run(chooseMechanism(client, mechanism))
        const response = await run(scram(client, { hash, user, password }))
        assert.equal(response.errorCode, 0, user)
        assert.equal((await run(produce(client, 'orders', 0, batchOf(1)))).errorCode, 0)
      }
    }))

  test(`${mechanism} refuses a wrong password, an unknown user and changed messages alike`, () =>
    onSaslStage(async ({ connect, run }) => {
      const login = { hash, user: 'alice', password: users.alice }
      const attempts = [
        { ...login, password: 'wrong' },
        { ...login, user: 'unknown-user' },
        { ...login, spoil: (final: string) => final.replace(',r=client', ',r=Client') },
        { ...login, spoil: (final: string) => final.replace('c=biws', 'c=eSws') },
        { ...login, spoil: (final: string) => final.replace(/p=.*/, 'p=AAAA') },
        { ...login, spoil: () => 'nonsense' },
        { ...login, spoil: () => '' },
      ]
      for (const attempt of attempts) {
        const client = connect()
        await run(chooseMechanism(client, mechanism))
        const response = await run(scram(client, attempt))
        assert.deepEqual([response.errorCode, response.errorMessage], [failed, general(mechanism)])
        await run(client.closed)
      }
    }))
}

test('OAUTHBEARER takes unsecured tokens with a subject until their end', () =>
  onSaslStage(async (stage) => {
    const { clock, connect, run } = stage
    const exp = Math.ceil(clock.wallTime() / 1000) + 60
    const client = connect()
    await run(chooseMechanism(client, 'OAUTHBEARER'))
    const token = bearerToken(unsecuredToken({ sub: 'alice', exp }), 'alice')
    const response = await run(authenticate(client, token))
    assert.equal(response.errorCode, 0)
    assert.equal(response.sessionLifetimeMs, exp * 1000 - clock.wallTime())
    assert.equal((await run(produce(client, 'orders', 0, batchOf(1)))).errorCode, 0)
    await clock.advance(61_000)
    await isClosedBy(stage, client, produce(client, 'orders', 0, batchOf(1)))
  }))

test('OAUTHBEARER names the reason as JSON, and fails once the client has acknowledged it', () =>
  onSaslStage(async ({ clock, connect, run }) => {
    const now = Math.floor(clock.wallTime() / 1000)
    const bad = [
      unsecuredToken({ sub: 'alice', exp: now - 1 }),
      unsecuredToken({ sub: 'alice' }),
      unsecuredToken({ exp: now + 60 }),
      unsecuredToken({ sub: 'alice', exp: now + 60 }, { alg: 'HS256' }),
      `${unsecuredToken({ sub: 'alice', exp: now + 60 })}c2lnbmVk`,
      'no-token',
    ]
    for (const token of bad) {
      const client = connect()
      await run(chooseMechanism(client, 'OAUTHBEARER'))
      const reason = await run(authenticate(client, bearerToken(token)))
      assert.equal(reason.errorCode, 0)
      assert.equal(Buffer.from(reason.authBytes).toString(), '{"status":"invalid_token"}')
      const response = await run(authenticate(client, Buffer.from([1])))
      assert.deepEqual(
        [response.errorCode, response.errorMessage],
        [failed, '{"status":"invalid_token"}'],
      )
      await run(client.closed)
    }
  }))

test('OAUTHBEARER calls validateToken, if it is set', () => {
  const validated: unknown[] = []
  const validateToken: ClusterSaslOptions['validateToken'] = async (token, extensions) => {
    validated.push([token, extensions])
    if (token === 'broken') throw new Error('the validator fails')
    return token === 'good' ? { principal: 'carol' } : null
  }
  return onSaslStage(
    async ({ connect, run }) => {
      const message = Buffer.from('n,,\u0001auth=Bearer good\u0001traceId=7\u0001\u0001')
      const client = connect()
      await run(chooseMechanism(client, 'OAUTHBEARER'))
      const response = await run(authenticate(client, message))
      assert.deepEqual([response.errorCode, response.sessionLifetimeMs], [0, 0])
      for (const token of ['bad', 'broken']) {
        const refused = connect()
        await run(chooseMechanism(refused, 'OAUTHBEARER'))
        const reason = await run(authenticate(refused, bearerToken(token)))
        assert.match(Buffer.from(reason.authBytes).toString(), /invalid_token/)
      }
      assert.deepEqual(validated.slice(0, 2), [
        ['good', { traceId: '7' }],
        ['bad', {}],
      ])
    },
    { mechanisms: ['OAUTHBEARER'], validateToken },
  )
})

test('before authentication only ApiVersions, once, and SaslHandshake are served', () =>
  onSaslStage(async (stage) => {
    const { connect, run } = stage
    const unauthenticated = connect()
    await isClosedBy(stage, unauthenticated, unauthenticated.request(metadataApi, 12, {}))
    const early = connect()
    await isClosedBy(
      stage,
      early,
      early.request(saslAuthenticateApi, 2, { authBytes: plainToken('alice', users.alice) }),
    )
    const otherClient = connect()
    await run(otherClient.request(apiVersionsApi, 3, {}))
    await isClosedBy(stage, otherClient, otherClient.request(apiVersionsApi, 3, {}))
    const tooNew = connect()
    await run(tooNew.send(18, 99, true, (writer) => writer.writeCompactString('x')))
    assert.equal((await run(logInPlainly(tooNew, 'alice', users.alice))).errorCode, 0)
  }))

test('the response to a mechanism that is not offered lists those that are', () =>
  onSaslStage(
    async ({ connect, run }) => {
      const client = connect()
      const response = await run(client.request(saslHandshakeApi, 1, { mechanism: 'GSSAPI' }))
      assert.deepEqual(response, {
        errorCode: errorNumber.UNSUPPORTED_SASL_MECHANISM,
        mechanisms: ['SCRAM-SHA-512', 'PLAIN'],
      })
      await run(client.closed)
    },
    { mechanisms: ['SCRAM-SHA-512', 'PLAIN'], users },
  ))

test('a request instead of a token gets ILLEGAL_SASL_STATE, and is closed', () =>
  onSaslStage(async (stage) => {
    const { connect, run } = stage
    const client = connect()
    await run(chooseMechanism(client, 'PLAIN'))
    const again = await run(client.request(saslHandshakeApi, 1, { mechanism: 'PLAIN' }))
    assert.equal(again.errorCode, errorNumber.ILLEGAL_SASL_STATE)
    await run(client.closed)
    const other = connect()
    await run(chooseMechanism(other, 'PLAIN'))
    await isClosedBy(stage, other, produce(other, 'orders', 0, batchOf(1)))
    const large = connect()
    await run(chooseMechanism(large, 'PLAIN'))
    await isClosedBy(stage, large, authenticate(large, Buffer.alloc(600_000)))
  }))

test('after authentication, and without SASL, both apis respond ILLEGAL_SASL_STATE', async () => {
  const isRefused = async ({ run }: Stage, client: RawClient) => {
    const handshake = await run(client.request(saslHandshakeApi, 1, { mechanism: 'PLAIN' }))
    assert.deepEqual(handshake, { errorCode: errorNumber.ILLEGAL_SASL_STATE, mechanisms: [] })
    const response = await run(authenticate(client, plainToken('alice', users.alice)))
    assert.equal(response.errorCode, errorNumber.ILLEGAL_SASL_STATE)
    assert.match(response.errorMessage ?? '', /after successful authentication/)
    assert.equal((await run(produce(client, 'orders', 0, batchOf(1)))).errorCode, 0)
  }
  await onSaslStage(async (stage) => {
    const client = stage.connect()
    await stage.run(logInPlainly(client, 'alice', users.alice))
    await isRefused(stage, client)
  })
  await onStage({ topics: { orders: 1 } }, (stage) => isRefused(stage, stage.connect()))
})

test('after SaslHandshake version 0 tokens travel without a request around them', () =>
  onSaslStage(async (stage) => {
    const { cluster, connect, run } = stage
    const frame = (token: Buffer) => {
      const size = Buffer.alloc(4)
      size.writeInt32BE(token.length)
      return Buffer.concat([size, token])
    }
    const wrong = connect()
    await run(chooseMechanism(wrong, 'PLAIN', 0))
    wrong.sendRaw(frame(plainToken('alice', 'wrong')))
    await run(wrong.closed)
    const client = connect()
    await run(chooseMechanism(client, 'PLAIN', 0))
    // Its response, an empty token, is cut off: the response to a request must be longer.
    const isOver = new Promise<void>((resolve) => cluster.onRequest(() => resolve()))
    client.expectBareResponse()
    client.sendRaw(frame(plainToken('alice', users.alice)))
    assert.equal((await run(produce(client, 'orders', 0, batchOf(1)))).errorCode, 0)
    await run(isOver)
  }))

test('any token gets a typed error or a closed connection, and the cluster continues', () =>
  fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...everything.mechanisms),
      fc.oneof(
        fc.uint8Array({ maxLength: 80 }),
        fc.string({ maxLength: 80 }).map((text) => Buffer.from(text)),
        fc
          .tuple(fc.constantFrom('n,,', 'n,a=x,', 'y,,'), fc.string({ maxLength: 40 }))
          .map(([header, rest]) => Buffer.from(`${header}n=alice,r=${rest}`)),
      ),
      (mechanism, token) =>
        onSaslStage(async ({ connect, run }) => {
          const client = connect()
          await run(chooseMechanism(client, mechanism))
          const first = await run(authenticate(client, token))
          if (first.errorCode === 0) {
            const second = await run(authenticate(client, token))
            assert.equal(second.errorCode, failed)
          } else assert.equal(first.errorCode, failed)
          await run(client.closed)
        }),
    ),
    { numRuns: 150 },
  ))

test('invalid options are rejected at once, and so is TLS in memory', async () => {
  const sasl = {
    mechanisms: ['PLAIN', 'GSSAPI'],
    users: { alice: '' },
    sessionLifetimeMs: 0,
    validateToken: () => null,
  } as unknown as ClusterSaslOptions
  await assert.rejects(startCluster({ sasl }), {
    code: 'INVALID_OPTION',
    message: /some of PLAIN.*got "GSSAPI".*password of "alice" must.*must contain OAUTH/,
  })
  await assert.rejects(startCluster({ sasl }), /sessionLifetimeMs must be more than 0, got 0/)
  await assert.rejects(
    startCluster({ sasl: { mechanisms: [] } }),
    /must be some of PLAIN.*got \[\]/,
  )
  const tls = { cert: 'not PEM', key: 'not PEM' }
  await assert.rejects(startCluster({ tls }), { code: 'INVALID_OPTION', message: /must be PEM/ })
  await assert.rejects(
    startCluster({ tls: { ...tls, requestClientCert: true } }),
    /tls\.ca must be set/,
  )
  await assert.rejects(
    onStage({ tls }, async () => {}),
    { code: 'INVALID_OPTION', message: /tls must not be set on a cluster in memory/ },
  )
})
