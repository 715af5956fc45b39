// One node of the cluster: owns a listener and its connections. It can be stopped and started
// again, also with another port. It can be frozen ("black hole"), like a process that hangs: it
// accepts connections but does not respond, and carries out the received requests when it is
// released. in-process-cluster.ts owns the nodes.

import { KafkaError } from '../protocol/kafka-error.ts'
import type { Clock } from '../runtime/clock.ts'
import type { ByteStream, Listener, ListenTransport } from '../runtime/transport.ts'
import type { NodeContext } from './api/handler.ts'
import type { ClusterState } from './cluster-state.ts'
import type { Faults, RequestView } from './faults.ts'
import { type ConnectionHost, NodeConnection } from './node-connection.ts'
import type { ProduceQuota } from './produce-quota.ts'
import type { SaslService } from './sasl-service.ts'

/** A broker of the cluster. */
export interface ClusterNode {
  /** The node id, from 1 on. */
  readonly id: number
  /** `127.0.0.1:port` of its listener, also while it is stopped. */
  readonly address: string
  /** Whether it is listening. */
  readonly running: boolean
  /** The number of connected clients. */
  readonly connections: number
  /**
   * Closes the listener and all connections. Another replica that is running becomes the leader of
   * its partitions. Written records are kept. A second call does nothing.
   */
  stop(): Promise<void>
  /** Starts to listen again, on the previous port or on another one (0 = any free port). */
  start(options?: { readonly port?: number }): Promise<void>
  /**
   * While on, the node reads no request, sends no response, and does not react to new connections;
   * it stays the leader of its partitions. When it is turned off, the requests that clients have
   * sent are carried out.
   */
  blackHole(on: boolean): void
  /** Closes all current connections; new ones are accepted. */
  disconnectAll(): void
}

export interface NodeOptions {
  readonly context: NodeContext
  readonly transport: ListenTransport
  readonly clock: Clock
  readonly faults: Faults
  readonly state: ClusterState
  readonly host: string
  readonly requestBytesMax: number
  readonly connectionsMaxIdleMs: number
  readonly produceQuota: ProduceQuota | null
  /** null = clients do not have to authenticate. */
  readonly sasl: SaslService | null
  onRequest(request: RequestView): void
  onDefect(error: unknown): void
}

export class BrokerNode implements ClusterNode {
  readonly id: number
  readonly #options: NodeOptions
  readonly #connections = new Set<NodeConnection>()
  readonly #host: ConnectionHost
  #listener: Listener | null = null
  #starting = false
  #port = 0
  #frozen = false
  /** The cluster was closed: the node must not listen again. */
  #isEnded = false

  constructor(options: NodeOptions) {
    this.id = options.context.id
    this.#options = options
    this.#host = {
      context: options.context,
      clock: options.clock,
      faults: options.faults,
      requestBytesMax: options.requestBytesMax,
      connectionsMaxIdleMs: options.connectionsMaxIdleMs,
      produceQuota: options.produceQuota,
      sasl: options.sasl,
      onRequest: options.onRequest,
      onDefect: options.onDefect,
      onClosed: (connection) => this.#connections.delete(connection),
    }
  }

  get address(): string {
    return `${this.#options.host}:${this.#port}`
  }

  get running(): boolean {
    return this.#listener !== null
  }

  get connections(): number {
    return this.#connections.size
  }

  async start(options: { readonly port?: number } = {}): Promise<void> {
    this.#requireOpen()
    if (this.#listener !== null || this.#starting) {
      throw new KafkaError('INVALID_STATE', `Node ${this.id} is already running`)
    }
    this.#starting = true
    const { transport, host, state } = this.#options
    try {
      const port = options.port ?? this.#port
      const listener = await transport.listen({ host, port }, (stream) => this.#accept(stream))
      if (this.#isEnded) await listener.close()
      this.#requireOpen()
      this.#listener = listener
    } finally {
      this.#starting = false
    }
    this.#port = this.#listener.address.port
    state.nodeStarted(this.id, host, this.#port)
  }

  /** Stops finally: a later or pending start() rejects, so that nothing keeps the process alive. */
  async end(): Promise<void> {
    this.#isEnded = true
    await this.stop()
  }

  #requireOpen(): void {
    if (!this.#isEnded) return
    throw new KafkaError('INVALID_STATE', `Node ${this.id} can't start: its cluster was closed`)
  }

  async stop(): Promise<void> {
    const listener = this.#listener
    if (listener === null) return
    this.#listener = null
    this.disconnectAll()
    this.#options.state.nodeStopped(this.id)
    await listener.close()
    // These connections were accepted while the listener was closing.
    this.disconnectAll()
  }

  blackHole(on: boolean): void {
    this.#frozen = on
    for (const connection of this.#connections) connection.freeze(on)
  }

  disconnectAll(): void {
    for (const connection of [...this.#connections]) connection.close()
  }

  /** Ends the sessions of all authenticated clients. */
  expireSessions(): void {
    for (const connection of this.#connections) connection.authentication.expire()
  }

  #accept(stream: ByteStream): NodeConnection {
    const connection = new NodeConnection(stream, this.#host)
    this.#connections.add(connection)
    if (this.#frozen) connection.freeze(true)
    return connection
  }
}
