// Sessions at the in-process cluster: how long they live, how a client renews them (KIP-368), and
// the faults that a test may set.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { saslHandshakeApi } from '../../src/protocol/api/17-sasl-handshake.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import type { ClusterSaslOptions } from '../../src/testing.ts'
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

const users = { alice: 'alice-secret', bob: 'bob-secret' }
const sasl: ClusterSaslOptions = { mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'OAUTHBEARER'], users }
const short: ClusterSaslOptions = { ...sasl, sessionLifetimeMs: 3000 }
const failed = errorNumber.SASL_AUTHENTICATION_FAILED

const onSaslStage = (
  options: ClusterSaslOptions,
  body: (stage: Stage) => Promise<void>,
): Promise<void> => onStage({ topics: { orders: 1 }, sasl: options }, body)

const handshake = (client: RawClient, mechanism = 'PLAIN') =>
  client.request(saslHandshakeApi, 1, { mechanism })

/** A request on an authenticated connection is carried out. */
const writes = async ({ run }: Stage, client: RawClient): Promise<void> => {
  assert.equal((await run(produce(client, 'orders', 0, batchOf(1)))).errorCode, 0)
}

test('the response has the lifetime of the session; a request after it closes the connection', () =>
  onSaslStage(short, async (stage) => {
    const { clock, connect, run } = stage
    const client = connect()
    const response = await run(logInPlainly(client, 'alice', users.alice))
    assert.equal(response.sessionLifetimeMs, 3000)
    await clock.advance(2900)
    await writes(stage, client)
    await clock.advance(200)
    await isClosedBy(stage, client, client.request(metadataApi, 12, {}))
    const old = connect()
    const short = await run(logInPlainly(old, 'alice', users.alice, 0))
    assert.equal(short.sessionLifetimeMs, 0, 'version 0 has no field for it')
    await clock.advance(3100)
    await isClosedBy(stage, old, old.request(metadataApi, 12, {}))
  }))

test('a token that ends sooner than the session is what counts', () =>
  onSaslStage(short, async ({ clock, connect, run }) => {
    for (const [seconds, lifetimeMs] of [
      [2, 2000],
      [60, 3000],
    ] as const) {
      const client = connect()
      await run(chooseMechanism(client, 'OAUTHBEARER'))
      const exp = clock.wallTime() / 1000 + seconds
      const token = bearerToken(unsecuredToken({ sub: 'alice', exp }))
      assert.equal((await run(authenticate(client, token))).sessionLifetimeMs, lifetimeMs)
    }
  }))

test('a client that authenticates again in time continues, also with a changed password', () =>
  onSaslStage(short, async (stage) => {
    const { cluster, clock, connect, run } = stage
    const client = connect()
    await run(logInPlainly(client, 'alice', users.alice))
    cluster.setPassword('alice', 'changed')
    for (let round = 0; round < 5; round++) {
      await clock.advance(2500)
      await writes(stage, client)
      assert.equal((await run(handshake(client))).errorCode, 0)
      const response = await run(authenticate(client, plainToken('alice', 'changed')))
      assert.deepEqual([response.errorCode, response.sessionLifetimeMs], [0, 3000])
      await writes(stage, client)
    }
    await clock.advance(3500)
    assert.equal((await run(handshake(client))).errorCode, 0, 'late, but before any request')
    assert.equal((await run(authenticate(client, plainToken('alice', 'changed')))).errorCode, 0)
    await writes(stage, client)
  }))

test('requests between the handshake and the token of a re-authentication are refused', () =>
  onSaslStage(short, async (stage) => {
    const { connect, run } = stage
    const client = connect()
    await run(logInPlainly(client, 'alice', users.alice))
    await run(handshake(client))
    await isClosedBy(stage, client, produce(client, 'orders', 0, batchOf(1)))
  }))

test('a second re-authentication within a second is an ILLEGAL_SASL_STATE', () =>
  onSaslStage(short, async (stage) => {
    const { clock, connect, run } = stage
    const client = connect()
    await run(logInPlainly(client, 'alice', users.alice))
    await run(handshake(client))
    await run(authenticate(client, plainToken('alice', users.alice)))
    await clock.advance(900)
    assert.equal((await run(handshake(client))).errorCode, errorNumber.ILLEGAL_SASL_STATE)
    await writes(stage, client)
    await clock.advance(200)
    assert.equal((await run(handshake(client))).errorCode, 0)
  }))

