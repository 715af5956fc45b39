// Owns a byte stream over Node's sockets: a TCP socket, and a TLS socket above it if there is one.
// The transport that connects passes each socket to `hold` when the socket is created, and to
// `open` the socket that carries the owner's bytes when it is ready. Callers: dial-transport.ts,
// tcp-transport.ts.
//
// Invariants: the owner's callbacks run from the event loop, never inside a call of the owner. When
// any socket ends, the stream ends. onClose is called once, after all sockets are closed. Each
// `write` is one system call: write for a single chunk, writev for several.

import type { Duplex } from 'node:stream'
import { setImmediate } from './timers.ts'
import type { ByteStream, StreamHandler } from './transport.ts'

interface EarlyWrite {
  readonly chunks: readonly Uint8Array[]
  readonly flushed: (() => void) | undefined
}

const emptyBytes = new Uint8Array(0)

const sizeOf = (chunks: readonly Uint8Array[]): number =>
  chunks.reduce((bytes, chunk) => bytes + chunk.length, 0)

/** Node's sockets have ref and unref; a stream from the option socketFactory may not have them. */
const setRef = (socket: Duplex, value: boolean): void => {
  const { ref, unref } = socket as { ref?: () => void; unref?: () => void }
  if (value) ref?.call(socket)
  else unref?.call(socket)
}

export class SocketStream implements ByteStream {
  #handler: StreamHandler | null = null
  /** Carries the owner's bytes; null until they may flow. */
  #socket: Duplex | null = null
  /** Every socket that is not closed yet; the TCP socket comes before the TLS socket. */
  readonly #held = new Set<Duplex>()
  /** What was written before bytes could flow. */
  #early: EarlyWrite[] = []
  #error: Error | undefined
  /** The owner destroyed the stream, or a socket ended: only onClose follows. */
  #ended = false
  #isCloseReported = false
  #keepsProcessAlive = true
  readonly #describe: (error: Error) => Error
  readonly #describeEnd: () => Error | undefined

  /**
   * `describe` makes the owner's error from a socket's error, `describeEnd` that of a peer that
   * closed its half.
   */
  constructor(
    describe: (error: Error) => Error = (error) => error,
    describeEnd: () => Error | undefined = () => undefined,
  ) {
    this.#describe = describe
    this.#describeEnd = describeEnd
  }

  /** Sets the owner. Not in the constructor, because a listener needs the stream before it. */
  attach(handler: StreamHandler): void {
    this.#handler = handler
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Adds a socket. The socket ends with the stream, and the stream ends with the socket. */
  hold(socket: Duplex): void {
    this.#held.add(socket)
    if (!this.#keepsProcessAlive) setRef(socket, false)
    socket.on('error', (error: Error) => {
      this.#error ??= this.#describe(error)
      this.#end()
    })
    socket.on('close', () => {
      this.#held.delete(socket)
      this.#end()
      this.#reportClosed()
    })
    if (this.#ended) socket.destroy()
  }

  /** From now on the owner's bytes go through this socket, which was passed to `hold` before. */
  open(socket: Duplex): void {
    if (this.#ended) return
    this.#socket = socket
    socket.on('data', (bytes: Uint8Array) => this.receive(bytes))
    // A peer that closed its half never responds: the stream has ended.
    socket.on('end', () => {
      if (!this.#ended) this.#error ??= this.#describeEnd()
      this.#end()
    })
    const early = this.#early
    this.#early = []
    for (const { chunks, flushed } of early) this.write(chunks, flushed)
  }

  /** Bytes of the peer: from the socket's event, or from a socket that has a read buffer. */
  receive(bytes: Uint8Array): void {
    if (!this.#ended) this.#handler?.onData(bytes)
  }

  /** Ends the stream with an error when no socket exists that could report it. */
  fail(error: Error): void {
    this.#error ??= error
    this.#end()
  }

  write(chunks: readonly Uint8Array[], flushed?: () => void): void {
    if (this.#ended) return
    const socket = this.#socket
    if (socket === null) {
      this.#early.push({ chunks, flushed })
      return
    }
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
    if (this.#ended) return 0
    if (this.#socket !== null) return this.#socket.writableLength
    return this.#early.reduce((bytes, { chunks }) => bytes + sizeOf(chunks), 0)
  }

  pause(): void {
    if (!this.#ended) this.#socket?.pause()
  }

  resume(): void {
    if (!this.#ended) this.#socket?.resume()
  }

  destroy(error?: Error): void {
    if (this.#ended) return
    this.#error ??= error
    this.#end()
  }

  setKeepsProcessAlive(value: boolean): void {
    this.#keepsProcessAlive = value
    for (const socket of this.#held) setRef(socket, value)
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#early = []
    // The TLS socket first: it closes the TCP socket below it.
    for (const socket of [...this.#held].reverse()) socket.destroy()
    setImmediate(() => this.#reportClosed())
  }

  #reportClosed(): void {
    if (this.#isCloseReported || this.#held.size > 0) return
    this.#isCloseReported = true
    const handler = this.#handler
    this.#handler = null
    handler?.onClose(this.#error)
  }
}
