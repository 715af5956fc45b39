// Owns the interfaces of byte streams. Callers: `net/`, `cluster-client/` and `in-process-cluster/`
// use only these; tcp-transport.ts, dial-transport.ts, tls-listener.ts and memory-transport.ts
// implement them. Invariant: every callback runs from the event loop, never inside a call of the
// stream's owner.

export interface Address {
  readonly host: string
  readonly port: number
}

/** Where to connect, and the expected name of the peer. */
export interface ConnectAddress extends Address {
  /** The name that `host` was resolved from: the certificate must be for it. */
  readonly hostName?: string | undefined
}

/**
 * Events for the owner of a stream. Each is called from the event loop, never inside a call of the
 * owner.
 */
export interface StreamHandler {
  /** The network connection is open and its TLS handshake begins; onConnect follows. */
  onSecuring?(): void
  /** Called once, when bytes can be written; not called for an accepted stream. */
  onConnect?(): void
  /** The bytes belong to the receiver from then on: no other code changes or reuses them. */
  onData(bytes: Uint8Array): void
  /**
   * Called once, after all other events: the peer closed, the stream failed (`error`) or the owner
   * destroyed it.
   */
  onClose(error?: Error): void
}

/** A duplex byte stream. After onClose a call has no effect. */
export interface ByteStream {
  /**
   * Writes the chunks in order in one vectored write. They must not change until `flushed` is
   * called or the stream is closed. A write before onConnect is allowed: the bytes wait.
   */
  write(chunks: readonly Uint8Array[], flushed?: () => void): void
  /** Bytes that were written and the operating system has not accepted yet. */
  readonly pendingBytes: number
  /** Stops / resumes onData (the in-process cluster's backpressure). */
  pause(): void
  resume(): void
  /**
   * Closes at once; bytes that were not accepted are lost. onClose follows, with `error` if given.
   */
  destroy(error?: Error): void
  /** While true (default) an open stream keeps the process alive. */
  setKeepsProcessAlive(value: boolean): void
}

/** Opens streams, and resolves host names. */
export interface Transport {
  /** Starts one connection attempt. It has no time limit of its own: its owner destroys it. */
  connect(address: ConnectAddress, handler: StreamHandler): ByteStream
  /**
   * All addresses of a host name, each once, in the resolver's order. An IP address resolves to
   * itself.
   */
  resolve(host: string): Promise<readonly string[]>
}

export interface Listener {
  /** The bound address, with the real port if port 0 was requested. */
  readonly address: Address
  close(): Promise<void>
}

export interface ListenTransport {
  /** `accept` returns the handler of each new stream. Rejects if the port is not available. */
  listen(address: Address, accept: (stream: ByteStream) => StreamHandler): Promise<Listener>
}
