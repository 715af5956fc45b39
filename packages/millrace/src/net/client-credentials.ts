// Tokens by OAuth's client credentials (RFC 6749, 4.4): name and secret of a client against a token
// at the authority's token endpoint. The protocol is oauth4webapi's, loaded at first use; here are
// the settings and the words. Caller: producer/sasl-option.ts, through a TokenSource.

import { SaslError } from '../protocol/sasl/mechanism.ts'
import type { OAuthToken } from '../protocol/sasl/oauth-bearer.ts'
import type { Clock } from '../runtime/clock.ts'
import type { TokenContext, TokenProvider } from './token-source.ts'

/**
 * A client of an OAuth authority, and where its tokens come from (RFC 6749, section 4.4; KIP-768).
 */
export interface ClientCredentials {
  /** The client's name at the authority. */
  readonly clientId: string
  /** Its secret. It is in no message, log line or error. */
  readonly clientSecret: string
  /** URL of the token endpoint: `https://`, or `http://` of this machine. */
  readonly tokenEndpoint: string
  /** Scopes, separated by spaces. */
  readonly scope?: string | undefined
  /** Whom the token is for, where the authority wants to know. */
  readonly audience?: string | undefined
  /** How the endpoint wants the secret: in the header (`basic`, as usual) or in the body. */
  readonly clientAuthentication?: 'basic' | 'post' | undefined
  /** SASL extensions that are sent with the token (KIP-342). */
  readonly extensions?: Readonly<Record<string, string>> | undefined
}

type OAuth = typeof import('oauth4webapi')

const loopbackHosts: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** What is wrong with the endpoint; null = nothing. A secret goes over TLS, or stays at home. */
export const endpointProblem = (tokenEndpoint: unknown): string | null => {
  if (typeof tokenEndpoint !== 'string' || !URL.canParse(tokenEndpoint)) return 'is no URL'
  const { protocol, hostname, username, password } = new URL(tokenEndpoint)
  if (username !== '' || password !== '') return 'has a user name or password in it'
  if (protocol === 'https:') return null
  const isLocal = protocol === 'http:' && loopbackHosts.has(hostname)
  return isLocal ? null : 'must begin with https:// (http:// only for this machine itself)'
}

/** A provider of tokens. The credentials stay inside it. */
export const clientCredentialsProvider =
  (credentials: ClientCredentials, clock: Clock): TokenProvider =>
  async ({ signal }: TokenContext): Promise<OAuthToken> => {
    const oauth = await import('oauth4webapi')
    try {
      return await askEndpoint(oauth, credentials, clock, signal)
    } catch (thrown) {
      throw failureOf(oauth, credentials, thrown)
    }
  }

const askEndpoint = async (
  oauth: OAuth,
  credentials: ClientCredentials,
  clock: Clock,
  signal: AbortSignal,
): Promise<OAuthToken> => {
  const { clientId, clientSecret, tokenEndpoint, scope, audience, extensions } = credentials
  const { origin, protocol } = new URL(tokenEndpoint)
  const server = { issuer: origin, token_endpoint: tokenEndpoint }
  const client = { client_id: clientId }
  const authenticate =
    credentials.clientAuthentication === 'post'
      ? oauth.ClientSecretPost(clientSecret)
      : oauth.ClientSecretBasic(clientSecret)
  const parameters = new URLSearchParams()
  if (scope !== undefined) parameters.set('scope', scope)
  if (audience !== undefined) parameters.set('audience', audience)
  const response = await oauth.clientCredentialsGrantRequest(
    server,
    client,
    authenticate,
    parameters,
    { signal, [oauth.allowInsecureRequests]: protocol === 'http:' },
  )
  const answer = await oauth.processClientCredentialsResponse(server, client, response)
  const { access_token: value, expires_in: expiresInSeconds } = answer
  return {
    value,
    expiresAt:
      expiresInSeconds === undefined ? undefined : clock.wallTime() + expiresInSeconds * 1000,
    extensions,
  }
}

/** Refused = the client or its rights have to be mended; anything else may pass. */
const failureOf = (oauth: OAuth, credentials: ClientCredentials, thrown: unknown): SaslError => {
  const where = new URL(credentials.tokenEndpoint).host
  if (thrown instanceof oauth.ResponseBodyError) {
    const { error, status } = thrown
    const words = `the token endpoint ${where} refuses with ${shortWord(error)} (HTTP ${status})`
    return new SaslError(words, status >= 500)
  }
  if (thrown instanceof oauth.WWWAuthenticateChallengeError) {
    const { status } = thrown
    return new SaslError(`the token endpoint ${where} refuses (HTTP ${status})`, status >= 500)
  }
  const { cause } = thrown as { cause?: unknown }
  const { code } = (cause instanceof Error ? cause : thrown) as { code?: unknown }
  const reason = typeof code === 'string' ? shortWord(code) : 'its answer can not be read'
  return new SaslError(`no token from the token endpoint ${where}: ${reason}`, true)
}

/** An endpoint's words go into messages where they are a code, such as `invalid_client`. */
const shortWord = (text: string): string => (/^[\w.-]{1,80}$/.test(text) ? text : 'an unknown code')
