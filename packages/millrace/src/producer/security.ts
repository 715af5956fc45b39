// How a producer reaches its brokers: TLS, authentication, sockets of the user's own, and whether
// all that keeps the process alive. It turns the options into what the cluster connects with.
// Callers: options.ts (checks, reads the files once), Producer (puts it to use).

import type { SaslSettings } from '../net/authentication.ts'
import type { Clock } from '../runtime/clock.ts'
import { dialTransport, type SocketFactory } from '../runtime/dial-transport.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import { loadTls, type TlsOptions, type TlsSettings } from '../runtime/tls-settings.ts'
import type { Transport } from '../runtime/transport.ts'
import { unrefClock, unrefTransport } from '../runtime/unref.ts'
import { mechanismOf, type SaslOption } from './sasl-option.ts'

/** The options that say how to reach brokers; each was found right by itself. */
export interface SecurityValues {
  readonly tls: boolean | TlsOptions | undefined
  readonly sasl: SaslOption | undefined
  readonly socketFactory: SocketFactory | undefined
  readonly keepProcessAlive: boolean
  readonly connectTimeoutMs: number
}

/** What a producer runs on; tests and the simulator bring their own. */
export interface Environment {
  readonly clock: Clock
  readonly random: Random
  readonly transport: Transport
}

/** Mechanisms whose messages must not be overheard. */
const talkative: ReadonlySet<string> = new Set(['PLAIN', 'OAUTHBEARER'])

export class Security {
  readonly #values: SecurityValues
  readonly #tls: TlsSettings | null

  private constructor(values: SecurityValues, tls: TlsSettings | null) {
    this.#values = values
    this.#tls = tls
  }

  /** Reads the files that `tls` names. */
  static load(values: SecurityValues): { security: Security; problems: readonly string[] } {
    const { tls } = values
    const options = tls === true ? {} : tls || null
    const { settings, problems } =
      options === null ? { settings: null, problems: [] } : loadTls(options)
    return { security: new Security(values, settings), problems }
  }

  /** The environment as the options want it. */
  environment(given: Environment): Environment {
    const { socketFactory = null, keepProcessAlive } = this.#values
    const isPlain = this.#tls === null && socketFactory === null
    const transport = isPlain ? given.transport : dialTransport({ socketFactory, tls: this.#tls })
    if (keepProcessAlive) return { ...given, transport }
    return { ...given, clock: unrefClock(given.clock), transport: unrefTransport(transport) }
  }

  /** Who we are to the brokers. Says so once where it could be overheard. */
  sasl({ clock, random }: Environment, logger: Logger): SaslSettings | undefined {
    const { sasl, connectTimeoutMs } = this.#values
    if (sasl === undefined) return undefined
    const mechanism = mechanismOf(sasl, clock, connectTimeoutMs)
    if (this.#tls === null && talkative.has(mechanism.name)) {
      logger.warn(
        `millrace: sasl ${mechanism.name} without tls: whoever can listen on the network reads ` +
          'the credentials',
      )
    }
    return { mechanism, random }
  }
}
