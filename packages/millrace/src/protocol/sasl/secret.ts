// Owns a secret that may change while a producer runs: a function of the caller returns it for each
// authentication. It keeps the last values, so that they can be removed from texts. Callers:
// password-credentials.ts, net/client-credentials.ts, net/client-assertion.ts. Invariant: no
// message contains a value.

import { redactSecrets } from '../../runtime/redact-secrets.ts'
import { messageOf } from '../../runtime/value-kinds.ts'
import { SaslError } from './mechanism.ts'

/** A secret, or a function that returns the current one and is called for each authentication. */
export type SecretSource = string | (() => string | Promise<string>)

/** Limit of earlier values that a response may still contain, from authentications in progress. */
const keptMax = 8

export class Secret {
  /** The option in messages: `sasl.password`. */
  readonly #name: string
  readonly #source: SecretSource
  #given: string[] = []

  constructor(name: string, source: SecretSource) {
    this.#name = name
    this.#source = source
    if (typeof source === 'string') this.#given = [source]
  }

  /** True if a function returns it, so the next value may differ. */
  get canChange(): boolean {
    return typeof this.#source === 'function'
  }

  /**
   * The current value. Throws a SaslError, which contains no value, if the function returns none.
   */
  read(): string | Promise<string> {
    return typeof this.#source === 'string' ? this.#source : this.#call(this.#source)
  }

  redact(text: string): string {
    return redactSecrets(text, this.#given)
  }

  async #call(source: () => string | Promise<string>): Promise<string> {
    let value: unknown
    try {
      value = await source()
    } catch (thrown) {
      const reason = this.redact(messageOf(thrown))
      throw new SaslError(`${this.#name} failed: ${reason}`, true)
    }
    if (typeof value !== 'string' || value === '' || value.includes('\0')) {
      const got = value === '' ? 'an empty one' : typeof value
      const what = typeof value === 'string' && value !== '' ? 'one with a zero character' : got
      throw new SaslError(`${this.#name} must return a string, got ${what}`, true)
    }
    if (!this.#given.includes(value)) this.#given = [value, ...this.#given].slice(0, keptMax)
    return value
  }
}
