// Byte streams over TCP: the only file that touches node:net and node:dns. A stream owns its
// socket. What the owner of a stream is told comes from the event loop, never from inside a call of
// the owner's: node:net reports everything in later ticks, also a port that is out of range (see
// connect). One write call is one system call: a single chunk goes out by write, several by writev.

import { lookup } from 'node:dns/promises'
import { createServer, isIP, Socket } from 'node:net'
import type {
  Address,
  ByteStream,
  Listener,
  ListenTransport,
  StreamHandler,
  Transport,
} from './transport.ts'

/**
 * Idle time before the first keepalive probe; a peer that vanished is noticed some time after it.
 */
const keepAliveDelayMs = 60_000

/** Connections that wait to be accepted, as the kernel allows. */
const backlogMax = 511

/** The host without the brackets that an IPv6 address has in `[::1]:9092`. */
const withoutBrackets = (host: string): string =>
  host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host

class TcpStream implements ByteStream {
  readonly #socket: Socket
  #handler: StreamHandler | null = null
  #error: Error | undefined
  /** The owner is done with the stream, or it has ended by itself: nothing but onClose follows. */
  #ended = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /**
   * Starts to tell `handler` what happens; apart from the constructor since accept() needs the
   * stream.
   */
  attach(handler: StreamHandler): void {
    this.#handler = handler
    const socket = this.#socket
    socket.on('connect', () => {
      if (!this.#ended) handler.onConnect?.()
    })
    socket.on('data', (bytes: Uint8Array) => {
      if (!this.#ended) handler.onData(bytes)
    })
    // A peer that closed its half will never answer: for us the stream is over.
    socket.on('end', () => this.#end())
    socket.on('error', (error) => {
      this.#error ??= error
    })
    socket.on('close', () => {
      this.#ended = true
      const told = this.#handler
      this.#handler = null
      told?.onClose(this.#error)
    })
  }

  write(chunks: readonly Uint8Array[], flushed?: () => void): void {
    if (this.#ended) return
    const socket = this.#socket
    const lastIndex = chunks.length - 1
    const whenTaken =
      flushed &&
      ((error?: Error | null) => {
        if (!error && !this.#ended) flushed()
      })
    if (lastIndex === 0) {
      socket.write(chunks[0]!, whenTaken)
      return
    }
    socket.cork()
    for (let index = 0; index < lastIndex; index++) socket.write(chunks[index]!)
    socket.write(lastIndex < 0 ? emptyBytes : chunks[lastIndex]!, whenTaken)
    socket.uncork()
  }

  get pendingBytes(): number {
    return this.#ended ? 0 : this.#socket.writableLength
  }

  pause(): void {
    if (!this.#ended) this.#socket.pause()
  }

  resume(): void {
    if (!this.#ended) this.#socket.resume()
  }

  destroy(error?: Error): void {
    if (this.#ended) return
    this.#error ??= error
    this.#end()
  }

  setKeepsProcessAlive(value: boolean): void {
    if (this.#ended) return
    if (value) this.#socket.ref()
    else this.#socket.unref()
  }

  #end(): void {
    this.#ended = true
    this.#socket.destroy()
  }
}

const emptyBytes = new Uint8Array(0)

export const tcpTransport: Transport & ListenTransport = {
  connect: (address: Address, handler: StreamHandler): ByteStream => {
    const socket = new Socket()
    const stream = new TcpStream(socket)
    stream.attach(handler)
    try {
      socket.connect({
        host: withoutBrackets(address.host),
        port: address.port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: keepAliveDelayMs,
      })
    } catch (error) {
      // A port that is out of range is thrown at once; the owner hears of it as of any other
      // failure.
      stream.destroy(error instanceof Error ? error : new Error(String(error)))
    }
    return stream
  },

  resolve: async (host: string): Promise<readonly string[]> => {
    const name = withoutBrackets(host)
    if (isIP(name) !== 0) return [name]
    const answers = await lookup(name, { all: true })
    return [...new Set(answers.map((answer) => answer.address))]
  },

  listen: (address, accept): Promise<Listener> => listen(address, accept),
}

const listen = (
  address: Address,
  accept: (stream: ByteStream) => StreamHandler,
): Promise<Listener> => {
  const server = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs },
    (socket) => {
      const stream = new TcpStream(socket)
      stream.attach(accept(stream))
    },
  )
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(
      { host: withoutBrackets(address.host), port: address.port, backlog: backlogMax },
      () => {
        server.off('error', reject)
        // Later errors concern a single accept (no file descriptor left); the listener goes on.
        server.on('error', () => {})
        const bound = server.address()
        const port = bound !== null && typeof bound === 'object' ? bound.port : address.port
        resolve({ address: { host: address.host, port }, close: () => close(server) })
      },
    )
  })
}

/**
 * Stops to listen. The port is free at once; node:net would wait for the accepted streams too, but
 * those belong to their owners, so this does not.
 */
const close = (server: ReturnType<typeof createServer>): Promise<void> =>
  new Promise((resolve) => {
    if (server.listening) server.close()
    setImmediate(resolve)
  })
