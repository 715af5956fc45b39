// Makes the Authorization header of a request: user name and password, a fixed token, a function's
// token, or an OAuth token by client credentials, which is cached for most of its lifetime. Caller:
// registry-requests.ts, which removes the secrets from the message of a failed login.

import { clearTimeout, setTimeout } from 'node:timers'
import type { ClientCredentials } from 'millrace'
import type { HttpSend } from './registry-http.ts'
import { checkedToken, type RegistryAddress, type RegistryAuth } from './registry-options.ts'
import { messageOf } from './registry-text.ts'

/** The authorization of a registry's requests. */
export interface Login {
  /** The header's value for this address; undefined = no header. */
  authorization(address: RegistryAddress): Promise<string | undefined>
  /** Discards a cached token after status 401; true = the request may be sent once more. */
  renew(): boolean
  /** Every value that must not appear in a message. */
  readonly secrets: readonly string[]
}

const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

/** Must not reach the caller: its message may contain a secret. */
export class LoginFailure extends Error {
  /** The HTTP status; 0 = there was no response. */
  readonly status: number

  constructor(what: string, thrown: unknown, status = 0) {
    super(`${what}: ${messageOf(thrown)}`)
    this.status = status
  }
}

/** A cached token is replaced after this share of its lifetime. */
const renewFrom = 0.8

class OAuthTokens {
  readonly #credentials: ClientCredentials
  readonly #send: HttpSend
  #token: { readonly value: string; readonly until: number } | null = null
  #request: Promise<string> | null = null

  constructor(credentials: ClientCredentials, send: HttpSend) {
    this.#credentials = credentials
    this.#send = send
  }

  get(): Promise<string> | string {
    if (this.#token !== null && Date.now() < this.#token.until) return this.#token.value
    this.#request ??= this.#fetch().finally(() => {
      this.#request = null
    })
    return this.#request
  }

  forget(): void {
    this.#token = null
  }

  async #fetch(): Promise<string> {
    const { tokenEndpoint } = this.#credentials
    try {
      const { access_token: value, expires_in: seconds = 0 } = await this.#grant()
      this.#token = { value, until: Date.now() + seconds * 1000 * renewFrom }
      return checkedToken(value)
    } catch (thrown) {
      const { error, status } = thrown as { error?: unknown; status?: unknown }
      const cause = typeof error === 'string' ? new Error(error) : thrown
      const what = `the token endpoint ${new URL(tokenEndpoint).host} returned no token`
      throw new LoginFailure(what, cause, typeof status === 'number' ? status : 0)
    }
  }

  async #grant(): Promise<{ access_token: string; expires_in?: number | undefined }> {
    const oauth = await import('oauth4webapi')
    const { clientId, clientSecret, tokenEndpoint, scope, audience } = this.#credentials
    const isPost = this.#credentials.clientAuthentication === 'post'
    const { origin, protocol } = new URL(tokenEndpoint)
    const server = { issuer: origin, token_endpoint: tokenEndpoint }
    const client = { client_id: clientId }
    const response = await oauth.clientCredentialsGrantRequest(
      server,
      client,
      (isPost ? oauth.ClientSecretPost : oauth.ClientSecretBasic)(clientSecret),
      new URLSearchParams({
        ...(scope !== undefined && { scope }),
        ...(audience !== undefined && { audience }),
      }),
      {
        [oauth.allowInsecureRequests]: protocol === 'http:',
        [oauth.customFetch]: async (url, { method, headers, body }) => {
          const sent = await this.#send({ method, url, headers, body: String(body) })
          const contentType = sent.headers['content-type'] ?? ''
          return new Response(sent.text, {
            status: sent.status,
            headers: { 'content-type': contentType },
          })
        },
      },
    )
    return oauth.processClientCredentialsResponse(server, client, response)
  }
}

type Password = { readonly username: string; readonly password: string }

/** A user name without a password is a token. */
const secretsOf = ({ username, password }: Password): string[] =>
  password === '' ? [username] : [password, `${username}:${password}`]

const passwordLogin = (
  auth: Password | undefined,
  addresses: readonly RegistryAddress[],
): Login => ({
  authorization: async (address) => {
    const login = auth ?? address.login
    return login === undefined ? undefined : basic(login.username, login.password)
  },
  renew: () => false,
  secrets: [auth, ...addresses.map(({ login }) => login)].flatMap((login) =>
    login === undefined ? [] : secretsOf(login),
  ),
})

const oauthLogin = (credentials: ClientCredentials, send: HttpSend): Login => {
  const tokens = new OAuthTokens(credentials, send)
  return {
    authorization: async () => `Bearer ${await tokens.get()}`,
    renew: () => {
      tokens.forget()
      return true
    },
    secrets: [credentials.clientSecret],
  }
}

const functionLogin = (token: () => string | Promise<string>, timeoutMs: number): Login => {
  const get = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no token within ${timeoutMs} ms (requestTimeoutMs)`))
      }, timeoutMs)
      Promise.resolve()
        .then(token)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer))
    })
  return {
    authorization: async () => {
      const created = await get().catch((thrown) => {
        throw new LoginFailure('the token function failed', thrown)
      })
      return `Bearer ${checkedToken(created)}`
    },
    renew: () => true,
    secrets: [],
  }
}

/** The login for the option `auth`, or for the credentials in the addresses. */
export const loginOf = (
  auth: RegistryAuth | undefined,
  addresses: readonly RegistryAddress[],
  send: HttpSend,
  requestTimeoutMs: number,
): Login => {
  if (auth === undefined || 'username' in auth) return passwordLogin(auth, addresses)
  if ('oauth' in auth) return oauthLogin(auth.oauth, send)
  const { token } = auth
  if (typeof token === 'function') return functionLogin(token, requestTimeoutMs)
  const authorization = async () => `Bearer ${checkedToken(token)}`
  return { authorization, renew: () => false, secrets: [token] }
}
