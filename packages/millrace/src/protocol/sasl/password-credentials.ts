// Owns the user name and password of PLAIN and SCRAM. Both are read together, because they may
// change together. Callers: plain.ts, scram-mechanism.ts; producer/sasl-option.ts creates it.
// Invariant: the password is never part of a message.

import { ChangingValue, type Warn } from './changing-value.ts'
import { Secret, type SecretSource } from './secret.ts'

export interface NameAndPassword {
  readonly username: string
  readonly password: string
}

export class PasswordCredentials {
  readonly #username: Secret
  readonly #password: Secret
  readonly #current: ChangingValue<NameAndPassword>

  constructor(username: SecretSource, password: SecretSource, warn: Warn) {
    this.#username = new Secret('sasl.username', username)
    this.#password = new Secret('sasl.password', password)
    this.#current = new ChangingValue(() => this.#read(), warn)
  }

  /** A rejection may come from a rotation in progress. */
  get retriesRefusal(): boolean {
    return this.#current.wasAccepted && (this.#username.canChange || this.#password.canChange)
  }

  get(): Promise<NameAndPassword> {
    return this.#current.get()
  }

  /** A broker has accepted them. */
  accept(given: NameAndPassword): void {
    this.#current.accept(given)
  }

  redact(text: string): string {
    return this.#password.redact(text)
  }

  async #read(): Promise<NameAndPassword> {
    const [username, password] = await Promise.all([this.#username.read(), this.#password.read()])
    return { username, password }
  }
}
