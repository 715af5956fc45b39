// Owns a network inside the process: listeners by `host:port`, streams as pairs of pipes
// (memory-pipe.ts), and faults by address. Callers: tests and the simulator.
// Invariant: all events go through the given clock and the seeded random source, so with a
// virtual clock a run depends on its seed only.
//
// Faults of a listening address:
//   blackHole       packets are lost, one way or both, until endOutage(): connects hang
//   refuse          connects fail with ECONNREFUSED until endOutage(); open streams continue
//   pause           the process hangs: connects work, but it neither accepts nor reads
//   silenceStreams  open streams never deliver again and report no error; new ones work
//   cut             open streams fail with ECONNRESET

import type { Clock } from './clock.ts'
import { MemoryPipe, type PipeReceiver, type PipeTraits } from './memory-pipe.ts'
import { type Random, seededRandom } from './random.ts'
import type {
  Address,
  ByteStream,
  Listener,
  ListenTransport,
  StreamHandler,
  Transport,
} from './transport.ts'

/** The direction, seen from the listening address. */
export type FlowDirection = 'toAddress' | 'fromAddress'

export interface MemoryNetworkOptions {
  readonly clock: Clock
  /** Splits bytes into pieces; needed for `pieceBytesMax` only. */
  readonly random?: Random
  /** Latency per piece in one direction; 0 by default. Pieces of a stream arrive in order. */
  readonly latencyMs?: number | ((address: Address, direction: FlowDirection) => number)
  /** Bytes arrive in random pieces of at most this size; 0 (default) = as they were written. */
  readonly pieceBytesMax?: number
  /** Limit of the bytes in transit in one direction; further bytes of the sender wait. */
  readonly windowBytes?: number
}

export interface CutOptions {
  /** Whether the bytes in transit arrive before the stream fails, or are lost. */
  readonly inFlight: 'lost' | 'delivered'
}

interface Faults {
  holdsToAddress: boolean
  holdsFromAddress: boolean
  refused: boolean
  paused: boolean
}

interface Attempt {
  readonly address: Address
  readonly client: MemoryStream
}

interface Binding {
  readonly accept: (stream: ByteStream) => StreamHandler
}

const windowBytesDefault = 256 * 1024
const firstFreePort = 20_000
const portMax = 65_535

const keyOf = (address: Address): string => `${address.host}:${address.port}`

const networkError = (code: string, syscall: string, at: string): Error =>
  Object.assign(new Error(`${syscall} ${code} ${at}`), { code, syscall })

class MemoryStream implements ByteStream, PipeReceiver {
  readonly #clock: Clock
  #handler: StreamHandler | null
  #outbound: MemoryPipe | null = null
  #inbound: MemoryPipe | null = null
  #onGone: () => void = () => {}
  #ended = false

  constructor(clock: Clock, handler: StreamHandler | null) {
    this.#clock = clock
    this.#handler = handler
  }

  /** True once it was destroyed or has ended. */
  get ended(): boolean {
    return this.#ended
  }

  wire(outbound: MemoryPipe, inbound: MemoryPipe, onGone: () => void): void {
    this.#outbound = outbound
    this.#inbound = inbound
    this.#onGone = onGone
  }

  /** Sets the handler of an accepted stream, which exists only after the stream. */
  attach(handler: StreamHandler): void {
    this.#handler = handler
  }

