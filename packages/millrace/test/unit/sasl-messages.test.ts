// The messages of SASL against the vectors of their RFCs, and against servers that lie.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SaslError } from '../../src/protocol/sasl/mechanism.ts'
import {
  bearerMessage,
  jwtExpiresAt,
  OAuthBearerMechanism,
  tokenProblem,
} from '../../src/protocol/sasl/oauth-bearer.ts'
import { PasswordCredentials } from '../../src/protocol/sasl/password-credentials.ts'
import { PlainMechanism } from '../../src/protocol/sasl/plain.ts'
import {
  checkServerFinal,
  clientFinal,
  clientFirst,
  clientFirstBare,
  deriveKeys,
  readServerFirst,
} from '../../src/protocol/sasl/scram.ts'
import { ScramMechanism } from '../../src/protocol/sasl/scram-mechanism.ts'

const text = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString()
const bytes = (said: string): Uint8Array => Buffer.from(said)
const none = new Uint8Array(0)
/** The exchange of RFC 7677, section 3: user `user`, password `pencil`. */
const rfc = {
  nonce: 'rOprNGfwEbeRWgbNEkqO',
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverFirst:
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,' +
    'p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
}

const scram = () =>
  new ScramMechanism(
    'SCRAM-SHA-256',
    new PasswordCredentials('user', 'pencil', () => {}),
    () => rfc.nonce,
  )

describe('SCRAM', () => {
  it('sends the messages of RFC 7677, and accepts a server that has the password', async () => {
    const session = scram().createSession()
    assert.equal(text(await session.next(none)), rfc.clientFirst)
    assert.equal(text(await session.next(bytes(rfc.serverFirst))), rfc.clientFinal)
    assert.equal(await session.next(bytes(rfc.serverFinal)), null)
  })

  it('rejects a server whose signature is wrong in one bit, or missing', async () => {
    const forged = Buffer.from(rfc.serverFinal.slice(2), 'base64')
    forged[31]! ^= 1
    const responses = [
      `v=${forged.toString('base64')}`,
      'v=AAAA',
      'v=',
      'v',
      '',
      'x=1',
      `${rfc.serverFinal.slice(0, -1)}!`,
    ]
    for (const response of responses) {
      const session = scram().createSession()
      await session.next(none)
      await session.next(bytes(rfc.serverFirst))
      await assert.rejects(async () => session.next(bytes(response)), SaslError, response)
    }
  })

  it("passes on the server's own message of its rejection", () => {
    assert.throws(
      () => checkServerFinal(bytes('e=invalid-proof'), Buffer.alloc(32)),
      /the broker refuses: invalid-proof/,
    )
  })

  it('reads numbers within its bounds only, and a nonce that continues its own', () => {
    const salt = 's=W22ZaJ0SNY7soEsUEjb6gQ=='
    const read = (said: string) => readServerFirst(bytes(said), 'abc')
    assert.deepEqual(read(`r=abcd,${salt},i=4096`).iterations, 4096)
    assert.deepEqual(read(`r=abcd,${salt},i=1000000`).iterations, 1_000_000)
    for (const said of [
      `r=abcd,${salt},i=4095`,
      `r=abcd,${salt},i=1000001`,
      `r=abcd,${salt},i=9999999999`,
      `r=abcd,${salt},i=-1`,
      `r=abcd,${salt},i=4096x`,
      `r=abc,${salt},i=4096`,
      `r=xabcd,${salt},i=4096`,
      `r=abc\u0001,${salt},i=4096`,
      `r=abcd,s=,i=4096`,
      `r=abcd,s=W22Z===,i=4096`,
      `r=abcd,s=${'A'.repeat(2000)},i=4096`,
      `m=x,r=abcd,${salt},i=4096`,
      `r=abcd,${salt}`,
      '',
      `r=abcd,${salt},i=4096,${'x'.repeat(9000)}`,
    ]) {
      assert.throws(() => read(said), SaslError, said.slice(0, 60))
    }
  })

  it('escapes the reserved characters of its messages, and nothing else', () => {
    assert.equal(text(clientFirst(clientFirstBare('a=b,c', 'N'))), 'n,,n=a=3Db=2Cc,r=N')
    assert.equal(clientFirstBare('Jürgen', 'N'), 'n=Jürgen,r=N')
  })

  it('derives the keys of a salt once, and other keys for another salt', async () => {
    const mechanism = scram()
    const run = async (salt: string) => {
      const session = mechanism.createSession()
      await session.next(none)
      return text(await session.next(bytes(`r=${rfc.nonce}x,s=${salt},i=200000`)))
    }
    // Deriving keys is work of another thread: its response takes a turn of the event loop.
    const derives = async (salt: string) => {
      let turns = 0
      setImmediate(() => turns++)
      const said = await run(salt)
      return { said, derived: turns > 0 }
    }
    const first = await derives('AAAA')
    assert.equal(first.derived, true)
    assert.deepEqual(await derives('AAAA'), { said: first.said, derived: false })
    const other = await derives('AAAB')
    assert.equal(other.derived, true)
    assert.notEqual(other.said, first.said)
  })

  it('proves the same password under SHA-512, with a proof of its length', async () => {
    const first = { salt: Buffer.from('salt'), iterations: 4096 }
    const keys = await deriveKeys('sha512', 'pencil', first)
    const { message, serverSignature } = clientFinal('sha512', keys, 'n=u,r=a', bytes('x'), 'ab')
    assert.equal(serverSignature.length, 64)
    const proof = /,p=(.*)$/.exec(text(message))?.[1] ?? ''
    assert.equal(Buffer.from(proof, 'base64').length, 64)
  })
})

