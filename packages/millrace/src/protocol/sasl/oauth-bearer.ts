// OAUTHBEARER (RFC 7628, KIP-255): a token in one message. A broker that refuses it responds with a
// JSON of its reason, waits for one byte, and then ends the exchange with an error.

import { redactSecrets, SaslError, type SaslMechanism, type SaslSession } from './mechanism.ts'

/** A token as its provider gives it. */
export interface OAuthToken {
  /** The token itself, without `Bearer`. */
  readonly value: string
  /**
   * Milliseconds since the epoch at which it ends. Left out, it is read from the token where that
   * is a JWT; a token without an end is asked for anew for each authentication.
   */
  readonly expiresAt?: number | undefined
  /** SASL extensions, as Confluent's clusters want them: `logicalCluster`, `identityPoolId`. */
  readonly extensions?: Readonly<Record<string, string>> | undefined
}

const tokenForm = /^[A-Za-z0-9\-._~+/]+=*$/
const tokenLengthMax = 1024 * 1024
const nameForm = /^[A-Za-z]+$/
const valueForm = /^[\x20-\x7e\t\r\n]*$/

/** What is wrong with a token; null = nothing. Names no part of it. */
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

/** What is wrong with SASL extensions; null = nothing. */
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

/** The one message, without an authorization id. */
export const bearerMessage = ({ value, extensions = {} }: OAuthToken): Uint8Array => {
  const pairs = Object.entries(extensions).map(([name, text]) => `${name}=${text}\x01`)
  return Buffer.from(`n,,\x01auth=Bearer ${value}\x01${pairs.join('')}\x01`)
}

/** The end of a JWT in milliseconds since the epoch; undefined where the token does not say. */
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

/** `invalid_token`, from the broker's JSON; a word for anything else. */
const statusOf = (challenge: Uint8Array): string => {
  if (challenge.length > refusalBytesMax) return 'unreadable'
  try {
    const { status } = JSON.parse(Buffer.from(challenge).toString('utf8'))
    return typeof status === 'string' && /^[\w-]{1,80}$/.test(status) ? status : 'unreadable'
  } catch {
    return 'unreadable'
  }
}

/** Where the tokens come from. */
export interface TokenSupply {
  /** A token that is good for a while; rejects with a SaslError. */
  get(): Promise<OAuthToken>
  /** A broker did not accept the token: it is not given again. */
  forget(token: OAuthToken): void
}

export class OAuthBearerMechanism implements SaslMechanism {
  readonly name = 'OAUTHBEARER'
  readonly #tokens: TokenSupply
  /** The token of the moment, so that it can be kept out of texts. */
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
