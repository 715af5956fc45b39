// Owns byte streams over TCP: only this file opens sockets of node:net and resolves names with
// node:dns. Callers: the default transport of a producer, dial-transport.ts, tls-listener.ts.
// Invariant: the owner of a stream gets events from the event loop, never from inside its own call,
// also for a port that is out of range (see dialTcp).

import { createServer, isIP, type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net'
import { nodeDns } from './lazy-builtins.ts'
import { SocketStream } from './socket-stream.ts'
import { setImmediate } from './timers.ts'
import type {
  Address,
  ByteStream,
  ConnectAddress,
  Listener,
  ListenTransport,
  StreamHandler,
  Transport,
} from './transport.ts'
import { isError } from './value-kinds.ts'

/**
 * Idle time before the first keepalive probe; a peer that disappeared is detected some time after
 * it.
 */
const keepAliveDelayMs = 60_000

/** Limit of the connections that wait to be accepted. */
const backlogMax = 511

/** The host without the brackets of an IPv6 address in `[::1]:9092`. */
export const withoutBrackets = (host: string): string =>
  host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host

/** The types of Node 20 do not have `onread` here. */
type SocketOptions = SocketConstructorOpts & { readonly onread?: OnReadOpts }

/** A stream over a socket of node:net or node:tls. */
export class TcpStream extends SocketStream {
  readonly #socket: Socket

  constructor(socket: Socket) {
    super()
    this.#socket = socket
    this.hold(socket)
  }

  override attach(handler: StreamHandler): void {
    super.attach(handler)
    this.#socket.on('connect', () => {
      if (!this.ended) handler.onConnect?.()
    })
    this.open(this.#socket)
  }
}

/**
 * Starts to connect. A port that is out of range is reported by an event, like any other failure.
 */
export const dialTcp = (address: Address, options: SocketOptions = {}): Socket => {
  const socket = new Socket(options)
  try {
    socket.connect({
      host: withoutBrackets(address.host),
      port: address.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveDelayMs,
    })
  } catch (error) {
    socket.destroy(isError(error) ? error : new Error(String(error)))
  }
  return socket
}

/** As much as Node reads at once. */
const readBufferBytes = 64 * 1024

/**
 * Node reads into one buffer of the connection, in place of a new one of 64 KiB for each read and
 * the events of a readable stream: this saves a third of the time between a small response and its
 * results. The receiver gets copies. Bun and Deno do not have this option in all versions.
 */
const readBufferOptions = (receive: (bytes: Uint8Array) => void): SocketOptions => {
  const { bun, deno } = process.versions
  if (bun !== undefined || deno !== undefined) return {}
  const buffer = Buffer.allocUnsafeSlow(readBufferBytes)
  const callback = (size: number): boolean => {
    receive(Buffer.from(buffer.subarray(0, size)))
    // False would pause the socket.
    return true
  }
  return { onread: { buffer, callback } }
}

export const tcpTransport: Transport & ListenTransport = {
  connect: (address: ConnectAddress, handler: StreamHandler): ByteStream => {
    const receive = (bytes: Uint8Array): void => stream.receive(bytes)
    const stream: TcpStream = new TcpStream(dialTcp(address, readBufferOptions(receive)))
    stream.attach(handler)
    return stream
  },

  resolve: async (host: string): Promise<readonly string[]> => {
    const name = withoutBrackets(host)
    if (isIP(name) !== 0) return [name]
    // The host name comes from a broker; Node would print a warning for it.
    if (name === '') throw Object.assign(new Error('the host is empty'), { code: 'ENOTFOUND' })
    const responses = await nodeDns().lookup(name, { all: true })
    return [...new Set(responses.map((response) => response.address))]
  },

  listen: (address, accept): Promise<Listener> =>
    listenForSockets(address, (socket) => {
      const stream = new TcpStream(socket)
      stream.attach(accept(stream))
    }),
}

/** Listens, and passes each accepted socket to the caller. Rejects if the port is not available. */
export const listenForSockets = (
  address: Address,
  onSocket: (socket: Socket) => void,
): Promise<Listener> => {
  const server = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs },
    onSocket,
  )
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(
      { host: withoutBrackets(address.host), port: address.port, backlog: backlogMax },
      () => {
        server.off('error', reject)
        // Later errors concern one accept (no file descriptor left); the listener continues.
        server.on('error', () => {})
        const bound = server.address()
        const port = bound !== null && typeof bound === 'object' ? bound.port : address.port
        resolve({ address: { host: address.host, port }, close: () => close(server) })
      },
    )
  })
}

/**
 * Stops listening. The port is free at once. node:net would also wait for the accepted streams, but
 * those belong to their owners.
 */
const close = (server: ReturnType<typeof createServer>): Promise<void> =>
  new Promise((resolve) => {
    if (server.listening) server.close()
    setImmediate(resolve)
  })
