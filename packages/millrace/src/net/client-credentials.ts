// Owns the requests to an OAuth token endpoint: with the client's credentials (RFC 6749, 4.4), or
// with a JWT that is exchanged for a token (RFC 7523, 2.1). oauth4webapi, which is loaded at first
// use, implements the protocol; this file has the settings and the error messages. Caller:
// producer/sasl-option.ts, through a TokenSource. Invariant: no message contains a secret or a
// token.

import { importLibrary } from '../protocol/compression/library.ts'
import { ChangingValue, type Warn } from '../protocol/sasl/changing-value.ts'
import { SaslError } from '../protocol/sasl/mechanism.ts'
import type { OAuthToken } from '../protocol/sasl/oauth-bearer.ts'
import { Secret, type SecretSource } from '../protocol/sasl/secret.ts'
import type { Clock } from '../runtime/clock.ts'
import { isError } from '../runtime/value-kinds.ts'
import { type ClientAssertion, readAssertion } from './client-assertion.ts'
import type { TokenContext, TokenProvider } from './token-source.ts'

/**
 * The credentials of a client at an OAuth authority, and the token endpoint (RFC 6749, section 4.4;
 * KIP-768).
 */
export interface ClientCredentials {
  /** The id of the client at the authority. */
  readonly clientId: string
  /** The client's secret. No message, log line or error contains it. */
  readonly clientSecret: string
  /** URL of the token endpoint: `https://`, or `http://` with a loopback address. */
  readonly tokenEndpoint: string
  /** Scopes, separated by spaces. */
  readonly scope?: string | undefined
  /** The audience of the token, if the token endpoint requires it. */
  readonly audience?: string | undefined
  /** Where the secret is sent: in the header (`basic`, the default) or in the body. */
  readonly clientAuthentication?: 'basic' | 'post' | undefined
  /** SASL extensions that are sent with the token (KIP-342). */
  readonly extensions?: Readonly<Record<string, string>> | undefined
}

/** A client that authenticates with a secret that may change, or with a JWT. */
export interface ProvableClient extends Omit<ClientCredentials, 'clientSecret'> {
  /**
   * The client's secret. No message, log line or error contains it. A function is called for each
   * token.
   */
  readonly clientSecret?: SecretSource | undefined
  /** In place of `clientSecret`: a JWT, or a key to sign one with (RFC 7523). */
  readonly clientAssertion?: ClientAssertion | undefined
  /**
   * In place of `clientSecret` and `clientAssertion`: a JWT that is exchanged for the token, with
   * the grant `jwt-bearer` (RFC 7523, section 2.1; KIP-1139).
   */
  readonly assertion?: ClientAssertion | undefined
}

type OAuth = typeof import('oauth4webapi')
type ClientAuth = import('oauth4webapi').ClientAuth

const loopbackHosts: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * The problem with the endpoint; null = none. A secret is sent over TLS or to a loopback address
 * only.
 */
export const endpointProblem = (tokenEndpoint: unknown): string | null => {
  if (typeof tokenEndpoint !== 'string' || !URL.canParse(tokenEndpoint)) return 'must be a URL'
  const { protocol, hostname, username, password } = new URL(tokenEndpoint)
  if (username !== '' || password !== '') return 'has a user name or password in it'
  if (protocol === 'https:') return null
  const isLocal = protocol === 'http:' && loopbackHosts.has(hostname)
  return isLocal ? null : 'must begin with https:// (http:// only for this machine itself)'
}

/** Returns a token provider. The credentials are not accessible from outside. */
export const clientCredentialsProvider = (
  credentials: ProvableClient,
  clock: Clock,
  warn: Warn,
): TokenProvider => {
  const loadLibrary = () => importLibrary('oauth4webapi', () => import('oauth4webapi'))
  const secret = new Secret('sasl.clientSecret', credentials.clientSecret ?? '')
  const grant = new ChangingValue(
    async () => grantOf(await loadLibrary(), credentials, secret),
    warn,
  )
  return async ({ signal }: TokenContext): Promise<OAuthToken> => {
    const oauth = await loadLibrary()
    try {
      const current = await grant.get()
      const token = await requestToken(oauth, credentials, current, clock, signal)
      grant.accept(current)
      return token
    } catch (thrown) {
      throw failureOf(oauth, credentials, secret, thrown)
    }
  }
}

