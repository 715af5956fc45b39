// A foreign OpenID Connect server on the loopback address (the package `oidc-provider`), with two
// clients: `signer` proves who it is by a JWT that it signs (private_key_jwt), `bearer` exchanges a
// JWT for its token (the grant jwt-bearer, which the package leaves to its users: `jose` checks
// that JWT). Both are known by the same keys, which a test may replace.

import { generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { importTool } from '../package/tools.ts'

const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const resource = 'urn:kafka'
export const audience = 'kafka'
/** A producer requests another one at the next authentication that is two seconds later. */
const shortTokenSeconds = 7
const longTokenSeconds = 3600

interface Store {
  upsert(id: string, payload: object): Promise<void>
  find(id: string): Promise<object | undefined>
  destroy(id: string): Promise<void>
  consume(id: string): Promise<void>
  findByUid(): Promise<undefined>
  findByUserCode(): Promise<undefined>
  revokeByGrantId(): Promise<void>
}

interface AccessToken {
  resourceServer: object
  readonly expiration: number
  readonly tokenType: string
  save(): Promise<string>
}

interface GrantContext {
  readonly oidc: {
    readonly client: { readonly clientId: string }
    readonly params: { readonly assertion?: string }
    entity(name: string, token: AccessToken): void
  }
  body: object
}

interface OidcServer {
  callback(): (request: object, response: object) => void
  on(event: 'grant.success' | 'grant.error', listener: () => void): void
  registerGrantType(
    name: string,
    handler: (context: GrantContext) => Promise<void>,
    parameters: readonly string[],
  ): void
  readonly ClientCredentials: new (fields: { client: object; scope: string }) => AccessToken
  readonly ResourceServer: new (identifier: string, fields: object) => object
}

interface OidcModule {
  readonly default: new (issuer: string, configuration: object) => OidcServer
  readonly errors: { readonly InvalidGrant: new (detail: string) => Error }
}

interface JoseModule {
  createLocalJWKSet(keys: { readonly keys: readonly JsonWebKey[] }): object
  jwtVerify(jwt: string, keys: object, expected: object): Promise<unknown>
}

export interface OidcAuthority extends AsyncDisposable {
  readonly issuer: string
  readonly tokenEndpoint: string
  readonly keysUrl: string
  /** The public keys of both clients from now on. */
  trust(...keys: readonly KeyObject[]): void
  /** Gives tokens that live for an hour from now on. */
  giveLongTokens(): void
  /** Resolves with the next token that is given. */
  untilGiven(): Promise<void>
  /** Resolves with the next request that is refused. */
  untilRefused(): Promise<void>
}

const clientKey = (key: KeyObject): JsonWebKey => ({
  ...key.export({ format: 'jwk' }),
  alg: 'ES256',
  use: 'sig',
})

const memoryStore = (special?: (id: string) => object | undefined): Store => {
  const kept = new Map<string, object>()
  return {
    upsert: async (id, payload) => void kept.set(id, payload),
    find: async (id) => special?.(id) ?? kept.get(id),
    destroy: async (id) => void kept.delete(id),
    consume: async () => {},
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    revokeByGrantId: async () => {},
  }
}

const callAll = (waiting: (() => void)[]): void => {
  for (const resolve of waiting.splice(0)) resolve()
}

export const startOidcAuthority = async (): Promise<OidcAuthority> => {
  const { default: Server, errors } = await importTool<OidcModule>(
    'oidc-provider/lib/index.js',
    '../kafka/authorities',
  )
  const jose = await importTool<JoseModule>('jose/dist/webapi/index.js', '../kafka/authorities')
  let keys: readonly JsonWebKey[] = []
  const clients: Readonly<Record<string, object>> = {
    signer: { token_endpoint_auth_method: 'private_key_jwt', grant_types: ['client_credentials'] },
    bearer: { token_endpoint_auth_method: 'none', grant_types: [jwtBearer] },
  }
  const clientOf = (id: string): object | undefined => {
    const client = clients[id]
    if (client === undefined) return undefined
    const none = { redirect_uris: [], response_types: [] }
    return { client_id: id, ...none, ...client, jwks: { keys } }
  }
  let tokenSeconds = shortTokenSeconds
  const resourceServer = () => ({
    scope: 'write',
    audience,
    accessTokenTTL: tokenSeconds,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: 'RS256' } },
  })
  const serverKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const http = createServer((request, response) => handle(request, response))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const server = new Server(issuer, {
    adapter: (name: string) => memoryStore(name === 'Client' ? clientOf : undefined),
    jwks: { keys: [{ ...serverKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }] },
    scopes: ['write'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        getResourceServerInfo: resourceServer,
      },
    },
  })
  const exchange = async (context: GrantContext): Promise<void> => {
    const { client, params } = context.oidc
    const expected = { issuer: client.clientId, audience: `${issuer}/token` }
    const attempts = keys.map((key) =>
      jose.jwtVerify(params.assertion ?? '', jose.createLocalJWKSet({ keys: [key] }), expected),
    )
    await Promise.any(attempts).catch(() => {
      throw new errors.InvalidGrant('no key accepts the assertion')
    })
    const token = new server.ClientCredentials({ client, scope: 'write' })
    token.resourceServer = new server.ResourceServer(resource, resourceServer())
    context.oidc.entity('ClientCredentials', token)
    const value = await token.save()
    const { expiration, tokenType } = token
    context.body = { access_token: value, expires_in: expiration, token_type: tokenType }
  }
  server.registerGrantType(jwtBearer, exchange, ['assertion', 'scope'])
  const handle = server.callback()
  const waiting = { given: [] as (() => void)[], refused: [] as (() => void)[] }
  server.on('grant.success', () => callAll(waiting.given))
  server.on('grant.error', () => callAll(waiting.refused))
  return {
    issuer,
    tokenEndpoint: `${issuer}/token`,
    keysUrl: `${issuer}/jwks`,
    trust: (...trusted) => {
      keys = trusted.map(clientKey)
    },
    giveLongTokens: () => {
      tokenSeconds = longTokenSeconds
    },
    untilGiven: () => new Promise((resolve) => waiting.given.push(resolve)),
    untilRefused: () => new Promise((resolve) => waiting.refused.push(resolve)),
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections()
      http.close()
    },
  }
}
