// Credentials that may change: read from a function or a file of the caller for each use. It owns
// the value that the other side accepted last. While a read fails, that one stays in use, with one
// warning.

/** Tells the user of a problem that the producer works around. */
export type Warn = (text: string) => void

export class ChangingValue<Value> {
  readonly #read: () => Promise<Value>
  readonly #warn: Warn
  #accepted: { readonly value: Value } | null = null
  #isFailing = false

  /** What `read` throws is shown: it holds no secret. */
  constructor(read: () => Promise<Value>, warn: Warn) {
    this.#read = read
    this.#warn = warn
  }

  /** Rejects only while no value was accepted. */
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
