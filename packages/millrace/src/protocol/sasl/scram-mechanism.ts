// SCRAM-SHA-256 and SCRAM-SHA-512 as a mechanism. The keys of a salt are derived once and kept: a
// broker sends the same salt each time, and deriving them takes milliseconds of a core on every
// connection and every re-authentication otherwise.

import { redactSecrets, type SaslMechanism, type SaslSession } from './mechanism.ts'
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

/** Salts whose keys are kept: a user has one in a cluster, and another after each change. */
const keptSaltsMax = 4

export class ScramMechanism implements SaslMechanism {
  readonly name: ScramName
  readonly #hash: ScramHash
  readonly #username: string
  readonly #password: string
  readonly #makeNonce: () => string
  readonly #keys = new Map<string, Promise<ScramKeys>>()

  /** `makeNonce` gives printable characters without commas that cannot be guessed. */
  constructor(name: ScramName, username: string, password: string, makeNonce: () => string) {
    this.name = name
    this.#hash = hashes[name]
    this.#username = username
    this.#password = password
    this.#makeNonce = makeNonce
  }

  createSession(): SaslSession {
    const nonce = this.#makeNonce()
    const bare = clientFirstBare(this.#username, nonce)
    let step = 0
    let expected: Buffer = Buffer.alloc(0)
    return {
      next: async (challenge) => {
        step++
        if (step === 1) return clientFirst(bare)
        if (step === 2) {
          const first = readServerFirst(challenge, nonce)
          const keys = await this.#keysFor(first)
          const final = clientFinal(this.#hash, keys, bare, challenge, first.nonce)
          expected = final.serverSignature
          return final.message
        }
        checkServerFinal(challenge, expected)
        return null
      },
    }
  }

  redact(text: string): string {
    return redactSecrets(text, [this.#password])
  }

  #keysFor(first: ServerFirst): Promise<ScramKeys> {
    const name = `${first.iterations}:${first.salt.toString('base64')}`
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    for (const oldest of this.#keys.keys()) {
      if (this.#keys.size < keptSaltsMax) break
      this.#keys.delete(oldest)
    }
    const keys = deriveKeys(this.#hash, this.#password, first)
    this.#keys.set(name, keys)
    return keys
  }
}
