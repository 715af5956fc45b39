// Checks the options of a registry client once: addresses without their credentials, valid headers,
// and limits within bounds. Callers: registry-requests.ts, registry-login.ts, and registry-http.ts.
// No message may contain a password, a token, or the value of a header.

import type { Agent } from 'node:http'
import { type ClientCredentials, KafkaError, withoutCredentials } from 'millrace'

/** A user name and password, a bearer token or a function that returns one, or OAuth. */
export type RegistryAuth =
  | { readonly username: string; readonly password: string }
  | { readonly token: string | (() => string | Promise<string>) }
  | { readonly oauth: ClientCredentials }

/** Certificates for an `https://` registry. PEM text or bytes. */
export interface RegistryTls {
  /** Certificate authorities to trust instead of Node's. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined
  /** The client's certificate (mTLS). */
  readonly cert?: string | Uint8Array | undefined
  /** The client's private key. */
  readonly key?: string | Uint8Array | undefined
  /** The password of `key`. */
  readonly passphrase?: string | undefined
  /** The host name that the registry's certificate must have; by default the host of the URL. */
  readonly serverName?: string | undefined
}

/** Where a registry is, and how requests are sent to it. */
export interface SchemaRegistryOptions {
  /**
   * `'http://localhost:8081'`, or several addresses of the same registry. A user name and password
   * in a URL are used for the login and never shown.
   */
  readonly url: string | readonly string[]
  /**
   * How to log in. A token function is called for each request; an OAuth token is cached until it
   * expires.
   */
  readonly auth?: RegistryAuth | undefined
  /** A certificate authority, and the client's certificate. */
  readonly tls?: RegistryTls | undefined
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** An agent of `node:http` or `node:https`, such as a proxy agent; it replaces `tls`. */
  readonly agent?: Agent | undefined
  /** The time limit of one request in milliseconds; 10,000 by default. */
  readonly requestTimeoutMs?: number | undefined
  /** How often all addresses are retried; 3 times by default. */
  readonly retries?: number | undefined
  /** Milliseconds before the first retry; doubles up to 10 s. 100 by default. */
  readonly retryBackoffMs?: number | undefined
}

/** One address of the registry. */
export interface RegistryAddress {
  /** `http://host:port/path`, without credentials and without a slash at the end. */
  readonly base: string
  /** The user name and password of the URL. */
  readonly login: { readonly username: string; readonly password: string } | undefined
}

const invalid = (message: string): KafkaError =>
  new KafkaError('INVALID_OPTION', `SchemaRegistry: ${message}`)

const shownUrl = (url: unknown): string =>
  typeof url === 'string' ? JSON.stringify(withoutCredentials(url)) : typeof url

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const addressOf = (url: unknown): RegistryAddress => {
  const expected = `url must be 'http://host:port' or 'https://host:port', got ${shownUrl(url)}`
  if (typeof url !== 'string' || !URL.canParse(url)) throw invalid(expected)
  const { protocol, host, pathname, username, password, search, hash } = new URL(url)
  if (!['http:', 'https:'].includes(protocol) || host === '') throw invalid(expected)
  if (search !== '' || hash !== '') throw invalid('url must not have a query or a fragment')
  const hasLogin = username !== '' || password !== ''
  return {
    base: `${protocol}//${host}${pathname.replace(/\/+$/, '')}`,
    login: hasLogin ? { username: decoded(username), password: decoded(password) } : undefined,
  }
}

/** The addresses of the option `url`. Throws INVALID_OPTION. */
export const addressesOf = ({ url, auth, tls }: SchemaRegistryOptions): RegistryAddress[] => {
  const addresses = (Array.isArray(url) ? url : [url]).map(addressOf)
  if (addresses.length === 0) throw invalid('url must name at least one address, got []')
  if (auth !== undefined && addresses.some(({ login }) => login !== undefined)) {
    throw invalid('credentials must be either in url or in auth, got both')
  }
  if (tls !== undefined && addresses.some(({ base }) => base.startsWith('http:'))) {
    throw invalid('tls must be used with https:// addresses, got http://')
  }
  return addresses
}

