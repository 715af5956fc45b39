// The authentication state of one connection, with the rules of Kafka's brokers: requests allowed
// before authentication, the token exchange, the session lifetime, and re-authentication (KIP-368).
// node-connection.ts calls it for each request; the handlers of SaslHandshake and SaslAuthenticate
// pass it theirs. A failure is answered after a delay, and the connection is closed. A request
// after the end of a session closes it, too.
//
//   versions ─▶ handshake ─▶ tokens ─▶ done ─▶ handshake (again) ─▶ …
//       └───────────┴──────────┴────▶ failed

import { saslHandshakeApi } from '../protocol/api/17-sasl-handshake.ts'
import { apiVersionsApi } from '../protocol/api/18-api-versions.ts'
import { saslAuthenticateApi } from '../protocol/api/36-sasl-authenticate.ts'
import { errorNumber } from '../protocol/errors.ts'
import { assert } from '../runtime/assert.ts'
import type { Clock } from '../runtime/clock.ts'
import { isPromise } from '../runtime/value-kinds.ts'
import {
  type SaslIdentity,
  SaslRefusal,
  type SaslReply,
  type SaslServer,
} from './sasl-mechanism.ts'
import type { SaslService } from './sasl-service.ts'

type State =
  /** Clients do not have to authenticate. */
  | 'open'
  /** ApiVersions or SaslHandshake is expected. */
  | 'versions'
  /** SaslHandshake is expected. */
  | 'handshake'
  | 'tokens'
  /** The client selected another mechanism than before: its next token closes the connection. */
  | 'mismatch'
  | 'done'
  | 'failed'

const legal: Readonly<Record<State, readonly State[]>> = {
  open: [],
  versions: ['handshake', 'tokens', 'failed'],
  handshake: ['tokens', 'mismatch', 'failed'],
  tokens: ['done', 'failed'],
  mismatch: ['failed'],
  done: ['handshake'],
  failed: [],
}

/**
 * What to do with a request. `illegal`: respond with ILLEGAL_SASL_STATE, then close the connection.
 */
export type Admission = 'admitted' | 'illegal' | 'closed'

/** The fields of a response, and whether the connection is closed afterwards. */
export interface HandshakeResponse {
  readonly errorCode: number
  readonly mechanisms: readonly string[]
  readonly isLast: boolean
}

export interface TokenResponse {
  readonly errorCode: number
  /** '' if there is no error, not null, as in Kafka. */
  readonly errorMessage: string
  readonly authBytes: Uint8Array
  readonly sessionLifetimeMs: number
  readonly isLast: boolean
}

/** Kafka's `sasl.server.max.receive.size`: the limit of a request before authentication. */
const tokenBytesMax = 512 * 1024
/** A client may authenticate again only after this time. */
const reauthenticationPauseMs = 1000
/** Kafka's `connection.failed.authentication.delay.ms`: it slows down password guessing. */
export const failureDelayMs = 100

const noBytes = new Uint8Array(0)

export class Authentication {
  readonly #service: SaslService | null
  readonly #clock: Clock
  #state: State
  #mechanism = ''
  #server: SaslServer | null = null
  #identity: SaslIdentity | null = null
  /** After SaslHandshake version 0, tokens are sent without a request header. */
  #takesBareTokens = false
  /** The end of the session in the clock's time; Infinity = never. */
  #endsAtMs = Number.POSITIVE_INFINITY
  #reauthenticatedAtMs = Number.NEGATIVE_INFINITY

  constructor(service: SaslService | null, clock: Clock) {
    this.#service = service
    this.#clock = clock
    this.#state = service === null ? 'open' : 'versions'
  }

  /** The authenticated user; null before, and if clients do not have to authenticate. */
  get principal(): string | null {
    return this.#identity?.principal ?? null
  }

  /** Whether the next frame is a token without a request header. */
  get takesBareTokens(): boolean {
    return this.#takesBareTokens && this.#state === 'tokens'
  }

  /** Whether a request may be carried out now. SaslHandshake may begin a re-authentication. */
  admit(apiKey: number, frameBytes: number): Admission {
    const isKnown = this.#state === 'open' || this.#state === 'done'
    if (!isKnown && frameBytes > tokenBytesMax) return 'closed'
    switch (this.#state) {
      case 'open':
        return 'admitted'
      case 'versions':
        return apiKey === apiVersionsApi.key || apiKey === saslHandshakeApi.key
          ? 'admitted'
          : 'closed'
      case 'handshake':
        return apiKey === saslHandshakeApi.key ? 'admitted' : 'closed'
      case 'tokens':
        return apiKey === saslAuthenticateApi.key ? 'admitted' : 'illegal'
      case 'done':
        return this.#admitKnown(apiKey)
      case 'mismatch':
      case 'failed':
        return 'closed'
      default:
        return this.#state satisfies never
    }
  }

