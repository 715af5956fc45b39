// Owns the setup of connections that use a socket of the option `socketFactory` (a proxy, a
// tunnel), TLS, or both. It connects, starts TLS, and passes the result to a SocketStream.
//
//   dial ──connected──► [onSecuring → TLS handshake] ──► onConnect
//
// Callers: producer/security.ts creates one per producer that needs it; diagnose/ uses it too.
// Invariant: bytes of the owner are sent only after the TLS handshake.

import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import type { PeerCertificate } from 'node:tls'
import { nodeTls } from './lazy-builtins.ts'
import { SocketStream } from './socket-stream.ts'
import { dialTcp, tcpTransport, withoutBrackets } from './tcp-transport.ts'
import { setImmediate } from './timers.ts'
import { TlsFailure } from './tls-failure.ts'
import { type TlsSettings, tlsDefaults } from './tls-settings.ts'
import type { TlsSource } from './tls-source.ts'
import type { Address, ByteStream, ConnectAddress, StreamHandler, Transport } from './transport.ts'
import { describeValue, isError } from './value-kinds.ts'

/** Opens a socket to a broker: through a proxy, a tunnel or a local pipe. */
export type SocketFactory = (address: Address) => Duplex | Promise<Duplex>

export interface DialOptions {
  /** Null = TCP, with names resolved here. A factory gets the name itself. */
  readonly socketFactory: SocketFactory | null
  /** Null = plaintext. */
  readonly tls: TlsSource | null
}

const asError = (thrown: unknown): Error => (isError(thrown) ? thrown : new Error(String(thrown)))

const isDuplex = (value: unknown): value is Duplex =>
  typeof value === 'object' &&
  value !== null &&
  ['on', 'write', 'destroy', 'cork'].every(
    (name) => typeof (value as Record<string, unknown>)[name] === 'function',
  )

/** One connection during its setup. */
class Dialing {
  readonly #options: DialOptions
  readonly #address: ConnectAddress
  readonly #handler: StreamHandler
  readonly stream: SocketStream
  /** The socket below TLS during the handshake; null before and after. */
  #securing: Duplex | null = null
  #secured = false
  /** The peer has sent application data, so it has accepted this client's certificate. */
  #hasReceivedData = false
  #clientCertificate: string | null = null
  #identityRefused = false

  constructor(options: DialOptions, address: ConnectAddress, handler: StreamHandler) {
    this.#options = options
    this.#address = address
    this.#handler = handler
    this.stream = new SocketStream(
      (error) => this.#describe(error),
      () => this.#describeEnd(),
    )
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
      else {
        const got = describeValue(socket)
        this.stream.fail(new TypeError(`socketFactory must return a duplex stream, got ${got}`))
      }
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
    else void this.#begin(socket, tls)
  }

  async #begin(socket: Duplex, tls: TlsSource): Promise<void> {
    this.#securing = socket
    this.#handler.onSecuring?.()
    if (this.stream.ended) return
    try {
      const settings = await tls.get()
      if (!this.stream.ended) this.#secure(socket, settings)
    } catch (thrown) {
      this.stream.fail(new TlsFailure(asError(thrown)))
    }
  }

  #secure(socket: Duplex, tls: TlsSettings): void {
    this.#clientCertificate = tls.clientCertificate
    const { host, hostName } = this.#address
    const name = withoutBrackets(tls.serverName ?? hostName ?? host)
    const checkIdentity = (certificate: PeerCertificate): Error | undefined =>
      this.#checkIdentity(tls, name, certificate)
    const secured = nodeTls().connect({
      ...tlsDefaults,
      ...tls.connectionOptions,
      socket,
      secureContext: tls.context,
      // An IP address is not a server name (RFC 6066), so none is sent.
      servername: isIP(name) === 0 ? name : '',
      rejectUnauthorized: !tls.trustsAnyCertificate,
      checkServerIdentity: (_host, certificate) => checkIdentity(certificate),
    })
    this.stream.hold(secured)
    secured.once('secureConnect', () => {
      // Node skips the identity check if it accepts any certificate.
      const refusal = tls.trustsAnyCertificate
        ? checkIdentity(secured.getPeerCertificate(true))
        : undefined
      if (refusal !== undefined) {
        secured.destroy(refusal)
        return
      }
      this.#securing = null
      this.#secured = true
      secured.once('data', () => {
        this.#hasReceivedData = true
        this.#options.tls?.accept()
      })
      this.#open(secured)
    })
  }

  /** If the user's check throws, the server is rejected too. */
  #checkIdentity(tls: TlsSettings, name: string, certificate: PeerCertificate): Error | undefined {
    const { checkServerIdentity } = tls
    if (checkServerIdentity === null) return undefined
    let refusal: unknown
    try {
      refusal = checkServerIdentity(name, certificate)
    } catch (thrown) {
      refusal = asError(thrown)
    }
    if (!refusal) return undefined
    this.#identityRefused = true
    return asError(refusal)
  }

  #open(socket: Duplex): void {
    if (this.stream.ended) return
    this.stream.open(socket)
    this.#handler.onConnect?.()
  }

  #describe(error: Error): Error {
    if (this.#securing !== null) {
      const { bytesRead } = this.#securing as { bytesRead?: number }
      const isIdentityRefused = this.#identityRefused
      return this.#failure(error, { isSilent: bytesRead === 0, isIdentityRefused })
    }
    // With TLS 1.3 a server checks the client's certificate after the client's handshake is
    // complete.
    const isHandshakeFailure = this.#secured && (TlsFailure.isAlert(error) || this.#mayBeRefused)
    return isHandshakeFailure ? this.#failure(error) : error
  }

  /** The peer closed the connection without an error. */
  #describeEnd(): Error | undefined {
    if (!this.#mayBeRefused) return undefined
    const error = Object.assign(new Error('closed'), { code: 'ECONNRESET' })
    return this.#failure(error)
  }

  #failure(
    error: Error,
    seen?: { readonly isSilent: boolean; readonly isIdentityRefused: boolean },
  ): TlsFailure {
    const isTransient = this.#options.tls?.retriesRefusal === true
    return new TlsFailure(error, {
      ...seen,
      isTransient,
      clientCertificate: this.#clientCertificate,
    })
  }

  get #mayBeRefused(): boolean {
    return this.#secured && !this.#hasReceivedData && this.#clientCertificate !== null
  }
}

/** Creates a transport with these options. */
export const dialTransport = (options: DialOptions): Transport => ({
  connect: (address: ConnectAddress, handler: StreamHandler): ByteStream => {
    const dialing = new Dialing(options, address, handler)
    dialing.start()
    return dialing.stream
  },

  // Behind a proxy a name is resolved by the proxy.
  resolve: async (host: string): Promise<readonly string[]> =>
    options.socketFactory === null ? tcpTransport.resolve(host) : [host],
})
