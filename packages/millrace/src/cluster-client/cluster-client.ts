// Owns the client's view of a cluster, and implements ClusterPort for the engine. It creates the
// links to brokers (BrokerPool), the topics (Metadata), the producer id and the transaction
// requests, and forwards their events. The first call that needs a connection opens it. Callers:
// the producer (connect, close, counters, nodes) and the engine (the port). Invariant: events are
// called from the event loop only, and none after close().

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

/** Failures that an operator has to fix: logged once, until a broker is ready again. */
const warnedCodes: ReadonlySet<ErrorCode> = new Set([
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
  /** The SASL settings; if missing, brokers are expected to require no authentication. */
  readonly sasl?: SaslSettings | undefined
  /** What each broker must support: Metadata, Produce and what the options need. */
  readonly requirements?: readonly VersionRequirement[] | undefined
  /** The producer in diagnostics events; if missing, none are published. */
  readonly origin?: EventOrigin | undefined
  /** The metrics that brokers may subscribe to (KIP-714); if missing, nothing is pushed. */
  readonly telemetry?: TelemetrySource | undefined
}

/** Counters since the start. */
export interface ClusterCounters {
  /** Connections that are open now. */
  readonly connections: number
  readonly connectionsOpened: number
  /** Lost connections and failed attempts. */
  readonly connectionFailures: number
  readonly metadataRequests: number
  /** Rounds through all brokers in which none responded. */
  readonly metadataFailures: number
  readonly rebootstraps: number
  readonly producerIdRequests: number
  /** When the last metadata response arrived, by the clock's now(); null = never. */
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
  /** The error code that was logged, until a link is ready. */
  #warnedOf: ErrorCode | null = null
  #closed = false
  /** The error before any broker has responded or failed. */
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
      onDropped: (link, error) => this.#notifyLinkDown(link, error),
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
   * Connects ahead of the first record. Calls back once, in a later turn: with null when a broker
   * has responded, or with an error that names each address and why it failed. It never calls back
   * after close().
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

  refreshTopic(topic: string, why: TopicRequestReason, rejectedPartition?: number): void {
    this.#metadata.refreshTopic(topic, why, rejectedPartition)
  }

  forgetTopic(topic: string): void {
    this.#metadata.forgetTopic(topic)
  }

  applyLeaderHint(hint: LeaderHint): void {
    this.#metadata.applyLeaderHint(hint)
  }

  leaderErrorCode(topic: string, partition: number): number {
    return this.#metadata.leaderErrorCode(topic, partition)
  }

  initProducerId(current: ProducerIdentity): void {
    this.#producerId.want(current)
  }

  get metadataError(): KafkaError | null {
    const { error, respondedAtMs } = this.#metadata
    return error ?? (respondedAtMs === null ? this.#noResponseYet : null)
  }

  /**
   * When the last connection was lost, by the clock's now(); null = one is open, or none has
   * failed.
   */
  get disconnectedAtMs(): number | null {
    return this.#disconnectedAtMs
  }

  /** Why the last round through all brokers failed; null = it succeeded, or there was none. */
  get metadataFailure(): KafkaError | null {
    return this.#metadata.error
  }

  /**
   * Kafka's id of the cluster; null before the first response, or if the broker does not send it.
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

  /** Sends the last metrics before close(). `done` is called once, within a second. */
  leave(done: () => void): void {
    if (this.#telemetry === null) done()
    else this.#telemetry.leave(done)
  }

  /**
   * Closes every connection and timer. Requests in flight fail with `error`. A second call has no
   * effect.
   */
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
    this.#notifyLinkDown(link, error)
    if (error.brokerError === 'REBOOTSTRAP_REQUIRED') this.#metadata.onMisrouted(link)
    // The leaders may have moved with it. A bootstrap address is not a leader, and a broker that
    // refused this client has not moved.
    if (link.nodeId >= 0 && !isRefusal(error)) this.#metadata.markStale()
  }

  /** A failure that needs an operator is logged once, until a broker accepts the client. */
  #logFailure(error: KafkaError): void {
    if (warnedCodes.has(error.code) && this.#warnedOf !== error.code) {
      this.#warnedOf = error.code
      this.#logger.warn(`millrace: ${error.message}`)
    } else this.#logger.debug(`millrace: ${error.message}`)
  }

  #notifyLinkDown(link: NodeLink, error: KafkaError): void {
    if (this.#closed) return
    this.#metadata.onLinkDown(link, error)
    this.#producerId.onLinkDown(link, error)
    this.transactions?.onLinkDown(link, error)
    if (link.nodeId >= 0 && !this.#closed) this.#events.onLinkDown(link.nodeId, error)
  }
}
