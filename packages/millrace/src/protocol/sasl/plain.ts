// Owns the SASL mechanism PLAIN (RFC 4616): name and password in one readable message, so it should
// be used with TLS. Caller: producer/sasl-option.ts. Invariant: the texts are sent unchanged in
// UTF-8, as Kafka's own clients do.

import type { SaslMechanism, SaslSession } from './mechanism.ts'
import type { NameAndPassword, PasswordCredentials } from './password-credentials.ts'

/** `authorization NUL name NUL password`, with an empty authorization id. */
export const plainMessage = (username: string, password: string): Uint8Array =>
  Buffer.from(`\0${username}\0${password}`)

export class PlainMechanism implements SaslMechanism {
  readonly name = 'PLAIN'
  readonly #credentials: PasswordCredentials

  constructor(credentials: PasswordCredentials) {
    this.#credentials = credentials
  }

  get retriesRefusal(): boolean {
    return this.#credentials.retriesRefusal
  }

  createSession(): SaslSession {
    let sent: NameAndPassword | null = null
    return {
      next: async () => {
        if (sent !== null) {
          this.#credentials.accept(sent)
          return null
        }
        sent = await this.#credentials.get()
        return plainMessage(sent.username, sent.password)
      },
    }
  }

  redact(text: string): string {
    return this.#credentials.redact(text)
  }
}