  onConnected(): void {
    if (this.#ended) return
    this.#outbound?.open()
    this.#handler?.onConnect?.()
  }

  onPipeData(bytes: Uint8Array): void {
    if (!this.#ended) this.#handler?.onData(bytes)
  }

  onPipeEnd(error: Error | undefined): void {
    this.fail(error)
  }

  /** Ends the stream and notifies the handler: called from the event loop only. */
  fail(error: Error | undefined): void {
    if (this.#ended) return
    this.#finish()
    this.#handler?.onClose(error)
  }

  write(chunks: readonly Uint8Array[], flushed?: () => void): void {
    if (!this.#ended) this.#outbound?.write(chunks, flushed)
  }

  get pendingBytes(): number {
    return this.#ended ? 0 : (this.#outbound?.pendingBytes ?? 0)
  }

  pause(): void {
    if (!this.#ended) this.#inbound?.setPaused(true)
  }

  resume(): void {
    if (!this.#ended) this.#inbound?.setPaused(false)
  }

  destroy(error?: Error): void {
    if (this.#ended) return
    this.#finish()
    this.#clock.setImmediate(() => this.#handler?.onClose(error))
  }

  setKeepsProcessAlive(): void {
    // Memory streams keep no process alive: with a virtual clock there is no event loop to keep
    // alive.
  }

  #finish(): void {
    this.#ended = true
    this.#outbound?.end()
    this.#inbound?.discard()
    this.#onGone()
  }
}

/** Both ends of a connection, with the faults that can be applied to it. */
class StreamPair {
  readonly client: MemoryStream
  readonly server: MemoryStream
  readonly toServer: MemoryPipe
  readonly toClient: MemoryPipe
  #isSilenced = false
  #accepted = false

  constructor(client: MemoryStream, traits: (direction: FlowDirection) => PipeTraits) {
    const toServerTraits = traits('toAddress')
    const toClientTraits = traits('fromAddress')
    this.client = client
    this.server = new MemoryStream(toServerTraits.clock, null)
    this.toServer = new MemoryPipe(
      {
        ...toServerTraits,
        isHeld: () => this.#isSilenced || !this.#accepted || toServerTraits.isHeld(),
      },
      this.server,
    )
    this.toClient = new MemoryPipe(
      { ...toClientTraits, isHeld: () => this.#isSilenced || toClientTraits.isHeld() },
      client,
    )
  }

  wire(onGone: () => void): void {
    const onBothEnded = () => {
      if (this.client.ended && this.server.ended) onGone()
    }
    this.client.wire(this.toServer, this.toClient, onBothEnded)
    this.server.wire(this.toClient, this.toServer, onBothEnded)
  }

  /** The listener has accepted the stream: from now on bytes reach it, and it may respond. */
  onAccepted(handler: StreamHandler): void {
    this.server.attach(handler)
    this.#accepted = true
    this.toClient.open()
    this.toServer.wake()
  }

  silenceStreams(): void {
    this.#isSilenced = true
  }

  wake(): void {
    this.toServer.wake()
    this.toClient.wake()
  }

  cut(clock: Clock, error: Error, options: CutOptions): void {
    if (options.inFlight === 'delivered') {
      this.toServer.end(error)
      this.toClient.end(error)
      return
    }
    this.toServer.discard()
    this.toClient.discard()
    clock.setImmediate(() => {
      this.client.fail(error)
      this.server.fail(error)
    })
  }
}

export class MemoryNetwork implements Transport, ListenTransport {
  readonly #clock: Clock
  readonly #random: Random
  readonly #latencyMs: (address: Address, direction: FlowDirection) => number
  readonly #pieceBytesMax: number
  readonly #windowBytes: number
  readonly #bindings = new Map<string, Binding>()
  readonly #faults = new Map<string, Faults>()
  readonly #pairs = new Map<string, Set<StreamPair>>()
  readonly #hosts = new Map<string, readonly string[]>()
  /**
   * Connection attempts whose packets are lost, and attempts that a paused process has not
   * accepted.
   */
  readonly #waitingAttempts = new Map<string, (() => void)[]>()
  #nextPort = firstFreePort
  #connects = 0

  constructor(options: MemoryNetworkOptions) {
    const latencyMs = options.latencyMs ?? 0
    this.#clock = options.clock
    this.#random = options.random ?? seededRandom(0)
    this.#latencyMs = typeof latencyMs === 'number' ? () => latencyMs : latencyMs
    this.#pieceBytesMax = options.pieceBytesMax ?? 0
    this.#windowBytes = options.windowBytes ?? windowBytesDefault
  }

  /** Connection attempts so far. */
  get connects(): number {
    return this.#connects
  }

  /** Streams to an address that are open at either end. */
  openStreams(address: Address): number {
    return this.#pairs.get(keyOf(address))?.size ?? 0
  }

  /** Sets the result of `resolve` for a name; an empty list = the name is not known. */
  setHost(name: string, addresses: readonly string[]): void {
    this.#hosts.set(name, addresses)
  }

  connect(address: Address, handler: StreamHandler): ByteStream {
    this.#connects++
    const client = new MemoryStream(this.#clock, handler)
    const pair = new StreamPair(client, (direction) => this.#traits(address, direction))
    pair.wire(() => this.#pairs.get(keyOf(address))?.delete(pair))
    this.#after(address, 'toAddress', () => this.#arrive({ address, client }, pair))
    return client
  }

  async resolve(host: string): Promise<readonly string[]> {
    await new Promise<void>((resolve) => this.#clock.setImmediate(resolve))
    const known = this.#hosts.get(host)
    if (known === undefined) return [host]
    if (known.length > 0) return known
    throw networkError('ENOTFOUND', 'getaddrinfo', host)
  }

  async listen(address: Address, accept: (stream: ByteStream) => StreamHandler): Promise<Listener> {
    const bound = address.port === 0 ? this.#withFreePort(address.host) : address
    const key = keyOf(bound)
    if (this.#bindings.has(key)) throw networkError('EADDRINUSE', 'listen', key)
    const binding = { accept }
    this.#bindings.set(key, binding)
    return {
      address: bound,
      close: async () => {
        if (this.#bindings.get(key) === binding) this.#bindings.delete(key)
      },
    }
  }

  blackHole(address: Address, direction: FlowDirection | 'both' = 'both'): void {
    const faults = this.#faultsOf(address)
    if (direction !== 'fromAddress') faults.holdsToAddress = true
    if (direction !== 'toAddress') faults.holdsFromAddress = true
  }

  refuse(address: Address): void {
    this.#faultsOf(address).refused = true
  }

  pause(address: Address): void {
    this.#faultsOf(address).paused = true
  }

  /** Ends a pause. */
  resume(address: Address): void {
    this.#faultsOf(address).paused = false
    this.#wake(address)
  }

  /**
   * Ends blackHole and refuse: waiting attempts continue, and silent streams deliver the bytes that
   * they held.
   */
  endOutage(address: Address): void {
    const faults = this.#faultsOf(address)
    faults.holdsToAddress = false
    faults.holdsFromAddress = false
    faults.refused = false
    this.#wake(address)
  }

  silenceStreams(address: Address): void {
    for (const pair of this.#pairs.get(keyOf(address)) ?? []) pair.silenceStreams()
  }

  /** Breaks the open streams of an address; returns their number. */
  cut(address: Address, options: CutOptions = { inFlight: 'lost' }): number {
    const pairs = [...(this.#pairs.get(keyOf(address)) ?? [])]
    for (const pair of pairs) {
      pair.cut(this.#clock, networkError('ECONNRESET', 'read', keyOf(address)), options)
    }
    return pairs.length
  }

  /** The first packet of an attempt has reached the address, unless a fault holds it. */
  #arrive(attempt: Attempt, pair: StreamPair): void {
    const { address, client } = attempt
    if (client.ended) return
    const key = keyOf(address)
    const faults = this.#faultsOf(address)
    if (faults.holdsToAddress || faults.holdsFromAddress) {
      this.#wait(key, () => this.#arrive(attempt, pair))
      return
    }
    const binding = this.#bindings.get(key)
    if (faults.refused || binding === undefined) {
      this.#after(address, 'fromAddress', () =>
        client.fail(networkError('ECONNREFUSED', 'connect', key)),
      )
      return
    }
    const pairs = this.#pairs.get(key) ?? new Set()
    this.#pairs.set(key, pairs.add(pair))
    this.#after(address, 'fromAddress', () => client.onConnected())
    this.#accept(address, binding, pair)
  }

  #accept(address: Address, binding: Binding, pair: StreamPair): void {
    if (pair.server.ended) return
    if (this.#faultsOf(address).paused) {
      this.#wait(keyOf(address), () => this.#accept(address, binding, pair))
      return
    }
    pair.onAccepted(binding.accept(pair.server))
  }

  #traits(address: Address, direction: FlowDirection): PipeTraits {
    const faults = this.#faultsOf(address)
    return {
      clock: this.#clock,
      random: this.#random,
      latencyMs: () => this.#latencyMs(address, direction),
      pieceBytesMax: this.#pieceBytesMax,
      windowBytes: this.#windowBytes,
      isHeld:
        direction === 'toAddress'
          ? () => faults.holdsToAddress || faults.paused
          : () => faults.holdsFromAddress,
    }
  }

  #after(address: Address, direction: FlowDirection, callback: () => void): void {
    this.#clock.setTimer(this.#latencyMs(address, direction), callback)
  }

  #wait(key: string, retry: () => void): void {
    const attempts = this.#waitingAttempts.get(key) ?? []
    attempts.push(retry)
    this.#waitingAttempts.set(key, attempts)
  }

  #wake(address: Address): void {
    const key = keyOf(address)
    const attempts = this.#waitingAttempts.get(key) ?? []
    this.#waitingAttempts.delete(key)
    for (const retry of attempts) this.#after(address, 'toAddress', retry)
    for (const pair of this.#pairs.get(key) ?? []) pair.wake()
  }

  #faultsOf(address: Address): Faults {
    const key = keyOf(address)
    const faults = this.#faults.get(key) ?? {
      holdsToAddress: false,
      holdsFromAddress: false,
      refused: false,
      paused: false,
    }
    this.#faults.set(key, faults)
    return faults
  }

  #withFreePort(host: string): Address {
    while (this.#bindings.has(keyOf({ host, port: this.#nextPort }))) this.#nextPort++
    if (this.#nextPort > portMax) throw networkError('EADDRINUSE', 'listen', host)
    return { host, port: this.#nextPort++ }
  }
}
