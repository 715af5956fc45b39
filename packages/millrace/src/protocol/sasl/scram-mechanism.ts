// Owns the SASL mechanisms SCRAM-SHA-256 and SCRAM-SHA-512, and the keys derived from a password
// and a salt. The derivation takes milliseconds of CPU, and a broker sends the same salt each time,
// so the keys are kept for later connections. Callers: producer/sasl-option.ts creates one per
// producer; net/authentication.ts uses it for each connection. Invariant: the keys are discarded
// when the password changes.

import type { SaslMechanism, SaslSession } from './mechanism.ts'
import type { NameAndPassword, PasswordCredentials } from './password-credentials.ts'
import {
  checkServerFinal,
  clientFinal,
  clientFirst,
  clientFirstBare,
  deriveKeys,
  readServerFirst,
  type ScramHash,
  type ScramKeys,
  type ServerFirst,
} from './scram.ts'

export type ScramName = 'SCRAM-SHA-256' | 'SCRAM-SHA-512'

const hashes: Readonly<Record<ScramName, ScramHash>> = {
  'SCRAM-SHA-256': 'sha256',
  'SCRAM-SHA-512': 'sha512',
}

/**
 * Limit of the salts whose keys are kept: a user has one per cluster, and a new one after each
 * change.
 */
const keptSaltsMax = 4

export class ScramMechanism implements SaslMechanism {
  readonly name: ScramName
  readonly #hash: ScramHash
  readonly #credentials: PasswordCredentials
  readonly #makeNonce: () => string
  readonly #keys = new Map<string, Promise<ScramKeys>>()
  /** The password that the keys belong to. */
  #keysPassword = ''

  /** `makeNonce` returns printable characters without commas that cannot be guessed. */
  constructor(name: ScramName, credentials: PasswordCredentials, makeNonce: () => string) {
    this.name = name
    this.#hash = hashes[name]
    this.#credentials = credentials
    this.#makeNonce = makeNonce
  }

  get retriesRefusal(): boolean {
    return this.#credentials.retriesRefusal
  }

  createSession(): SaslSession {
    const nonce = this.#makeNonce()
    let bare = ''
    let given: NameAndPassword = { username: '', password: '' }
    let step = 0
    let expected: Buffer = Buffer.alloc(0)
    return {
      next: async (challenge) => {
        step++
        if (step === 1) {
          given = await this.#credentials.get()
          bare = clientFirstBare(given.username, nonce)
          return clientFirst(bare)
        }
        if (step === 2) {
          const first = readServerFirst(challenge, nonce)
          const keys = await this.#keysFor(given.password, first)
          const final = clientFinal(this.#hash, keys, bare, challenge, first.nonce)
          expected = final.serverSignature
          return final.message
        }
        checkServerFinal(challenge, expected)
        this.#credentials.accept(given)
        return null
      },
    }
  }

  redact(text: string): string {
    return this.#credentials.redact(text)
  }

  #keysFor(password: string, first: ServerFirst): Promise<ScramKeys> {
    if (password !== this.#keysPassword) this.#keys.clear()
    this.#keysPassword = password
    const name = `${first.iterations}:${first.salt.toString('base64')}`
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    for (const oldest of this.#keys.keys()) {
      if (this.#keys.size < keptSaltsMax) break
      this.#keys.delete(oldest)
    }
    const keys = deriveKeys(this.#hash, password, first)
    this.#keys.set(name, keys)
    return keys
  }
}
