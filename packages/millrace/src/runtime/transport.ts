// Byte streams as the rest sees them. `net/` and `broker/` talk to these interfaces only; TCP lives
// in tcp-transport.ts, the simulator's pipe in memory-transport.ts.

export interface Address {
  readonly host: string
  readonly port: number
}

/** Where to connect, and whom one expects there. */
export interface ConnectAddress extends Address {
  /** The name that `host` was resolved from: a certificate must be for it. */
  readonly hostName?: string | undefined
}

/**
 * Events for the owner of a stream. Each is called from the event loop, never inside a call of
 * the owner's.
 */
export interface StreamHandler {
  /** The network connection stands, and a secure handshake begins on it; onConnect ends that. */
  onSecuring?(): void
  /** Once, when bytes can be written; not called for a stream that was accepted. */
  onConnect?(): void
  /** The bytes belong to the receiver from then on: no other code changes or reuses them. */
  onData(bytes: Uint8Array): void
  /**
   * Once, last of all calls: the peer closed, the stream broke (`error`) or the owner destroyed it.
   */
  onClose(error?: Error): void
}

/** A duplex byte stream. After onClose each call is a no-op. */
export interface ByteStream {
  /**
   * Writes the chunks in order in one vectored go. They must not change until `flushed` is called
   * or the stream is closed. Writing before onConnect is allowed: the bytes wait.
   */
  write(chunks: readonly Uint8Array[], flushed?: () => void): void
  /** Bytes written that the operating system has not taken yet. */
  readonly pendingBytes: number
  /** Stops / resumes onData (the in-process cluster's backpressure). */
  pause(): void
  resume(): void
  /**
   * Closes at once; bytes not taken yet are lost. onClose follows, with `error` if one is given.
   */
  destroy(error?: Error): void
  /** While true (default) an open stream keeps the process alive. */
  setKeepsProcessAlive(value: boolean): void
}

/** Opens streams, and resolves host names. */
export interface Transport {
  /**
   * Starts one connection attempt. The attempt has no time limit of its own: its owner destroys it.
   */
  connect(address: ConnectAddress, handler: StreamHandler): ByteStream
  /**
   * All addresses of a host name, each once, in the resolver's order. An IP address resolves to
   * itself.
   */
  resolve(host: string): Promise<readonly string[]>
}

export interface Listener {
  /** The address bound, with the real port where 0 was asked for. */
  readonly address: Address
  close(): Promise<void>
}

export interface ListenTransport {
  /** `accept` returns the handler of each new stream. Rejects when the port can't be had. */
  listen(address: Address, accept: (stream: ByteStream) => StreamHandler): Promise<Listener>
}
