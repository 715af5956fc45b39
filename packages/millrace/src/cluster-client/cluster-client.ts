// The client's view of a cluster: what the engine sees as ClusterPort. It composes the links to
// the brokers (BrokerPool), the topics (Metadata) and the producer id, and passes on what happens
// to them. It connects when the first call needs a connection. Callers: the producer (connect,
// close, counters, nodes) and the engine (the port). The engine's events come from the event loop
// only, and none comes after close().

import type {
  BrokerLink,
  ClusterPort,
  EngineEvents,
  LeaderHint,
  ProducerIdentity,
  TopicRequestReason,
} from '../engine/ports.ts'
import type { SaslSettings } from '../net/connection-contract.ts'
import type { VersionRequirement } from '../net/version-requirements.ts'
import { type ErrorCode, isRefusal, KafkaError } from '../protocol/kafka-error.ts'
import type { Clock } from '../runtime/clock.ts'
import type { EventOrigin } from '../runtime/diagnostics.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Random } from '../runtime/random.ts'
import type { Address, Transport } from '../runtime/transport.ts'
import { formatAddress } from './address.ts'
import type { NodeLink } from './broker-link.ts'
import { BrokerPool, type NodeStatus } from './broker-pool.ts'
import { type ConnectCallback, Metadata } from './metadata.ts'
import { ProducerIdRequest } from './producer-id.ts'
import { Telemetry } from './telemetry.ts'
import type { TelemetrySource } from './telemetry-payload.ts'
import { TransactionRequests } from './transaction-requests.ts'

/** Failures that an operator has to fix: warned of once, until a broker is ready. */
const isLoud: ReadonlySet<ErrorCode> = new Set([
  'AUTHENTICATION_FAILED',
  'TLS_FAILED',
  'UNSUPPORTED_VERSION',
])

export interface ClusterOptions {
  /** The bootstrap servers, see parseBrokers. */
  readonly brokers: readonly Address[]
  readonly clientId: string
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly allowAutoTopicCreation: boolean
  /** null = no transactions. */
  readonly transactionalId: string | null
  readonly transactionTimeoutMs: number
  readonly metadataMaxAgeMs: number
  readonly metadataRecoveryRebootstrapTriggerMs: number
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
  readonly reconnectBackoffMs: number
  readonly reconnectBackoffMaxMs: number
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  /** 0 = an idle connection stays open. */
  readonly connectionsMaxIdleMs: number
  readonly maxResponseBytes: number
  /** How to authenticate; without it brokers are expected to ask for nothing. */
  readonly sasl?: SaslSettings | undefined
  /** What each broker must serve: Metadata, Produce and what the options need of them. */
  readonly requirements?: readonly VersionRequirement[] | undefined
  /** Whose cluster it is, in events; without it there are none. */
  readonly origin?: EventOrigin | undefined
  /** What brokers may ask for (KIP-714); without it nothing is pushed. */
  readonly telemetry?: TelemetrySource | undefined
}

/** Counted since the start. */
export interface ClusterCounters {
  /** Open now. */
  readonly connections: number
  readonly connectionsOpened: number
  /** Connections lost, and attempts that failed. */
  readonly connectionFailures: number
  readonly metadataRequests: number
  /** Rounds through all brokers in which none responded. */
  readonly metadataFailures: number
  readonly rebootstraps: number
  readonly producerIdRequests: number
  /** When metadata was last received, by the clock's now(); null = never. */
  readonly metadataAtMs: number | null
}

export class Cluster implements ClusterPort {
  readonly #events: EngineEvents
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #pool: BrokerPool
  readonly #metadata: Metadata
  readonly #producerId: ProducerIdRequest
  readonly #telemetry: Telemetry | null
  readonly transactions: TransactionRequests | null
  #connectionFailures = 0
  #disconnectedAtMs: number | null = null
  /** What was logged, while no link was ready since. */
  #warnedOf: ErrorCode | null = null
  #closed = false
  /** What there is to say before any broker has responded, or failed to. */
  readonly #noResponseYet: KafkaError