/** The grant of the token request. */
interface Grant {
  readonly type: string
  readonly authenticate: ClientAuth
  readonly parameters: () => Promise<Readonly<Record<string, string>>>
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** Reads the current secret, key or JWT. */
const grantOf = async (
  oauth: OAuth,
  credentials: ProvableClient,
  secret: Secret,
): Promise<Grant> => {
  const { assertion } = credentials
  if (assertion === undefined) {
    const authenticate = await authenticationOf(oauth, credentials, secret)
    return { type: 'client_credentials', authenticate, parameters: async () => ({}) }
  }
  const makeJwt = await readAssertion(oauth, 'sasl.assertion', assertion)
  const parameters = async () => ({ assertion: await makeJwt(credentials) })
  return { type: jwtBearer, authenticate: oauth.None(), parameters }
}

const authenticationOf = async (
  oauth: OAuth,
  credentials: ProvableClient,
  secret: Secret,
): Promise<ClientAuth> => {
  const { clientAssertion, clientAuthentication } = credentials
  if (clientAssertion !== undefined) {
    const makeJwt = await readAssertion(oauth, 'sasl.clientAssertion', clientAssertion)
    return async (_server, client, body) => {
      body.set('client_id', client.client_id)
      body.set('client_assertion_type', assertionType)
      body.set('client_assertion', await makeJwt(credentials))
    }
  }
  const value = await secret.read()
  return clientAuthentication === 'post'
    ? oauth.ClientSecretPost(value)
    : oauth.ClientSecretBasic(value)
}

const requestToken = async (
  oauth: OAuth,
  credentials: ProvableClient,
  grant: Grant,
  clock: Clock,
  signal: AbortSignal,
): Promise<OAuthToken> => {
  const { clientId, tokenEndpoint, scope, audience, extensions } = credentials
  const { origin, protocol } = new URL(tokenEndpoint)
  const server = { issuer: origin, token_endpoint: tokenEndpoint }
  const client = { client_id: clientId }
  const parameters = new URLSearchParams()
  if (scope !== undefined) parameters.set('scope', scope)
  if (audience !== undefined) parameters.set('audience', audience)
  for (const [name, value] of Object.entries(await grant.parameters())) parameters.set(name, value)
  const response = await oauth.genericTokenEndpointRequest(
    server,
    client,
    grant.authenticate,
    grant.type,
    parameters,
    {
      signal,
      [oauth.allowInsecureRequests]: protocol === 'http:',
      [oauth.customFetch]: fetchLimited,
    },
  )
  const token = await oauth.processGenericTokenEndpointResponse(server, client, response)
  const { access_token: value, expires_in: expiresInSeconds } = token
  return {
    value,
    expiresAt:
      expiresInSeconds === undefined ? undefined : clock.wallTime() + expiresInSeconds * 1000,
    extensions,
  }
}

/** Limit of a token response in bytes; a token has a few kilobytes. */
const bodyBytesMax = 1024 * 1024

/**
 * Works like fetch, but reads the body of a token response up to a limit. Redirects are not
 * followed, because they would send the secret to another server (oauth4webapi also passes
 * `redirect: 'manual'`).
 */
const fetchLimited = async (url: string, options: object): Promise<Response> => {
  const response = await fetch(url, { ...options, redirect: 'manual' })
  const { status, statusText, headers } = response
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    // Leaving the loop cancels the rest of the body.
    if (size > bodyBytesMax) throw new BodyTooLarge()
    chunks.push(chunk)
  }
  const body = size === 0 ? null : Buffer.concat(chunks)
  return new Response(body, { status, statusText, headers })
}

class BodyTooLarge extends Error {}

/**
 * 'Refused' means that the client or its permissions must be fixed; any other failure may be
 * temporary.
 */
const failureOf = (
  oauth: OAuth,
  credentials: ProvableClient,
  secret: Secret,
  thrown: unknown,
): SaslError => {
  if (thrown instanceof SaslError) return thrown
  const where = new URL(credentials.tokenEndpoint).host
  if (thrown instanceof oauth.ResponseBodyError) {
    const { error, status } = thrown
    const reason = shortWord(secret.redact(error))
    const words = `the token endpoint ${where} refuses with ${reason} (HTTP ${status})`
    return new SaslError(words, status >= 500)
  }
  if (thrown instanceof oauth.WWWAuthenticateChallengeError) {
    const { status } = thrown
    return new SaslError(`the token endpoint ${where} refuses (HTTP ${status})`, status >= 500)
  }
  if (thrown instanceof BodyTooLarge) {
    const text = `the response of the token endpoint ${where} is larger than ${bodyBytesMax} bytes`
    return new SaslError(text, true)
  }
  const { cause } = thrown as { cause?: unknown }
  const { code } = (isError(cause) ? cause : thrown) as { code?: unknown }
  const reason = typeof code === 'string' ? shortWord(code) : 'its response cannot be read'
  return new SaslError(`the token endpoint ${where} returned no token: ${reason}`, true)
}

/** Messages quote the endpoint's error only if it is a code, such as `invalid_client`. */
const shortWord = (text: string): string => (/^[\w.-]{1,80}$/.test(text) ? text : 'an unknown code')
