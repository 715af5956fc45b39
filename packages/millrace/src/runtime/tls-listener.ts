// The accepting end of TLS: what the in-process cluster listens with when it is given certificates.
// A stream is handed to its owner as soon as TCP has it, before the TLS handshake, so that a caller
// that stops a listener or freezes it (`pause`) also has the connections that are still in their
// handshake. Of those the owner hears nothing but `onClose`.

import type { Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { assert } from './assert.ts'
import { listenForSockets, TcpStream } from './tcp-transport.ts'
import type { Address, ByteStream, Listener, ListenTransport, StreamHandler } from './transport.ts'

/** PEM, as text or bytes. */
export type Pem = string | Uint8Array

/** How the nodes of a cluster speak TLS. */
export interface TlsListenerOptions {
  /** The server's certificate; those between it and its authority follow it. */
  readonly cert: Pem
  /** The private key of `cert`. */
  readonly key: Pem
  /** Who may sign clients' certificates. */
  readonly ca?: Pem | readonly Pem[] | undefined
  /** A client without a certificate that `ca` signed is refused (mutual TLS). */
  readonly requestClientCert?: boolean | undefined
}

const handshakeTimeoutMs = 30_000

/** The other end of a connection: what a raw socket and the TLS socket above it have in common. */
const peerOf = (socket: Socket): string => `${socket.remoteAddress}|${socket.remotePort}`

/** A connection from TCP's accept on. First it owns the raw socket, then the stream above it. */
class AcceptedStream implements ByteStream {
  readonly #raw: Socket
  readonly #begin: () => void
  #handler: StreamHandler | null = null
  #secured: TcpStream | null = null
  #begun = false
  #paused = false
  #error: Error | undefined

  constructor(raw: Socket, begin: () => void) {
    this.#raw = raw
    this.#begin = begin
    raw.on('error', (error) => {
      this.#error ??= error
    })
    raw.on('close', () => {
      // From the handshake on the stream above tells its end itself.
      if (this.#secured !== null) return
      const handler = this.#handler
      this.#handler = null
      handler?.onClose(this.#error)
    })
  }

  attach(handler: StreamHandler): void {
    this.#handler = handler
    this.#beginUnlessPaused()
  }

  onSecure(socket: TLSSocket): void {
    if (this.#handler === null || this.#raw.destroyed) {
      socket.destroy()
      return
    }
    const secured = new TcpStream(socket)
    this.#secured = secured
    secured.attach(this.#handler)
    if (this.#paused) secured.pause()
  }

  onFailed(error: Error): void {
    this.#error ??= error
    this.#raw.destroy()
  }

  write(chunks: readonly Uint8Array[], flushed?: () => void): void {
    if (this.#raw.destroyed) return
    assert(this.#secured !== null, 'a server writes only after it has read')
    this.#secured.write(chunks, flushed)
  }

  get pendingBytes(): number {
    return this.#secured?.pendingBytes ?? 0
  }

  pause(): void {
    this.#paused = true
    this.#secured?.pause()
  }

  resume(): void {
    this.#paused = false
    if (this.#secured !== null) this.#secured.resume()
    else this.#beginUnlessPaused()
  }

  destroy(error?: Error): void {
    if (this.#secured !== null) this.#secured.destroy(error)
    else {
      this.#error ??= error
      this.#raw.destroy()
    }
  }

  setKeepsProcessAlive(value: boolean): void {
    if (value) this.#raw.ref()
    else this.#raw.unref()
  }

  #beginUnlessPaused(): void {
    if (this.#paused || this.#begun || this.#handler === null || this.#raw.destroyed) return
    this.#begun = true
    this.#begin()
  }
}

const tlsServerOf = (options: TlsListenerOptions): TlsServer => {
  const { cert, key, ca, requestClientCert = false } = options
  const texts = (pem: Pem | readonly Pem[]): string[] =>
    (Array.isArray(pem) ? (pem as readonly Pem[]) : [pem as Pem]).map((one) =>
      typeof one === 'string' ? one : Buffer.from(one).toString(),
    )
  return createTlsServer({
    cert: texts(cert),
    key: texts(key),
    ...(ca === undefined ? {} : { ca: texts(ca) }),
    requestCert: requestClientCert,
    rejectUnauthorized: requestClientCert,
    handshakeTimeout: handshakeTimeoutMs,
  })
}

const listen = (
  tls: TlsServer,
  address: Address,
  accept: (stream: ByteStream) => StreamHandler,
): Promise<Listener> => {
  const handshakes = new Map<string, AcceptedStream>()
  const take = (socket: TLSSocket): AcceptedStream | undefined => {
    const stream = handshakes.get(peerOf(socket))
    handshakes.delete(peerOf(socket))
    return stream
  }
  tls.on('secureConnection', (socket) => {
    const stream = take(socket)
    if (stream === undefined) socket.destroy()
    else stream.onSecure(socket)
  })
  tls.on('tlsClientError', (error, socket) => take(socket)?.onFailed(error))
  return listenForSockets(address, (raw) => {
    const peer = peerOf(raw)
    const stream = new AcceptedStream(raw, () => tls.emit('connection', raw))
    handshakes.set(peer, stream)
    raw.once('close', () => {
      if (handshakes.get(peer) === stream) handshakes.delete(peer)
    })
    stream.attach(accept(stream))
  })
}

/** Listens with TLS over TCP. Throws Node's error where certificate, key or authority are wrong. */
export const tlsListener = (options: TlsListenerOptions): ListenTransport => {
  // Once here, for the error; then one for each listener, since its events tell of its streams.
  tlsServerOf(options)
  return { listen: (address, accept) => listen(tlsServerOf(options), address, accept) }
}
