// Converts `ssl`, `sasl`, and `socketFactory` of kafkajs to options of millrace; tls.ts and sasl.ts
// convert the first two. It keeps no state. Caller: config.ts.

import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import type { ProducerOptions } from 'millrace'
import type { Logger } from './logger.ts'
import { type Mechanism, type SASLOptions, toSasl } from './sasl.ts'
import type { SettingWarnings } from './setting-warnings.ts'
import { toTls } from './tls.ts'

/** The arguments of a kafkajs socket factory. */
export interface ISocketFactoryArgs {
  /** The host of the broker. */
  host: string
  /** The port of the broker. */
  port: number
  /** The settings of TLS. */
  ssl: ConnectionOptions
  /** Must be called when the socket is connected. */
  onConnect: () => void
}

/** Opens a socket, with TLS where `ssl` is given, and calls `onConnect` when it is ready. */
export type ISocketFactory = (args: ISocketFactoryArgs) => Duplex

export interface SecurityConfig {
  ssl?: ConnectionOptions | boolean
  sasl?: SASLOptions | Mechanism
  socketFactory?: ISocketFactory
}

type SecurityOptions = Pick<ProducerOptions, 'tls' | 'sasl' | 'socketFactory'>

/** Resolves with a socket of the user's factory once it is connected. */
const openWith =
  (factory: ISocketFactory, ssl: ConnectionOptions | undefined) =>
  ({ host, port }: { host: string; port: number }): Promise<Duplex> =>
    new Promise((resolve, reject) => {
      // The factory may call onConnect before it returns the socket.
      const socket = factory({
        host,
        port,
        ssl: ssl as ConnectionOptions,
        onConnect: () => Promise.resolve().then(() => resolve(socket)),
      })
      socket.once('error', reject)
    })

/** The security options of millrace. */
export const securityOptions = (
  { ssl, sasl, socketFactory }: SecurityConfig,
  logger: Logger,
  warnings: SettingWarnings,
): SecurityOptions => {
  const details = typeof ssl === 'object' && ssl !== null ? ssl : {}
  return {
    // A user's socket factory secures the connection itself, with the same `ssl`.
    ...(socketFactory !== undefined && socketFactory !== null
      ? { socketFactory: openWith(socketFactory, ssl ? details : undefined) }
      : ssl && { tls: toTls(details, warnings) }),
    ...(sasl !== undefined && sasl !== null && { sasl: toSasl(sasl, logger) }),
  }
}