/** The characters that a header may have: visible ASCII, blanks, and Latin-1. */
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/
const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** The option `headers`, names in lower case. Throws INVALID_OPTION. */
export const headersOf = ({ headers = {} }: SchemaRegistryOptions): Record<string, string> => {
  const checked: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const shown = JSON.stringify(name)
    if (!headerName.test(name)) throw invalid(`headers: ${shown} must be a header's name`)
    if (typeof value !== 'string' || !headerValue.test(value)) {
      throw invalid(`headers: ${shown} must be text without control characters`)
    }
    checked[name.toLowerCase()] = value
  }
  return checked
}

/** A bearer token with visible ASCII characters only. Throws INVALID_OPTION. */
export const checkedToken = (token: unknown): string => {
  if (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) return token
  throw invalid('auth.token must be text without blanks and control characters')
}

/** Throws INVALID_OPTION if `auth` is invalid. */
export const checkAuth = (auth: RegistryAuth | undefined): void => {
  if (auth === undefined) return
  const kinds = ['username', 'token', 'oauth'].filter((kind) => Object.hasOwn(auth, kind))
  if (kinds.length !== 1) {
    throw invalid('auth must have either username and password, or token, or oauth')
  }
  if ('token' in auth && typeof auth.token !== 'function' && typeof auth.token !== 'string') {
    throw invalid(`auth.token must be text or a function, got ${typeof auth.token}`)
  }
  if ('username' in auth) {
    const { username, password } = auth
    if (typeof username !== 'string' || typeof password !== 'string') {
      throw invalid('auth.username and auth.password must be text')
    }
    if (username.includes(':')) throw invalid('auth.username must not have a colon')
  }
  if ('oauth' in auth) checkOAuth(auth.oauth)
}

const loopbackHosts: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** A client's secret may only be sent over TLS or to this machine. */
const checkOAuth = (credentials: ClientCredentials): void => {
  const { clientId, clientSecret, tokenEndpoint } = credentials
  if (typeof clientId !== 'string' || typeof clientSecret !== 'string') {
    throw invalid('auth.oauth.clientId and auth.oauth.clientSecret must be text')
  }
  if (typeof tokenEndpoint !== 'string' || !URL.canParse(tokenEndpoint)) {
    throw invalid('auth.oauth.tokenEndpoint must be a URL')
  }
  const { protocol, hostname, username, password } = new URL(tokenEndpoint)
  if (username !== '' || password !== '') {
    throw invalid('auth.oauth.tokenEndpoint must not have a user name or password in it')
  }
  if (protocol === 'https:' || (protocol === 'http:' && loopbackHosts.has(hostname))) return
  throw invalid('auth.oauth.tokenEndpoint must begin with https:// (http:// on this machine only)')
}

/** A number between bounds. Throws INVALID_OPTION. */
export const limitOf = (
  name: string,
  value: number | undefined,
  [fallback, min, max]: readonly [fallback: number, min: number, max: number],
): number => {
  if (value === undefined) return fallback
  if (typeof value === 'number' && value >= min && value <= max) return value
  throw invalid(`${name} must be a number from ${min} to ${max}, got ${String(value)}`)
}

const known = [
  'url',
  'auth',
  'tls',
  'headers',
  'agent',
  'requestTimeoutMs',
  'retries',
  'retryBackoffMs',
]

/** Throws INVALID_OPTION for an option that does not exist. */
export const checkNames = (options: object): void => {
  if (typeof options !== 'object' || options === null) throw invalid('options must be an object')
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const shown = JSON.stringify(name)
    throw invalid(`unknown option ${shown}. The options are: ${known.join(', ')}`)
  }
}
