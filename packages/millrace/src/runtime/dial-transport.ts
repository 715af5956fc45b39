// Connections that are more than a TCP socket: over a socket that the user brings (a proxy, a
// tunnel), with TLS on top, or both. It dials, secures, and hands the result to a SocketStream.
//
//   dial ──connected──► [onSecuring → TLS handshake] ──► onConnect
//
// Callers: producer/security.ts makes one for each producer that needs it.

import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { checkServerIdentity, connect as connectTls } from 'node:tls'
import { SocketStream } from './socket-stream.ts'
import { dialTcp, tcpTransport, withoutBrackets } from './tcp-transport.ts'
import { TlsFailure } from './tls-failure.ts'
import type { TlsSettings } from './tls-settings.ts'
import type { Address, ByteStream, ConnectAddress, StreamHandler, Transport } from './transport.ts'

/** Opens a socket of the user's own to a broker: through a proxy, a tunnel, a local pipe. */
export type SocketFactory = (address: Address) => Duplex | Promise<Duplex>

export interface DialOptions {
  /** Null = TCP, with names resolved here. A factory gets the name itself. */
  readonly socketFactory: SocketFactory | null
  /** Null = plain. */
  readonly tls: TlsSettings | null
}

const asError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown))

const isDuplex = (value: unknown): value is Duplex =>
  typeof value === 'object' &&
  value !== null &&
  ['on', 'write', 'destroy', 'cork'].every(
    (name) => typeof (value as Record<string, unknown>)[name] === 'function',
  )

/** One connection on its way up. */
class Dialing {
  readonly #options: DialOptions
  readonly #address: ConnectAddress
  readonly #handler: StreamHandler
  readonly stream: SocketStream
  /** What lies below TLS, while its handshake is under way; null before and after. */
  #securing: Duplex | null = null
  #secured = false

  constructor(options: DialOptions, address: ConnectAddress, handler: StreamHandler) {
    this.#options = options
    this.#address = address
    this.#handler = handler
    this.stream = new SocketStream((error) => this.#describe(error))
    this.stream.attach(handler)
  }

  start(): void {
    const { socketFactory } = this.#options
    if (socketFactory === null) this.#onDialed(dialTcp(this.#address))
    else void this.#dialWith(socketFactory)
  }

  async #dialWith(socketFactory: SocketFactory): Promise<void> {
    const { host, port } = this.#address
    try {
      const socket: unknown = await socketFactory({ host: withoutBrackets(host), port })
      if (isDuplex(socket)) this.#onDialed(socket)
      else this.stream.fail(new TypeError('socketFactory gave no duplex stream'))
    } catch (thrown) {
      this.stream.fail(asError(thrown))
    }
  }

  #onDialed(socket: Duplex): void {
    this.stream.hold(socket)
    if (this.stream.ended) return
    const isConnecting = (socket as { connecting?: unknown }).connecting === true
    if (isConnecting) socket.once('connect', () => this.#onConnected(socket))
    else setImmediate(() => this.#onConnected(socket))
  }

  #onConnected(socket: Duplex): void {
    if (this.stream.ended) return
    const { tls } = this.#options
    if (tls === null) this.#open(socket)
    else this.#secure(socket, tls)
  }

  #secure(socket: Duplex, tls: TlsSettings): void {
    this.#securing = socket
    this.#handler.onSecuring?.()
    if (this.stream.ended) return
    const { host, hostName } = this.#address
    const name = withoutBrackets(tls.serverName ?? hostName ?? host)
    const secured = connectTls({
      socket,
      secureContext: tls.context,
      // An IP address is no server name (RFC 6066): then none is sent.
      servername: isIP(name) === 0 ? name : '',
      rejectUnauthorized: true,
      checkServerIdentity: (_host, certificate) =>
        tls.checksHostName ? checkServerIdentity(name, certificate) : undefined,
    })
    this.stream.hold(secured)
    secured.once('secureConnect', () => {
      this.#securing = null
      this.#secured = true
      this.#open(secured)
    })
  }

  #open(socket: Duplex): void {
    if (this.stream.ended) return
    this.stream.open(socket)
    this.#handler.onConnect?.()
  }

  #describe(error: Error): Error {
    if (this.#securing !== null) {
      const { bytesRead } = this.#securing as { bytesRead?: number }
      return new TlsFailure(error, bytesRead === 0)
    }
    // With TLS 1.3 a server judges the client's certificate after the client's handshake is over.
    return this.#secured && TlsFailure.isAlert(error) ? new TlsFailure(error, false) : error
  }
}

/** Dials as the options say. */
export const dialTransport = (options: DialOptions): Transport => ({
  connect: (address: ConnectAddress, handler: StreamHandler): ByteStream => {
    const dialing = new Dialing(options, address, handler)
    dialing.start()
    return dialing.stream
  },

  // Behind a proxy names mean what they mean there.
  resolve: async (host: string): Promise<readonly string[]> =>
    options.socketFactory === null ? tcpTransport.resolve(host) : [host],
})
