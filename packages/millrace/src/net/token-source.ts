// The tokens of one client: asked for one at a time, shared by all its connections, and renewed
// ahead of their end. It has no timer: a connection that authenticates (again) late in a token's
// life brings a new one about, and KIP-368 makes connections do that before the token ends. Where
// the provider fails and the token still lives, the token goes on being used, with one warning.
// Invariant: no token and nothing that a provider threw leaves by an error; its message does.

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

/** What a token provider gets. */
export interface TokenContext {
  /** Aborts when no connection waits for the token any more. */
  readonly signal: AbortSignal
}

/**
 * Gives a token when it is asked; throws or rejects if it has none: then it is asked again
 * later.
 */
export type TokenProvider = (context: TokenContext) => OAuthToken | Promise<OAuthToken>

interface Held {
  readonly token: OAuthToken
  readonly receivedAtMs: number
  /** Infinity is not among them: a token without an end is not held. */
  readonly expiresAtMs: number
}

/** From this part of its life on a token is replaced at the next request; as Java does it. */
const renewFrom = 0.8

/** A token that ends sooner than this is not handed out. */
const remainingMsMin = 5_000

export class TokenSource implements TokenSupply {
  readonly #provider: TokenProvider
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #asksAlways: boolean
  readonly #warn: Warn
  #isFailing = false
  #held: Held | null = null
  #asking: Promise<OAuthToken> | null = null

  /** `asksAlways`: a token that is held is only for the case that the provider fails. */
  constructor(
    provider: TokenProvider,
    clock: Clock,
    timeoutMs: number,
    warn: Warn,
    asksAlways = false,
  ) {
    this.#asksAlways = asksAlways
    this.#warn = warn
    this.#provider = provider
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** A token that is good for a while. Rejects with a SaslError. */
  async get(): Promise<OAuthToken> {
    const held = this.#held
    const now = this.#clock.wallTime()
    if (held !== null && now < renewAtMs(held) && !this.#asksAlways) return held.token
    try {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = null
      })
      return await this.#asking
    } catch (error) {
      const isUsable = held !== null && now + remainingMsMin < held.expiresAtMs
      if (!isUsable) throw error
      this.#onFailure(error as SaslError)
      return held.token
    }
  }

  /** A broker refused it: the next caller gets another. */
  forget(token: OAuthToken): void {
    if (this.#held?.token === token) this.#held = null
  }

  #onFailure({ message }: SaslError): void {
    if (this.#isFailing) return
    this.#isFailing = true
    this.#warn(`${message}. The earlier token stays in use`)
  }

  async #ask(): Promise<OAuthToken> {
    const token = await this.#askProvider()
    const problem = tokenProblem(token)
    if (problem !== null) throw new SaslError(`the token provider's result is invalid: ${problem}`)
    this.#isFailing = false
    // One that seems to be over is used once all the same: the broker's clock decides.
    const receivedAtMs = this.#clock.wallTime()
    const expiresAtMs = token.expiresAt ?? jwtExpiresAt(token.value)
    this.#held = expiresAtMs === undefined ? null : { token, receivedAtMs, expiresAtMs }
    return token
  }

  #askProvider(): Promise<OAuthToken> {
    return new Promise((resolve, reject) => {
      const controller = new AbortController()
      const timer = this.#clock.setTimer(this.#timeoutMs, () => {
        const limit = `${this.#timeoutMs} ms (connectTimeoutMs)`
        reject(new SaslError(`the token provider returned no token within ${limit}`, true))
        controller.abort()
      })
      // Each caller that waits for the token has its own timer.
      timer.unref?.()
      Promise.resolve()
        .then(() => this.#provider({ signal: controller.signal }))
        .then(resolve, (thrown) => reject(providerFailure(thrown)))
        .finally(() => timer.cancel())
    })
  }
}

const renewAtMs = ({ receivedAtMs, expiresAtMs }: Held): number =>
  Math.min(receivedAtMs + renewFrom * (expiresAtMs - receivedAtMs), expiresAtMs - remainingMsMin)

const providerFailure = (thrown: unknown): SaslError => {
  if (thrown instanceof SaslError) return thrown
  const said = messageOf(thrown)
  return new SaslError(`the token provider failed: ${said}`, true)
}
