// Owns the server side of TLS, for an in-process cluster with certificates. Caller:
// in-process-cluster/. A stream is passed to its owner when TCP has accepted it, before the TLS
// handshake, so that a caller that stops or pauses a listener also reaches connections in their
// handshake. Invariant: if the handshake fails, the owner gets `onClose` only.

import type { Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { assert } from './assert.ts'
import { listenForSockets, TcpStream } from './tcp-transport.ts'
import type { Address, ByteStream, Listener, ListenTransport, StreamHandler } from './transport.ts'

/** PEM, as text or bytes. */
export type Pem = string | Uint8Array

/** The TLS options of a cluster's nodes. */
export interface TlsListenerOptions {
  /** PEM: the server's certificate, followed by its intermediate certificates. */
  readonly cert: Pem
  /** The private key of `cert`. */
  readonly key: Pem
  /** The authority that signs the clients' certificates. */
  readonly ca?: Pem | readonly Pem[] | undefined
  /** A client without a certificate that `ca` signed is rejected (mutual TLS). */
  readonly requestClientCert?: boolean | undefined
}

const handshakeTimeoutMs = 30_000

/** The common type of a raw socket and the TLS socket above it. */
const peerOf = (socket: Socket): string => `${socket.remoteAddress}|${socket.remotePort}`

/** An accepted connection. It owns the raw socket first, then the stream above it. */
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
      // After the handshake the stream above reports its own end.
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

/**
 * Listens with TLS over TCP. Throws Node's error if the certificate, key or authority is invalid.
 */
export const tlsListener = (options: TlsListenerOptions): ListenTransport => {
  // Once here, for the error; then once per listener, because its events belong to that listener.
  tlsServerOf(options)
  return { listen: (address, accept) => listen(tlsServerOf(options), address, accept) }
}
