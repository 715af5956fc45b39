// What the tests of the cluster's authentication share: the client's part of SASL, by hand on a
// RawClient. SCRAM is written here once more, apart from the cluster's and the producer's.

import assert from 'node:assert/strict'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { saslHandshakeApi } from '../../src/protocol/api/17-sasl-handshake.ts'
import { apiVersionsApi } from '../../src/protocol/api/18-api-versions.ts'
import {
  type SaslAuthenticateResponse,
  saslAuthenticateApi,
} from '../../src/protocol/api/36-sasl-authenticate.ts'
import type { RawClient, Stage } from './in-process-cluster-kit.ts'

export const plainToken = (user: string, password: string, authorizationId = ''): Buffer =>
  Buffer.from(`${authorizationId}\0${user}\0${password}`)

/** An unsecured JWT; `exp` in seconds since the epoch. */
export const unsecuredToken = (claims: object, header: object = { alg: 'none' }): string =>
  [header, claims]
    .map((part) => `${Buffer.from(JSON.stringify(part)).toString('base64url')}.`)
    .join('')

export const bearerToken = (token: string, authorizationId = ''): Buffer => {
  const header = authorizationId === '' ? 'n,,' : `n,a=${authorizationId},`
  return Buffer.from(`${header}\u0001auth=Bearer ${token}\u0001\u0001`)
}

/** What a real broker wants to know in ApiVersions. */
export const software = { clientSoftwareName: 'raw', clientSoftwareVersion: '1' }

/** ApiVersions, then SaslHandshake. */
export const chooseMechanism = async (
  client: RawClient,
  mechanism: string,
  version = 1,
): Promise<void> => {
  const { errorCode } = await client.request(apiVersionsApi, 3, software)
  assert.equal(errorCode, 0)
  const response = await client.request(saslHandshakeApi, version, { mechanism })
  assert.equal(response.errorCode, 0)
}

export const authenticate = (
  client: RawClient,
  authBytes: Uint8Array,
  version = 2,
): Promise<SaslAuthenticateResponse> => client.request(saslAuthenticateApi, version, { authBytes })

/** PLAIN from the first request on. */
export const logInPlainly = async (
  client: RawClient,
  user: string,
  password: string,
  version = 2,
): Promise<SaslAuthenticateResponse> => {
  await chooseMechanism(client, 'PLAIN')
  return authenticate(client, plainToken(user, password), version)
}

export interface ScramLogin {
  readonly hash: 'sha256' | 'sha512'
  readonly user: string
  readonly password: string
  /** Changes the last message before it is sent. */
  readonly spoil?: (final: string) => string
}

/** Both messages of SCRAM, after the handshake; checks the server's signature. */
export const scram = async (
  client: RawClient,
  { hash, user, password, spoil = (final) => final }: ScramLogin,
): Promise<SaslAuthenticateResponse> => {
  const name = user.replaceAll('=', '=3D').replaceAll(',', '=2C')
  const first = `n=${name},r=client-nonce`
  const challenge = await authenticate(client, Buffer.from(`n,,${first}`))
  if (challenge.errorCode !== 0) return challenge
  const text = Buffer.from(challenge.authBytes).toString()
  const [, nonce, salt, count] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(text) ?? []
  assert.ok(nonce?.startsWith('client-nonce') && nonce.length > 30, text)
  const hmac = (key: Uint8Array, data: string) => createHmac(hash, key).update(data).digest()
  const size = hash === 'sha256' ? 32 : 64
  const salted = pbkdf2Sync(password, Buffer.from(salt!, 'base64'), Number(count), size, hash)
  const clientKey = hmac(salted, 'Client Key')
  const last = `c=${Buffer.from('n,,').toString('base64')},r=${nonce}`
  const signed = `${first},${text},${last}`
  const signature = hmac(createHash(hash).update(clientKey).digest(), signed)
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!))
  const final = spoil(`${last},p=${proof.toString('base64')}`)
  const response = await authenticate(client, Buffer.from(final))
  if (response.errorCode === 0) {
    const verifier = hmac(hmac(salted, 'Server Key'), signed).toString('base64')
    assert.equal(Buffer.from(response.authBytes).toString(), `v=${verifier}`)
  }
  return response
}

/** The request gets no response, and the connection is gone. */
export const isClosedBy = async (
  { run }: Stage,
  client: RawClient,
  response: Promise<unknown>,
): Promise<void> => {
  const rejected = assert.rejects(response, /closed/)
  await run(client.closed)
  await rejected
}
