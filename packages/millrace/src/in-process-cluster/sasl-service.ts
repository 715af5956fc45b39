// The SASL configuration of the cluster: its mechanisms, users, and session lifetime.
// in-process-cluster.ts owns it. Each authentication gets a new server object from it; tests change
// passwords through it. Invariant: a new password applies to the next authentication; open sessions
// continue.

import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/random.ts'
import type { SaslMechanismName, SaslServer } from './sasl-mechanism.ts'
import { OauthBearerServer, unsecuredTokens, type ValidateToken } from './sasl-oauth-bearer.ts'
import { PlainServer } from './sasl-plain.ts'
import { type ScramCredential, type ScramHash, ScramServer, scramCredential } from './sasl-scram.ts'

/** The SASL options of a cluster. */
export interface ClusterSaslOptions {
  /** The mechanisms of the cluster: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER. */
  readonly mechanisms: readonly SaslMechanismName[]
  /** Passwords by user name, for PLAIN and SCRAM. */
  readonly users?: Readonly<Record<string, string>> | undefined
  /**
   * Kafka's `connections.max.reauth.ms`: the time after which a client must authenticate again
   * (KIP-368). Without it, sessions end only with their tokens.
   */
  readonly sessionLifetimeMs?: number | undefined
  /**
   * For OAUTHBEARER: returns the user of a token, or null. By default unsecured JWTs with `sub` and
   * `exp` are accepted.
   */
  readonly validateToken?: ValidateToken | undefined
}

export class SaslService {
  readonly mechanisms: readonly SaslMechanismName[]
  /** Infinity if sessions end only with their tokens. */
  readonly sessionLifetimeMs: number
  readonly #random: Random
  readonly #validateToken: ValidateToken
  readonly #passwords: Map<string, string>
  readonly #credentials = new Map<string, ScramCredential>()

  constructor(options: ClusterSaslOptions, clock: Clock, random: Random) {
    this.mechanisms = [...options.mechanisms]
    this.sessionLifetimeMs = options.sessionLifetimeMs ?? Number.POSITIVE_INFINITY
    this.#random = random
    this.#validateToken = options.validateToken ?? unsecuredTokens(clock)
    this.#passwords = new Map(Object.entries(options.users ?? {}))
  }

  /** Adds a user, changes the password, or removes the user (null). Sessions continue. */
  setPassword(user: string, password: string | null): void {
    if (password === null) this.#passwords.delete(user)
    else this.#passwords.set(user, password)
    for (const hash of ['sha256', 'sha512']) this.#credentials.delete(`${hash} ${user}`)
  }

  /** The server side of one authentication; undefined for an unsupported mechanism. */
  newServer(mechanism: string): SaslServer | undefined {
    const offered = this.mechanisms.find((one) => one === mechanism)
    switch (offered) {
      case undefined:
        return undefined
      case 'PLAIN':
        return new PlainServer((user) => this.#passwords.get(user))
      case 'SCRAM-SHA-256':
        return this.#scramServer('sha256')
      case 'SCRAM-SHA-512':
        return this.#scramServer('sha512')
      case 'OAUTHBEARER':
        return new OauthBearerServer(this.#validateToken)
      default:
        return offered satisfies never
    }
  }

  #scramServer(hash: ScramHash): ScramServer {
    return new ScramServer(hash, (user) => this.#credentialOf(hash, user), this.#random)
  }

  /** Derived on first use and cached, because the derivation is slow by design. */
  #credentialOf(hash: ScramHash, user: string): ScramCredential | undefined {
    const password = this.#passwords.get(user)
    if (password === undefined) return undefined
    const key = `${hash} ${user}`
    const credential = this.#credentials.get(key) ?? scramCredential(hash, password, this.#random)
    this.#credentials.set(key, credential)
    return credential
  }
}
