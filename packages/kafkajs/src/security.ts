// `ssl`, `sasl` and `socketFactory` of kafkajs as options of millrace. What millrace does not do is
// refused with words that say what to do instead, never left out silently.

import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import type { ProducerOptions } from 'millrace'
import { KafkaJSNonRetriableError } from './errors.ts'

/** What kafkajs's token provider answers. */
export interface OauthbearerProviderResponse {
  value: string
}

/** kafkajs's option `sasl`. */
export type SASLOptions =
  | { mechanism: 'plain'; username: string; password: string }
  | { mechanism: 'scram-sha-256'; username: string; password: string }
  | { mechanism: 'scram-sha-512'; username: string; password: string }
  | { mechanism: 'oauthbearer'; oauthBearerProvider: () => Promise<OauthbearerProviderResponse> }

/** Name of a mechanism of kafkajs that there is here. */
export type SASLMechanism = SASLOptions['mechanism']

/** What a socket factory of kafkajs is told. */
export interface ISocketFactoryArgs {
  host: string
  port: number
  ssl: ConnectionOptions
  onConnect: () => void
}

/** Opens a socket, with TLS where `ssl` is given, and calls `onConnect` when it is ready. */
export type ISocketFactory = (args: ISocketFactoryArgs) => Duplex

export interface SecurityConfig {
  ssl?: ConnectionOptions | boolean
  sasl?: SASLOptions
  socketFactory?: ISocketFactory
}

type SecurityOptions = Pick<ProducerOptions, 'tls' | 'sasl' | 'socketFactory'>

/** What each field of Node's TLS options is called in millrace. */
const tlsNames: Readonly<Record<string, string>> = {
  ca: 'ca',
  cert: 'cert',
  key: 'key',
  passphrase: 'passphrase',
  pfx: 'pfx',
  servername: 'serverName',
  minVersion: 'minVersion',
  maxVersion: 'maxVersion',
}

const toTls = (ssl: ConnectionOptions): NonNullable<SecurityOptions['tls']> => {
  const tls: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(ssl)) {
    if (value === undefined) continue
    if (name === 'rejectUnauthorized') {
      if (value !== false) continue
      throw new KafkaJSNonRetriableError(
        'ssl.rejectUnauthorized is false: certificates are always checked; give the authority ' +
          'that signed them in ssl.ca',
      )
    }
    if (name === 'checkServerIdentity') {
      tls.dangerouslySkipHostnameCheck = true
      continue
    }
    const ours = tlsNames[name]
    if (ours === undefined) {
      const known = Object.keys(tlsNames).join(', ')
      throw new KafkaJSNonRetriableError(`ssl.${name} is not supported: expected ${known}`)
    }
    tls[ours] = value
  }
  return tls
}

const toSasl = (sasl: SASLOptions): NonNullable<SecurityOptions['sasl']> => {
  if (sasl.mechanism === 'oauthbearer') {
    const { oauthBearerProvider } = sasl
    if (typeof oauthBearerProvider !== 'function') {
      throw new KafkaJSNonRetriableError('sasl.oauthBearerProvider is no function')
    }
    return { mechanism: 'OAUTHBEARER', token: () => oauthBearerProvider() }
  }
  const { mechanism, username, password } = sasl
  if (/^(plain|scram-sha-256|scram-sha-512)$/i.test(mechanism)) {
    return { mechanism, username, password }
  }
  throw new KafkaJSNonRetriableError(
    `sasl.mechanism '${mechanism}': expected plain, scram-sha-256, scram-sha-512 or oauthbearer; ` +
      'for another one pass a mechanism of millrace: { millrace: { sasl } }',
  )
}

/** A socket of the user's factory, once it is connected. */
const openWith =
  (factory: ISocketFactory, ssl: ConnectionOptions | undefined) =>
  ({ host, port }: { host: string; port: number }): Promise<Duplex> =>
    new Promise((resolve, reject) => {
      // The factory may call before it has returned its socket.
      const socket = factory({
        host,
        port,
        ssl: ssl as ConnectionOptions,
        onConnect: () => queueMicrotask(() => resolve(socket)),
      })
      socket.once('error', reject)
    })

/** The part of millrace's options that is about security. */
export const securityOptions = ({ ssl, sasl, socketFactory }: SecurityConfig): SecurityOptions => {
  const isTls = ssl !== undefined && ssl !== false && ssl !== null
  const details = typeof ssl === 'object' && ssl !== null ? ssl : {}
  return {
    // The factory does TLS by itself, as it is told.
    ...(socketFactory !== undefined
      ? { socketFactory: openWith(socketFactory, isTls ? details : undefined) }
      : isTls && { tls: ssl === true ? true : toTls(details) }),
    ...(sasl !== undefined && sasl !== null && { sasl: toSasl(sasl) }),
  }
}
