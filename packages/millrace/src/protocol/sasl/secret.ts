// A secret that may change while a producer lives: read for each authentication from a function of
// the caller. It owns the values it gave last, so that they can be kept out of texts.

import { messageOf } from '../../runtime/value-kinds.ts'
import { redactSecrets, SaslError } from './mechanism.ts'

/** A secret, or a function that gives the current one: it is called for each authentication. */
export type SecretSource = string | (() => string | Promise<string>)

/** Earlier values that may still be in a response: of the authentications under way. */
const keptMax = 8

export class Secret {
  /** For messages: `sasl.password`. */
  readonly #name: string
  readonly #source: SecretSource
  #given: string[] = []

  constructor(name: string, source: SecretSource) {
    this.#name = name
    this.#source = source
    if (typeof source === 'string') this.#given = [source]
  }

  /** It comes from a function, so that another value may come next time. */
  get canChange(): boolean {
    return typeof this.#source === 'function'
  }

  /** The current value. Throws a SaslError without a value where the function gives none. */
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