  constructor(options: ClusterOptions, events: EngineEvents) {
    this.#events = events
    this.#logger = options.logger
    this.#clock = options.clock
    const addresses = options.brokers.map(formatAddress).join(', ')
    this.#noResponseYet = new KafkaError('CONNECTION_FAILED', `no response yet from ${addresses}`)
    this.#pool = new BrokerPool(options.brokers, options, {
      onReady: (link) => this.#onLinkReady(link),
      onDown: (link, error) => this.#onLinkDown(link, error),
      onDropped: (link, error) => this.#tellLinkDown(link, error),
      onStartedOver: () => this.transactions?.forgetFeatures(),
    })
    this.#metadata = new Metadata(this.#pool, options, events)
    this.#producerId = new ProducerIdRequest(this.#pool, options, events)
    const { transactionalId, telemetry } = options
    this.#telemetry = telemetry === undefined ? null : new Telemetry(this.#pool, options, telemetry)
    this.transactions =
      transactionalId === null
        ? null
        : new TransactionRequests(this.#pool, { ...options, transactionalId })
  }

  /**
   * Warms up. Calls back once, in a later turn: with null when a broker has responded, or with an
   * error that names each address that was tried and why it failed. Never after close().
   */
  connect(callback: ConnectCallback): void {
    this.#metadata.connect(callback)
  }

  link(nodeId: number): BrokerLink | undefined {
    return this.#closed ? undefined : this.#pool.link(nodeId)
  }

  rackOf(nodeId: number): string | null {
    return this.#pool.rackOf(nodeId)
  }

  refreshTopic(topic: string, why: TopicRequestReason): void {
    this.#metadata.refreshTopic(topic, why)
  }

  forgetTopic(topic: string): void {
    this.#metadata.forgetTopic(topic)
  }

  applyLeaderHint(hint: LeaderHint): void {
    this.#metadata.applyLeaderHint(hint)
  }

  initProducerId(current: ProducerIdentity): void {
    this.#producerId.want(current)
  }

  get metadataError(): KafkaError | null {
    if (this.#metadata.error !== null || this.#metadata.clusterId !== null)
      return this.#metadata.error
    return this.#noResponseYet
  }

  /** When the last connection was lost, by the clock's now(); null = one is open, none failed. */
  get disconnectedAtMs(): number | null {
    return this.#disconnectedAtMs
  }

  /** Why the last round through all brokers failed; null = it did not, or there was none. */
  get metadataFailure(): KafkaError | null {
    return this.#metadata.error
  }

  /**
   * Kafka's id of the cluster; null before the first response, or where the broker does not say.
   */
  get clusterId(): string | null {
    return this.#metadata.clusterId
  }

  /** The nodes of the latest metadata. */
  nodes(): NodeStatus[] {
    return this.#pool.nodes()
  }

  get counters(): ClusterCounters {
    return {
      connections: this.#pool.connections,
      connectionsOpened: this.#pool.connectionsOpened,
      connectionFailures: this.#connectionFailures,
      metadataRequests: this.#metadata.requestCount,
      metadataFailures: this.#metadata.failedRoundCount,
      rebootstraps: this.#metadata.rebootstrapCount,
      producerIdRequests: this.#producerId.requestCount,
      metadataAtMs: this.#metadata.respondedAtMs,
    }
  }

  /** Before close(): what is to be said at the end. `done` is called once, within a second. */
  leave(done: () => void): void {
    if (this.#telemetry === null) done()
    else this.#telemetry.leave(done)
  }

  /** Ends every connection and timer. Requests in flight fail with `error`. Twice is harmless. */
  close(error?: KafkaError): void {
    if (this.#closed) return
    this.#closed = true
    this.#metadata.close()
    this.#producerId.close()
    this.transactions?.close()
    this.#telemetry?.close()
    this.#pool.close(error)
  }

  #onLinkReady(link: NodeLink): void {
    if (this.#closed) return
    this.#warnedOf = null
    this.#disconnectedAtMs = null
    this.#metadata.onLinkReady(link)
    this.#producerId.onLinkReady(link)
    this.transactions?.onLinkReady(link)
    this.#telemetry?.onLinkReady()
    if (link.nodeId < 0) return
    this.#events.onLinkReady(link.nodeId)
    this.#pool.releaseBootstrapLinks()
  }

  #onLinkDown(link: NodeLink, error: KafkaError): void {
    if (this.#closed) return
    this.#connectionFailures++
    if (this.#pool.connections === 0) this.#disconnectedAtMs ??= this.#clock.now()
    this.#logFailure(error)
    this.#tellLinkDown(link, error)
    if (error.brokerError === 'REBOOTSTRAP_REQUIRED') this.#metadata.onMisrouted(link)
    // Perhaps the leaders have moved with it. A bootstrap address leads nothing, and a broker that
    // refused us is where it was.
    if (link.nodeId >= 0 && !isRefusal(error)) this.#metadata.markStale()
  }

  /** Failures that need a person are logged once, until a broker accepts the client. */
  #logFailure(error: KafkaError): void {
    if (isLoud.has(error.code) && this.#warnedOf !== error.code) {
      this.#warnedOf = error.code
      this.#logger.warn(`millrace: ${error.message}`)
    } else this.#logger.debug(`millrace: ${error.message}`)
  }

  #tellLinkDown(link: NodeLink, error: KafkaError): void {
    if (this.#closed) return
    this.#metadata.onLinkDown(link, error)
    this.#producerId.onLinkDown(link, error)
    this.transactions?.onLinkDown(link, error)
    if (link.nodeId >= 0 && !this.#closed) this.#events.onLinkDown(link.nodeId, error)
  }
}
