// A byte stream over Node's sockets: the plain one, and whatever is laid over it (TLS). Whoever
// opens connections hands it each socket as soon as there is one (`hold`), and says which of them
// carries the owner's bytes once these may flow (`open`). Callers: socket-transport.ts,
// tcp-transport.ts.
// Invariants: what the owner is told comes from the event loop, never from inside a call of its
// own; the end of any socket is the end of the stream; onClose comes once, when the sockets are
// gone. One write call is one system call: a single chunk goes out by write, several by writev.

import type { Duplex } from 'node:stream'
import type { ByteStream, StreamHandler } from './transport.ts'

interface EarlyWrite {
  readonly chunks: readonly Uint8Array[]
  readonly flushed: (() => void) | undefined
}

const emptyBytes = new Uint8Array(0)

const sizeOf = (chunks: readonly Uint8Array[]): number =>
  chunks.reduce((bytes, chunk) => bytes + chunk.length, 0)

/** Sockets of Node can be unref'ed; what a user brings may not know how. */
const setRef = (socket: Duplex, value: boolean): void => {
  const { ref, unref } = socket as { ref?: () => void; unref?: () => void }
  if (value) ref?.call(socket)
  else unref?.call(socket)
}

export class SocketStream implements ByteStream {
  #handler: StreamHandler | null = null
  /** Carries the owner's bytes; null until they may flow. */
  #socket: Duplex | null = null
  /** Every socket that is not closed yet, the lowest first. */
  readonly #held = new Set<Duplex>()
  /** What was written before bytes could flow. */
  #early: EarlyWrite[] = []
  #error: Error | undefined
  /** The owner is done with the stream, or it has ended by itself: nothing but onClose follows. */
  #ended = false
  #told = false
  #keepsProcessAlive = true
  readonly #describe: (error: Error) => Error

  /** `describe` makes what the owner is told of what a socket said. */
  constructor(describe: (error: Error) => Error = (error) => error) {
    this.#describe = describe
  }

  /** Apart from the constructor, since whoever accepts a stream needs it first. */
  attach(handler: StreamHandler): void {
    this.#handler = handler
  }

  get ended(): boolean {
    return this.#ended
  }

  /** A socket of this stream's: it ends with the stream, and the stream with it. */
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
      this.#tellClosed()
    })
    if (this.#ended) socket.destroy()
  }

  /** From now on the owner's bytes flow through this socket, which is held already. */
  open(socket: Duplex): void {
    if (this.#ended) return
    this.#socket = socket
    socket.on('data', (bytes: Uint8Array) => {
      if (!this.#ended) this.#handler?.onData(bytes)
    })
    // A peer that closed its half will never answer: for us the stream is over.
    socket.on('end', () => this.#end())
    const early = this.#early
    this.#early = []
    for (const { chunks, flushed } of early) this.write(chunks, flushed)
  }

  /** The stream fails before there is a socket that could say so. */
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
    // The uppermost first: it closes what lies below it.
    for (const socket of [...this.#held].reverse()) socket.destroy()
    setImmediate(() => this.#tellClosed())
  }

  #tellClosed(): void {
    if (this.#told || this.#held.size > 0) return
    this.#told = true
    const told = this.#handler
    this.#handler = null
    told?.onClose(this.#error)
  }
}