  /** Called after the response to ApiVersions, which is allowed once before authentication. */
  onVersionsSent(): void {
    if (this.#state === 'versions') this.#transition('handshake')
  }

  chooseMechanism(mechanism: string, version: number): HandshakeResponse {
    if (this.#service === null || (this.#state !== 'versions' && this.#state !== 'handshake')) {
      return { errorCode: errorNumber.ILLEGAL_SASL_STATE, mechanisms: [], isLast: false }
    }
    const { mechanisms } = this.#service
    const server = this.#service.newServer(mechanism)
    if (server === undefined) {
      this.#transition('failed')
      return { errorCode: errorNumber.UNSUPPORTED_SASL_MECHANISM, mechanisms, isLast: true }
    }
    const isReauthentication = this.#identity !== null
    if (isReauthentication && mechanism !== this.#mechanism) {
      this.#transition('mismatch')
    } else {
      this.#mechanism = mechanism
      this.#server = server
      this.#takesBareTokens = version === 0
      this.#transition('tokens')
    }
    return { errorCode: 0, mechanisms, isLast: false }
  }

  /** Evaluates a token of the client; responds once, at once or later. */
  authenticate(token: Uint8Array, respond: (response: TokenResponse) => void): void {
    if (this.#state !== 'tokens') {
      respond({
        ...this.#failure('SaslAuthenticate request received after successful authentication'),
        errorCode: errorNumber.ILLEGAL_SASL_STATE,
        isLast: false,
      })
      return
    }
    const server = this.#server
    assert(server !== null, 'a mechanism was chosen before tokens are taken')
    try {
      const reply = server.evaluate(token)
      if (!isPromise(reply)) respond(this.#onReply(reply))
      else {
        reply.then(
          (later) => respond(this.#onReply(later)),
          (error) => respond(this.#onRejection(error)),
        )
      }
    } catch (error) {
      respond(this.#onRejection(error))
    }
  }

  /** Rejects the client, whatever it sends; `message` null = Kafka's own message. */
  reject(errorCode: number): TokenResponse {
    if (this.#state === 'tokens') this.#transition('failed')
    return { ...this.#failure(this.#invalidCredentialsMessage()), errorCode }
  }

  /** Ends the session now. */
  expire(): void {
    if (this.#state === 'done') this.#endsAtMs = Number.NEGATIVE_INFINITY
  }

  #admitKnown(apiKey: number): Admission {
    const nowMs = this.#clock.now()
    const mayBeginAgain =
      this.#endsAtMs !== Number.POSITIVE_INFINITY &&
      nowMs - this.#reauthenticatedAtMs >= reauthenticationPauseMs
    if (apiKey === saslHandshakeApi.key && mayBeginAgain) {
      this.#reauthenticatedAtMs = nowMs
      this.#transition('handshake')
      return 'admitted'
    }
    return nowMs > this.#endsAtMs ? 'closed' : 'admitted'
  }

  #onReply({ challenge, identity }: SaslReply): TokenResponse {
    const reply = { errorCode: 0, errorMessage: '', authBytes: challenge, isLast: false }
    if (identity === null) return { ...reply, sessionLifetimeMs: 0 }
    const before = this.#identity
    if (before !== null && before.principal !== identity.principal) {
      this.#transition('failed')
      return this.#failure(
        'Cannot change principals during re-authentication from ' +
          `User.${before.principal}: User.${identity.principal}`,
      )
    }
    this.#identity = identity
    this.#server = null
    this.#transition('done')
    return { ...reply, sessionLifetimeMs: this.#startSession(identity) }
  }

  /** Stores the end of the session; returns the lifetime for the response, 0 = no end. */
  #startSession({ expiresAt }: SaslIdentity): number {
    const { sessionLifetimeMs } = this.#service ?? { sessionLifetimeMs: Number.POSITIVE_INFINITY }
    const tokenLifetimeMs =
      expiresAt === null ? Number.POSITIVE_INFINITY : expiresAt - this.#clock.wallTime()
    const lifetimeMs = Math.max(0, Math.floor(Math.min(sessionLifetimeMs, tokenLifetimeMs)))
    this.#endsAtMs = this.#clock.now() + lifetimeMs
    return Number.isFinite(lifetimeMs) ? lifetimeMs : 0
  }

  #onRejection(error: unknown): TokenResponse {
    this.#transition('failed')
    if (!(error instanceof SaslRefusal)) throw error
    return this.#failure(error.isVisible ? error.message : this.#generalMessage())
  }

  #failure(errorMessage: string): TokenResponse {
    const errorCode = errorNumber.SASL_AUTHENTICATION_FAILED
    return { errorCode, errorMessage, authBytes: noBytes, sessionLifetimeMs: 0, isLast: true }
  }

  /** Kafka's message for a wrong password. */
  #invalidCredentialsMessage(): string {
    if (this.#mechanism === 'PLAIN') return 'Authentication failed: Invalid username or password'
    return this.#mechanism === 'OAUTHBEARER' ? '{"status":"invalid_token"}' : this.#generalMessage()
  }

  #generalMessage(): string {
    const what = this.#identity === null ? 'authentication' : 're-authentication'
    return (
      `Authentication failed during ${what} ` +
      `due to invalid credentials with SASL mechanism ${this.#mechanism}`
    )
  }

  #transition(next: State): void {
    assert(legal[this.#state].includes(next), `authentication goes from ${this.#state} to ${next}`)
    this.#state = next
  }
}
