// Owns the last accepted value of credentials that may change and are read for each use, from a
// function or a file of the caller. Callers: password-credentials.ts, net/token-source.ts,
// net/client-credentials.ts. Invariant: while a read fails, the accepted value is used, with one
// warning.

/** Logs a problem that the producer works around. */
export type Warn = (text: string) => void

export class ChangingValue<Value> {
  readonly #read: () => Promise<Value>
  readonly #warn: Warn
  #accepted: { readonly value: Value } | null = null
  #isFailing = false

  /** The message of an error that `read` throws is shown, so it must not contain a secret. */
  constructor(read: () => Promise<Value>, warn: Warn) {
    this.#read = read
    this.#warn = warn
  }

  /** Rejects only if no value was accepted yet. */
  async get(): Promise<Value> {
    try {
      const value = await this.#read()
      this.#isFailing = false
      return value
    } catch (error) {
      if (this.#accepted === null) throw error
      if (!this.#isFailing) this.#warn(`${(error as Error).message}. The earlier one stays in use`)
      this.#isFailing = true
      return this.#accepted.value
    }
  }

  get wasAccepted(): boolean {
    return this.#accepted !== null
  }

  accept(value: Value): void {
    this.#accepted = { value }
  }
}
