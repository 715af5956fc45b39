// Owns the SASL mechanism OAUTHBEARER (RFC 7628, KIP-255): one message with a token. A broker that
// rejects it responds with a JSON reason, waits for one byte, and then ends the exchange with an
// error. Callers: producer/sasl-option.ts, net/token-source.ts. Invariant: no message contains a
// token.

import { redactSecrets } from '../../runtime/redact-secrets.ts'
import { SaslError, type SaslMechanism, type SaslSession } from './mechanism.ts'

/** A token, as its provider returns it. */
export interface OAuthToken {
  /** The token itself, without `Bearer`. */
  readonly value: string
  /**
   * When the token ends, in milliseconds since the epoch. If missing, it is read from a JWT. A
   * token without an end is requested again for each authentication.
   */
  readonly expiresAt?: number | undefined
  /** SASL extensions, as Confluent's clusters require: `logicalCluster`, `identityPoolId`. */
  readonly extensions?: Readonly<Record<string, string>> | undefined
}

const tokenForm = /^[A-Za-z0-9\-._~+/]+=*$/
const tokenLengthMax = 1024 * 1024
const nameForm = /^[A-Za-z]+$/
const valueForm = /^[\x20-\x7e\t\r\n]*$/

/** The problem with a token; null = none. Contains no part of it. */
export const tokenProblem = (token: unknown): string | null => {
  if (typeof token !== 'object' || token === null) return 'the token must be an object { value }'
  const { value, expiresAt, extensions } = token as Record<string, unknown>
  if (typeof value !== 'string') return 'value of the token must be a string'
  if (value.length > tokenLengthMax || !tokenForm.test(value)) {
    return 'the value of the token has characters that no token has'
  }
  if (expiresAt !== undefined && (typeof expiresAt !== 'number' || !(expiresAt > 0))) {
    return 'expiresAt of the token must be milliseconds since the epoch'
  }
  return extensions === undefined ? null : extensionsProblem(extensions)
}

/** The problem with SASL extensions; null = none. */
export const extensionsProblem = (extensions: unknown): string | null => {
  if (typeof extensions !== 'object' || extensions === null)
    return 'extensions of the token must be an object'
  for (const [name, value] of Object.entries(extensions)) {
    if (!nameForm.test(name) || name === 'auth') return `the extension '${name}' has a wrong name`
    if (typeof value !== 'string' || !valueForm.test(value)) {
      return `the extension '${name}' has a value that can't be sent`
    }
  }
  return null
}

/** The message of the mechanism, without an authorization id. */
export const bearerMessage = ({ value, extensions = {} }: OAuthToken): Uint8Array => {
  const pairs = Object.entries(extensions).map(([name, text]) => `${name}=${text}\x01`)
  return Buffer.from(`n,,\x01auth=Bearer ${value}\x01${pairs.join('')}\x01`)
}

/** The end of a JWT in milliseconds since the epoch; undefined if the token has none. */
export const jwtExpiresAt = (value: string): number | undefined => {
  const [, payload] = value.split('.')
  if (payload === undefined) return undefined
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    return typeof exp === 'number' && exp > 0 ? exp * 1000 : undefined
  } catch {
    return undefined
  }
}

const refusalBytesMax = 4096

/** `invalid_token`, from the broker's JSON; a fixed text otherwise. */
const statusOf = (challenge: Uint8Array): string => {
  if (challenge.length > refusalBytesMax) return 'unreadable'
  try {
    const { status } = JSON.parse(Buffer.from(challenge).toString('utf8'))
    return typeof status === 'string' && /^[\w-]{1,80}$/.test(status) ? status : 'unreadable'
  } catch {
    return 'unreadable'
  }
}

/** The source of the tokens. */
export interface TokenSupply {
  /** A token that is valid for a while; rejects with a SaslError. */
  get(): Promise<OAuthToken>
  /** A broker rejected the token: it is not returned again. */
  forget(token: OAuthToken): void
}

export class OAuthBearerMechanism implements SaslMechanism {
  readonly name = 'OAUTHBEARER'
  readonly #tokens: TokenSupply
  /** The current token, so that it can be removed from texts. */
  #lastToken = ''
  #wasAccepted = false

  constructor(tokens: TokenSupply) {
    this.#tokens = tokens
  }

  get retriesRefusal(): boolean {
    return this.#wasAccepted
  }

  createSession(): SaslSession {
    let step = 0
    let status = ''
    let token: OAuthToken | null = null
    return {
      next: async (challenge) => {
        step++
        if (step === 1) {
          token = await this.#tokens.get()
          this.#lastToken = token.value
          return bearerMessage(token)
        }
        if (step === 2 && challenge.length === 0) {
          this.#wasAccepted = true
          return null
        }
        if (step === 2) {
          if (token !== null) this.#tokens.forget(token)
          status = statusOf(challenge)
          return Uint8Array.of(1)
        }
        throw new SaslError(`the broker does not accept the token: ${status}`)
      },
    }
  }

  redact(text: string): string {
    return redactSecrets(text, [this.#lastToken])
  }
}