describe('PLAIN', () => {
  it('is one message, and then succeeds', async () => {
    const credentials = new PasswordCredentials('alice', 'pässword', () => {})
    const session = new PlainMechanism(credentials).createSession()
    assert.equal(text((await session.next(none)) as Uint8Array), '\0alice\0pässword')
    assert.equal(await session.next(none), null)
  })
})

describe('OAUTHBEARER', () => {
  it('is one message with the token and the extensions', () => {
    const token = { value: 'abc.def', extensions: { logicalCluster: 'lkc-1' } }
    assert.equal(
      text(bearerMessage(token)),
      'n,,\x01auth=Bearer abc.def\x01logicalCluster=lkc-1\x01\x01',
    )
    assert.equal(text(bearerMessage({ value: 'a' })), 'n,,\x01auth=Bearer a\x01\x01')
  })

  it("responds to a rejection with one byte, and then reports the broker's message", async () => {
    const session = new OAuthBearerMechanism({
      get: async () => ({ value: 'abc' }),
      forget: () => {},
    }).createSession()
    await session.next(none)
    assert.deepEqual(await session.next(bytes('{"status":"invalid_token"}')), Uint8Array.of(1))
    await assert.rejects(async () => session.next(none), /does not accept the token: invalid_token/)
  })

  it('rejects tokens and extensions that would break the message', () => {
    assert.equal(tokenProblem({ value: 'a.b-c_~+/=', extensions: { a: 'b' } }), null)
    for (const token of [
      null,
      'abc',
      {},
      { value: '' },
      { value: 'a\x01auth=Bearer b' },
      { value: 'a b' },
      { value: 'a', expiresAt: Number.NaN },
      { value: 'a', expiresAt: '1' },
      { value: 'a', extensions: { auth: 'x' } },
      { value: 'a', extensions: { 'a=b': 'x' } },
      { value: 'a', extensions: { a: 'x\x01y' } },
    ]) {
      const problem = tokenProblem(token)
      assert.equal(typeof problem, 'string', JSON.stringify(token))
      assert.doesNotMatch(problem ?? '', /Bearer/)
    }
  })

  it('reads the expiration of a JWT, and of no other token', () => {
    const jwt = (payload: object) =>
      `e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.x`
    assert.equal(jwtExpiresAt(jwt({ exp: 1_700_000_000 })), 1_700_000_000_000)
    for (const value of ['', 'a', 'a.b.c', jwt({}), jwt({ exp: 'soon' }), jwt({ exp: -1 })]) {
      assert.equal(jwtExpiresAt(value), undefined, value)
    }
  })
})
