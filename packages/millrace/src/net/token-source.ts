// Owns the current OAuth token of one client. All connections share it, and at most one request for
// a token is in progress. Callers: producer/sasl-option.ts creates it, and connections call get()
// when they authenticate. It has no timer: KIP-368 makes a connection authenticate again before its
// token ends, and that call requests a new token. If the provider fails, a token that is still
// valid is used, with one warning. Invariant: an error contains the message that a provider threw,
// but never a token or the thrown object.

import type { Warn } from '../protocol/sasl/changing-value.ts'
import { SaslError } from '../protocol/sasl/mechanism.ts'
import {
  jwtExpiresAt,
  type OAuthToken,
  type TokenSupply,
  tokenProblem,
} from '../protocol/sasl/oauth-bearer.ts'
import type { Clock } from '../runtime/clock.ts'
import { messageOf } from '../runtime/value-kinds.ts'

/** The argument of a token provider. */
export interface TokenContext {
  /** Aborts when no connection waits for the token any more. */
  readonly signal: AbortSignal
}

/** Returns a token. If it has none, it throws or rejects, and is called again later. */
export type TokenProvider = (context: TokenContext) => OAuthToken | Promise<OAuthToken>

interface KeptToken {
  readonly token: OAuthToken
  readonly receivedAtMs: number
  /** Infinity is not included: a token without an end is not kept. */
  readonly expiresAtMs: number
}

/** A token is replaced at the next call after this share of its lifetime, as in the Java client. */
const renewFrom = 0.8

/** A token that ends sooner than this is not returned. */
const remainingMsMin = 5_000

export class TokenSource implements TokenSupply {
  readonly #provider: TokenProvider
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #callsAlways: boolean
  readonly #warn: Warn
  #isFailing = false
  #kept: KeptToken | null = null
  #pending: Promise<OAuthToken> | null = null

  /**
   * `callsAlways`: the provider is called each time, and the kept token is used only if it fails.
   */
  constructor(
    provider: TokenProvider,
    clock: Clock,
    timeoutMs: number,
    warn: Warn,
    callsAlways = false,
  ) {
    this.#callsAlways = callsAlways
    this.#warn = warn
    this.#provider = provider
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** Returns a token that is valid for a while. Rejects with a SaslError. */
  async get(): Promise<OAuthToken> {
    const kept = this.#kept
    const now = this.#clock.wallTime()
    if (kept !== null && now < renewAtMs(kept) && !this.#callsAlways) return kept.token
    try {
      this.#pending ??= this.#requestToken().finally(() => {
        this.#pending = null
      })
      return await this.#pending
    } catch (error) {
      const isUsable = kept !== null && now + remainingMsMin < kept.expiresAtMs
      if (!isUsable) throw error
      this.#onFailure(error as SaslError)
      return kept.token
    }
  }

  /** A broker rejected the token: the next call requests another one. */
  forget(token: OAuthToken): void {
    if (this.#kept?.token === token) this.#kept = null
  }

  #onFailure({ message }: SaslError): void {
    if (this.#isFailing) return
    this.#isFailing = true
    this.#warn(`${message}. The earlier token stays in use`)
  }

  async #requestToken(): Promise<OAuthToken> {
    const token = await this.#callProvider()
    const problem = tokenProblem(token)
    if (problem !== null) throw new SaslError(`the token provider's result is invalid: ${problem}`)
    this.#isFailing = false
    // A token that seems to have ended is used once: the broker's clock decides.
    const receivedAtMs = this.#clock.wallTime()
    const expiresAtMs = token.expiresAt ?? jwtExpiresAt(token.value)
    this.#kept = expiresAtMs === undefined ? null : { token, receivedAtMs, expiresAtMs }
    return token
  }

  #callProvider(): Promise<OAuthToken> {
    return new Promise((resolve, reject) => {
      const controller = new AbortController()
      const timer = this.#clock.setTimer(this.#timeoutMs, () => {
        const limit = `${this.#timeoutMs} ms (connectTimeoutMs)`
        reject(new SaslError(`the token provider returned no token within ${limit}`, true))
        controller.abort()
      })
      // Each caller that waits for the token has a timer of its own.
      timer.unref?.()
      Promise.resolve()
        .then(() => this.#provider({ signal: controller.signal }))
        .then(resolve, (thrown) => reject(providerFailure(thrown)))
        .finally(() => timer.cancel())
    })
  }
}

const renewAtMs = ({ receivedAtMs, expiresAtMs }: KeptToken): number =>
  Math.min(receivedAtMs + renewFrom * (expiresAtMs - receivedAtMs), expiresAtMs - remainingMsMin)

const providerFailure = (thrown: unknown): SaslError => {
  if (thrown instanceof SaslError) return thrown
  const reason = messageOf(thrown)
  return new SaslError(`the token provider failed: ${reason}`, true)
}
