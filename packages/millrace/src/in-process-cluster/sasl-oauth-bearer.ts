// The server side of OAUTHBEARER (RFC 7628): one SASL token contains a bearer token. By default it
// accepts unsecured JWTs (`alg: none`) with `sub` and `exp`, as Kafka's own validator for tests
// does; a test may pass its own check. A rejected client first gets the reason as JSON, and the
// failure after its acknowledgement. Caller: sasl-service.ts.

import { Buffer } from 'node:buffer'
import type { Clock } from '../runtime/clock.ts'
import {
  hiddenRefusal,
  type SaslIdentity,
  type SaslReply,
  type SaslServer,
  visibleRefusal,
} from './sasl-mechanism.ts'

/** The user of a token, and when the token expires. */
export interface TokenIdentity {
  /** The name of the user that the token identifies. */
  readonly principal: string
  /** When the token expires, in milliseconds since the epoch. */
  readonly expiresAt?: number | undefined
}

/** Returns the identity of a token. To reject the token, it returns null or throws. */
export type ValidateToken = (
  token: string,
  extensions: Readonly<Record<string, string>>,
) => TokenIdentity | null | Promise<TokenIdentity | null>

const acknowledgement = 1
const refusalText = '{"status":"invalid_token"}'

interface InitialResponse {
  readonly authorizationId: string
  readonly token: string
  readonly extensions: Readonly<Record<string, string>>
}

/** Ends the header and each pair, and, once more, the message. */
const separator = '\u0001'
const headerPattern = /^n,(?:a=([^,]+))?,$/
const pairPattern = /^([A-Za-z]+)=([ -~\t\r\n]*)$/
const authPattern = /^bearer +([-_.A-Za-z0-9]+)$/i

const parseInitial = (text: string): InitialResponse => {
  const [header = '', ...rest] = text.split(separator)
  const match = headerPattern.exec(header)
  const pairs = rest.slice(0, -2).map((pair) => pairPattern.exec(pair))
  const isWhole = rest.length >= 2 && rest.slice(-2).every((end) => end === '')
  if (match === null || !isWhole || pairs.includes(null)) {
    throw hiddenRefusal('Invalid OAUTHBEARER client first message')
  }
  const fields = new Map(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']))
  const token = authPattern.exec(fields.get('auth') ?? '')?.[1]
  if (token === undefined)
    throw hiddenRefusal('Invalid OAUTHBEARER client first message: no bearer token')
  fields.delete('auth')
  return { authorizationId: match[1] ?? '', token, extensions: Object.fromEntries(fields) }
}

const objectOf = (part: string): Record<string, unknown> | null => {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

const isSeconds = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value)

/** Checks unsecured tokens: no signature, a subject, and an expiration in the future. */
export const unsecuredTokens =
  (clock: Clock): ValidateToken =>
  (token) => {
    const parts = token.split('.')
    if (parts.length !== 3 || parts[2] !== '') return null
    const header = objectOf(parts[0]!)
    const claims = objectOf(parts[1]!)
    if (header?.alg !== 'none' || claims === null) return null
    const { sub, exp, iat } = claims
    if (typeof sub !== 'string' || sub === '' || !isSeconds(exp)) return null
    if (iat !== undefined && (!isSeconds(iat) || iat >= exp)) return null
    const expiresAt = exp * 1000
    return clock.wallTime() > expiresAt ? null : { principal: sub, expiresAt }
  }

export class OauthBearerServer implements SaslServer {
  readonly #validate: ValidateToken
  #isRefused = false

  constructor(validate: ValidateToken) {
    this.#validate = validate
  }

  async evaluate(token: Uint8Array): Promise<SaslReply> {
    if (this.#isRefused && token.length === 1 && token[0] === acknowledgement) {
      throw visibleRefusal(refusalText)
    }
    this.#isRefused = false
    const initial = parseInitial(Buffer.from(token).toString())
    const identity = await this.#identityOf(initial)
    if (identity === null) {
      this.#isRefused = true
      return { challenge: Buffer.from(refusalText), identity: null }
    }
    const { authorizationId } = initial
    if (authorizationId !== '' && authorizationId !== identity.principal) {
      throw visibleRefusal(
        `Authentication failed: Client requested an authorization id (${authorizationId}) that ` +
          `is different from the token's principal name (${identity.principal})`,
      )
    }
    return { challenge: new Uint8Array(0), identity }
  }

  async #identityOf({ token, extensions }: InitialResponse): Promise<SaslIdentity | null> {
    try {
      const found = await this.#validate(token, extensions)
      return found && { principal: found.principal, expiresAt: found.expiresAt ?? null }
    } catch {
      return null
    }
  }
}
