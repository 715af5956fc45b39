// Authentication of one connection, with the rules of Kafka's brokers: what may come before the
// client is known, the exchange of tokens, how long a session lives, and re-authentication
// (KIP-368). node-connection.ts asks it about each request; the handlers of SaslHandshake and
// SaslAuthenticate give it theirs. A failure is answered late and ends the connection; a session
// that is over ends it at the next request.
//
//   versions ─▶ handshake ─▶ tokens ─▶ done ─▶ handshake (again) ─▶ …
//       └───────────┴──────────┴────▶ failed

import { saslHandshakeApi } from '../protocol/api/17-sasl-handshake.ts'
import { apiVersionsApi } from '../protocol/api/18-api-versions.ts'
import { saslAuthenticateApi } from '../protocol/api/36-sasl-authenticate.ts'
import { errorNumber } from '../protocol/errors.ts'
import { assert } from '../runtime/assert.ts'
import type { Clock } from '../runtime/clock.ts'
import {
  type SaslIdentity,
  SaslRefusal,
  type SaslReply,
  type SaslServer,
} from './sasl-mechanism.ts'
import type { SaslService } from './sasl-service.ts'

type State =
  /** The cluster asks nobody. */
  | 'open'
  /** ApiVersions or SaslHandshake is to come. */
  | 'versions'
  /** SaslHandshake is to come. */
  | 'handshake'
  | 'tokens'
  /** The client asked for another mechanism than before: its next token ends the connection. */
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

/** What becomes of a request: `illegal` = ILLEGAL_SASL_STATE is answered, then it is closed. */
export type Admission = 'admitted' | 'illegal' | 'closed'

/** An answer's fields, and whether the connection ends with it. */
export interface HandshakeAnswer {
  readonly errorCode: number
  readonly mechanisms: readonly string[]
  readonly isLast: boolean
}

export interface TokenAnswer {
  readonly errorCode: number
  /** Empty, and not null, where there is no error: so it comes from Kafka. */
  readonly errorMessage: string
  readonly authBytes: Uint8Array
  readonly sessionLifetimeMs: number
  readonly isLast: boolean
}

/** Kafka's `sasl.server.max.receive.size`: of a request before the client is known. */
const tokenBytesMax = 512 * 1024
/** Sooner than this after the last time nobody may authenticate again. */
const reauthenticationPauseMs = 1000
/** Kafka's `connection.failed.authentication.delay.ms`: slows down whoever guesses. */
export const failureDelayMs = 100

const noBytes = new Uint8Array(0)

export class Authentication {
  readonly #service: SaslService | null
  readonly #clock: Clock
  #state: State
  #mechanism = ''
  #server: SaslServer | null = null
  #identity: SaslIdentity | null = null
  /** After SaslHandshake version 0 the tokens come bare, without a request around them. */
  #takesBareTokens = false
  /** When the session ends, in the clock's time; Infinity = never. */
  #endsAtMs = Number.POSITIVE_INFINITY
  #reauthenticatedAtMs = Number.NEGATIVE_INFINITY

  constructor(service: SaslService | null, clock: Clock) {
    this.#service = service
    this.#clock = clock
    this.#state = service === null ? 'open' : 'versions'
  }

  /** As whom the client is known; null before, and where nobody is asked. */
  get principal(): string | null {
    return this.#identity?.principal ?? null
  }

  /** The next frame is a token and no request. */
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

  /** ApiVersions was answered: of the requests before authentication it may come once. */
  onVersionsTold(): void {
    if (this.#state === 'versions') this.#transition('handshake')
  }

  chooseMechanism(mechanism: string, version: number): HandshakeAnswer {
    if (this.#service === null || (this.#state !== 'versions' && this.#state !== 'handshake')) {
      return { errorCode: errorNumber.ILLEGAL_SASL_STATE, mechanisms: [], isLast: false }
    }
    const { mechanisms } = this.#service
    const server = this.#service.newServer(mechanism)
    if (server === undefined) {
      this.#transition('failed')
      return { errorCode: errorNumber.UNSUPPORTED_SASL_MECHANISM, mechanisms, isLast: true }
    }
    const isAgain = this.#identity !== null
    if (isAgain && mechanism !== this.#mechanism) {
      this.#transition('mismatch')
    } else {
      this.#mechanism = mechanism
      this.#server = server
      this.#takesBareTokens = version === 0
      this.#transition('tokens')
    }
    return { errorCode: 0, mechanisms, isLast: false }
  }

  /** Takes a token of the client's; answers at once or later, once. */
  authenticate(token: Uint8Array, answer: (answer: TokenAnswer) => void): void {
    if (this.#state !== 'tokens') {
      answer({
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
      if (!(reply instanceof Promise)) answer(this.#onReply(reply))
      else {
        reply.then(
          (later) => answer(this.#onReply(later)),
          (error) => answer(this.#onRefusal(error)),
        )
      }
    } catch (error) {
      answer(this.#onRefusal(error))
    }
  }

  /** The client is refused whatever it shows; `message` null = in Kafka's words. */
  refuse(errorCode: number): TokenAnswer {
    if (this.#state === 'tokens') this.#transition('failed')
    return { ...this.#failure(this.#usualWords()), errorCode }
  }

  /** From now on the session is over. */
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

  #onReply({ challenge, identity }: SaslReply): TokenAnswer {
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

  /** Notes when the session ends; answers what the client is told, 0 = it does not end. */
  #startSession({ expiresAt }: SaslIdentity): number {
    const { sessionLifetimeMs } = this.#service ?? { sessionLifetimeMs: Number.POSITIVE_INFINITY }
    const tokenLifetimeMs =
      expiresAt === null ? Number.POSITIVE_INFINITY : expiresAt - this.#clock.wallTime()
    const lifetimeMs = Math.max(0, Math.floor(Math.min(sessionLifetimeMs, tokenLifetimeMs)))
    this.#endsAtMs = this.#clock.now() + lifetimeMs
    return Number.isFinite(lifetimeMs) ? lifetimeMs : 0
  }

  #onRefusal(error: unknown): TokenAnswer {
    this.#transition('failed')
    if (!(error instanceof SaslRefusal)) throw error
    return this.#failure(error.isTold ? error.message : this.#generalWords())
  }

  #failure(errorMessage: string): TokenAnswer {
    const errorCode = errorNumber.SASL_AUTHENTICATION_FAILED
    return { errorCode, errorMessage, authBytes: noBytes, sessionLifetimeMs: 0, isLast: true }
  }

  /** What a client with a wrong password hears. */
  #usualWords(): string {
    if (this.#mechanism === 'PLAIN') return 'Authentication failed: Invalid username or password'
    return this.#mechanism === 'OAUTHBEARER' ? '{"status":"invalid_token"}' : this.#generalWords()
  }

  #generalWords(): string {
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
