// Owns how a producer connects to its brokers: TLS, SASL, custom sockets, and whether connections
// keep the process alive. It converts the options into the transport and the clock of the cluster
// client. Callers: options.ts (checks, reads the files once), Producer. Invariant: no secret leaves
// it in a message.

import type { SaslSettings } from '../net/connection-contract.ts'
import { dialTransport, type SocketFactory } from '../runtime/dial-transport.ts'
import { type Logger, printableLogger } from '../runtime/logger.ts'
import type { TlsOptions } from '../runtime/tls-settings.ts'
import { type TlsProvider, TlsSource } from '../runtime/tls-source.ts'
import { unrefClock, unrefTransport } from '../runtime/unref.ts'
import type { Environment } from './environment.ts'
import { mechanismOf, type SaslOption } from './sasl-option.ts'
import { tlsProblem } from './tls-option.ts'

/** The options of the connection; each is valid by itself. */
export interface SecurityValues {
  readonly tls: boolean | TlsOptions | TlsProvider | undefined
  readonly sasl: SaslOption | undefined
  readonly socketFactory: SocketFactory | undefined
  readonly keepProcessAlive: boolean
  readonly connectTimeoutMs: number
  readonly logger: Logger | undefined
}

/** Mechanisms whose messages must not be readable by others. */
const mechanismsWithPlainSecrets: ReadonlySet<string> = new Set(['PLAIN', 'OAUTHBEARER'])

export class Security {
  readonly #values: SecurityValues
  readonly #tls: TlsSource | null

  private constructor(values: SecurityValues, tls: TlsSource | null) {
    this.#values = values
    this.#tls = tls
  }

  /** Reads the files that `tls` names. */
  static load(values: SecurityValues): { security: Security; problems: readonly string[] } {
    const { tls = false } = values
    if (tls === false) return { security: new Security(values, null), problems: [] }
    const logger = printableLogger(values.logger)
    const warn = (text: string, option: string): void =>
      logger.warn(`millrace: ${text}`, { option })
    const { source, problems } = TlsSource.load({ tls, problemOf: tlsProblem, warn })
    return { security: new Security(values, source), problems }
  }

  /** The environment with the transport and the clock of the options. */
  environment(given: Environment): Environment {
    const { socketFactory = null, keepProcessAlive } = this.#values
    const isPlain = this.#tls === null && socketFactory === null
    const transport = isPlain ? given.transport : dialTransport({ socketFactory, tls: this.#tls })
    if (keepProcessAlive) return { ...given, transport }
    return { ...given, clock: unrefClock(given.clock), transport: unrefTransport(transport) }
  }

  /** The SASL settings of the client. Warns once if the connection is not encrypted. */
  sasl({ clock, random }: Environment, logger: Logger): SaslSettings | undefined {
    const { sasl, connectTimeoutMs } = this.#values
    if (sasl === undefined) return undefined
    const warn = (text: string): void => logger.warn(`millrace: ${text}`, { option: 'sasl' })
    const mechanism = mechanismOf(sasl, clock, connectTimeoutMs, warn)
    if (this.#tls === null && mechanismsWithPlainSecrets.has(mechanism.name)) {
      warn(`sasl ${mechanism.name} without tls: others on the network can read the credentials`)
    }
    return { mechanism, random }
  }
}