test('re-authentication must be of the same user, by the same mechanism', () =>
  onSaslStage(short, async (stage) => {
    const { connect, run } = stage
    const client = connect()
    await run(logInPlainly(client, 'alice', users.alice))
    await run(handshake(client))
    const response = await run(authenticate(client, plainToken('bob', users.bob)))
    assert.deepEqual(
      [response.errorCode, response.errorMessage],
      [failed, 'Cannot change principals during re-authentication from User.alice: User.bob'],
    )
    await run(client.closed)
    const other = connect()
    await run(logInPlainly(other, 'alice', users.alice))
    assert.equal((await run(handshake(other, 'SCRAM-SHA-256'))).errorCode, 0)
    await isClosedBy(
      stage,
      other,
      scram(other, { hash: 'sha256', user: 'alice', password: users.alice }),
    )
    const wrong = connect()
    await run(chooseMechanism(wrong, 'SCRAM-SHA-256'))
    const login = { hash: 'sha256', user: 'alice', password: users.alice } as const
    assert.equal((await run(scram(wrong, login))).sessionLifetimeMs, 3000)
    await run(handshake(wrong, 'SCRAM-SHA-256'))
    const refused = await run(scram(wrong, { ...login, password: 'wrong' }))
    assert.match(refused.errorMessage ?? '', /failed during re-authentication due to invalid/)
    await run(wrong.closed)
  }))

test('setPassword adds, changes and removes users; sessions stay', () =>
  onSaslStage(sasl, async (stage) => {
    const { cluster, connect, run } = stage
    const inside = connect()
    await run(logInPlainly(inside, 'alice', users.alice))
    const outcome = async (user: string, password: string) => [
      (await run(logInPlainly(connect(), user, password))).errorCode,
      await run(
        (async () => {
          const client = connect()
          await chooseMechanism(client, 'SCRAM-SHA-256')
          return (await scram(client, { hash: 'sha256', user, password })).errorCode
        })(),
      ),
    ]
    assert.deepEqual(await outcome('alice', users.alice), [0, 0])
    cluster.setPassword('alice', 'changed')
    assert.deepEqual(await outcome('alice', users.alice), [failed, failed])
    assert.deepEqual(await outcome('alice', 'changed'), [0, 0])
    cluster.setPassword('alice', null)
    assert.deepEqual(await outcome('alice', 'changed'), [failed, failed])
    cluster.setPassword('carol', 'new')
    assert.deepEqual(await outcome('carol', 'new'), [0, 0])
    await writes(stage, inside)
  }))

test('expireSessions ends every session at its next request; re-authentication saves it', () =>
  onSaslStage(sasl, async (stage) => {
    const { cluster, connect, run } = stage
    const [lost, saved] = [connect(), connect()]
    for (const client of [lost, saved]) await run(logInPlainly(client, 'alice', users.alice))
    cluster.expireSessions()
    await isClosedBy(stage, lost, lost.request(metadataApi, 12, {}))
    await run(handshake(saved))
    await run(authenticate(saved, plainToken('alice', users.alice)))
    await writes(stage, saved)
  }))

test('a fault refuses the next attempts in the words of a wrong password', () =>
  onSaslStage(sasl, async ({ cluster, connect, run }) => {
    const rule = { api: 'SaslAuthenticate', error: 'SASL_AUTHENTICATION_FAILED', count: 2 } as const
    const fault = cluster.fault(rule)
    for (let attempt = 0; attempt < 2; attempt++) {
      const client = connect()
      const response = await run(logInPlainly(client, 'alice', users.alice))
      assert.deepEqual(
        [response.errorCode, response.errorMessage],
        [failed, 'Authentication failed: Invalid username or password'],
      )
      await run(client.closed)
    }
    assert.equal(fault.hits, 2)
    assert.equal((await run(logInPlainly(connect(), 'alice', users.alice))).errorCode, 0)
    cluster.fault({ ...rule, count: 1, at: 'after' })
    const late = connect()
    assert.equal((await run(logInPlainly(late, 'alice', users.alice))).errorCode, failed)
    await run(late.closed)
    cluster.fault({ api: 'SaslHandshake', error: 'UNSUPPORTED_SASL_MECHANISM' })
    assert.equal(
      (await run(handshake(connect()))).errorCode,
      errorNumber.UNSUPPORTED_SASL_MECHANISM,
    )
  }))

test('without SASL there are no passwords and no sessions', () =>
  onStage({}, async ({ cluster }) => {
    const refusal = { code: 'INVALID_STATE', message: /started without sasl/ }
    assert.throws(() => cluster.setPassword('alice', 'x'), refusal)
    assert.throws(() => cluster.expireSessions(), refusal)
  }))
