// PLAIN (RFC 4616): name and password in one message, which is why it belongs on TLS. As Kafka's
// own clients do, the texts are sent as they are, in UTF-8.

import { redactSecrets, type SaslMechanism, type SaslSession } from './mechanism.ts'

/** `authorization NUL name NUL password`, without an authorization id of its own. */
export const plainMessage = (username: string, password: string): Uint8Array =>
  Buffer.from(`\0${username}\0${password}`)

export class PlainMechanism implements SaslMechanism {
  readonly name = 'PLAIN'
  readonly #username: string
  readonly #password: string

  constructor(username: string, password: string) {
    this.#username = username
    this.#password = password
  }

  createSession(): SaslSession {
    let isSent = false
    return {
      next: () => {
        if (isSent) return null
        isSent = true
        return plainMessage(this.#username, this.#password)
      },
    }
  }

  redact(text: string): string {
    return redactSecrets(text, [this.#password])
  }
}
