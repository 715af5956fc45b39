// TestCluster, the in-process Kafka cluster for tests: owns the nodes and all cluster state, and
// lets a test read the logs, move leaders, stop nodes, and set faults. testing.ts exports it. It
// must be as strict as Kafka about formats, checksums, sizes, sequence numbers, epochs, and
// versions.
// It does not have: replication (replicas share one log, so an acknowledged record is never lost),
// two-phase commit, ACLs, quotas other than faults, fetch sessions, KIP-848 groups, compaction,
// recompression, retention by time, Kerberos, and delegation tokens.

import { KafkaError } from '../protocol/kafka-error.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/random.ts'
import type { TlsListenerOptions } from '../runtime/tls-listener.ts'
import type { ListenTransport } from '../runtime/transport.ts'
import { isError } from '../runtime/value-kinds.ts'
import { plainApis, servedApis } from './api/handlers.ts'
import { ApiError } from './api-error.ts'
import { ClientTelemetry, type PushedMetrics, type TelemetryOptions } from './client-telemetry.ts'
import { type ClusterOptions, checkOptions, type TopicOptions } from './cluster-options.ts'
import { type ClusterRecord, clusterRecords } from './cluster-records.ts'
import { ClusterState } from './cluster-state.ts'
import { type CoordinatorKind, Coordinators } from './coordinators.ts'
import { type Fault, type FaultRule, Faults, type RequestView } from './faults.ts'
import { GroupCoordinator } from './groups.ts'
import { BrokerNode, type ClusterNode } from './node.ts'
import type { CommittedOffset } from './pending-offsets.ts'
import { ProduceQuota } from './produce-quota.ts'
import { SaslService } from './sasl-service.ts'
import type { Partition, Topic } from './topic.ts'
import { TransactionCoordinator, type TransactionView } from './transaction-coordinator.ts'
import type { TransactionLevel } from './transaction-entry.ts'
import { TransactionMarkers } from './transaction-markers.ts'
import { versionsOf } from './versions.ts'

/** The parts of a cluster that are not options of the user; the simulator passes its own. */
export interface ClusterRuntime {
  readonly transport: ListenTransport
  readonly clock: Clock
  readonly random: Random
  /** Listens with TLS; without it a cluster can't have certificates. */
  readonly listenSecurely?: ((tls: TlsListenerOptions) => ListenTransport) | undefined
}

/** The state of a partition. */
export interface PartitionState {
  /** -1 = no node leads it. */
  readonly leader: number
  /** Rises with each change of the leader. */
  readonly leaderEpoch: number
  /** Ids of the nodes that have a replica. */
  readonly replicas: readonly number[]
  /** The first offset that is kept. */
  readonly startOffset: number
  /** The offset of the next record. */
  readonly endOffset: number
}

/** Throws INVALID_OPTION if certificates can't be loaded or used. */
const transportFor = ({ tls }: ClusterOptions, runtime: ClusterRuntime): ListenTransport => {
  if (tls === undefined) return runtime.transport
  const { listenSecurely } = runtime
  if (listenSecurely === undefined) {
    throw new KafkaError('INVALID_OPTION', 'tls must not be set on a cluster in memory')
  }
  try {
    return listenSecurely(tls)
  } catch (error) {
    const why = isError(error) ? error.message : String(error)
    throw new KafkaError(
      'INVALID_OPTION',
      `tls: cert, key and ca must be PEM, and the key that of the certificate (${why})`,
      { cause: error },
    )
  }
}

/**
 * A Kafka-compatible cluster inside the process. Started by `startCluster`; see docs/testing.md.
 */
export class TestCluster {
  readonly #state: ClusterState
  readonly #faults = new Faults(servedApis.map((api) => api.name))
  readonly #nodes: readonly BrokerNode[]
  readonly #requests: Record<string, number>
  readonly #listeners = new Set<(request: RequestView) => void>()
  readonly #defects: unknown[] = []
  readonly #coordinators: Coordinators
  readonly #groups: GroupCoordinator
  readonly #transactions: TransactionCoordinator
  readonly #sasl: SaslService | null
  readonly #telemetry: ClientTelemetry | null
  readonly #hasTransactionFeature: boolean
  #closing: Promise<void> | null = null

  private constructor(options: ClusterOptions, runtime: ClusterRuntime) {
    const checked = checkOptions(options)
    this.#state = new ClusterState(runtime.clock, runtime.random, checked.settings)
    this.#requests = Object.fromEntries(servedApis.map((api) => [api.name, 0]))
    const { transactions } = checked
    this.#state.finalizeTransactionLevel(transactions.level)
    this.#hasTransactionFeature = transactions.hasFeature
    this.#coordinators = new Coordinators(this.#state, transactions.coordinatorLoadMs)
    this.#groups = new GroupCoordinator(this.#state, this.#coordinators)
    this.#transactions = new TransactionCoordinator(
      this.#state,
      this.#coordinators,
      new TransactionMarkers(this.#state, this.#groups, transactions.markerDelayMs),
      transactions.timeoutMsMax,
    )
    this.#sasl = options.sasl ? new SaslService(options.sasl, runtime.clock, runtime.random) : null
    const { telemetry } = options
    this.#telemetry =
      telemetry === undefined ? null : new ClientTelemetry(telemetry, runtime.clock, runtime.random)
    const transport = transportFor(options, runtime)
    const quota =
      checked.produceQuota === null ? null : new ProduceQuota(checked.produceQuota, runtime.clock)
    const shared = {
      state: this.#state,
      groups: this.#groups,
      coordinators: this.#coordinators,
      transactions: this.#transactions,
      transactionSettings: transactions,
      telemetry: this.#telemetry,
      versions: versionsOf(checked.versions, this.#telemetry === null ? plainApis : servedApis),
    }
    this.#nodes = Array.from(
      { length: checked.nodes },
      (_, index) =>
        new BrokerNode({
          context: { ...shared, id: index + 1 },
          transport,
          clock: runtime.clock,
          faults: this.#faults,
          state: this.#state,
          host: checked.host,
          requestBytesMax: checked.requestBytesMax,
          connectionsMaxIdleMs: checked.connectionsMaxIdleMs,
          produceQuota: quota,
          sasl: this.#sasl,
          onRequest: (request) => this.#onRequest(request),
          onDefect: (error) => this.#defects.push(error),
        }),
    )
    if (options.onRequest !== undefined) this.#listeners.add(options.onRequest)
  }

  /**
   * Starts all nodes, then creates the topics. Users call `startCluster`.
   * @internal
   */
  static async start(options: ClusterOptions, runtime: ClusterRuntime): Promise<TestCluster> {
    const cluster = new TestCluster(options, runtime)
    const { port = 0, topics = {} } = options
    try {
      for (const [index, node] of cluster.#nodes.entries()) {
        await node.start({ port: port === 0 ? 0 : port + index })
      }
      for (const [name, topic] of Object.entries(topics)) cluster.createTopic(name, topic)
    } catch (error) {
      await cluster.close()
      throw error
    }
    return cluster
  }

  /** The addresses of all nodes, `127.0.0.1:port`: the bootstrap servers of a client. */
  get brokers(): string[] {
    return this.#nodes.map((node) => node.address)
  }

  /** The nodes; their ids start at 1. */
  get nodes(): readonly ClusterNode[] {
    return this.#nodes
  }

  /** The node with this id. Throws INVALID_ARGUMENT if there is none. */
  node(id: number): ClusterNode {
    const node = this.#nodes[id - 1]
    if (node !== undefined) return node
    throw new KafkaError(
      'INVALID_ARGUMENT',
      `id must be 1 to ${this.#nodes.length}, the number of nodes, got ${id}`,
    )
  }

  /** The names of all topics. */
  get topics(): string[] {
    return this.#state.topics.map((topic) => topic.name)
  }

  /** The state of each partition of the topic. */
  partitions(topic: string): PartitionState[] {
    return this.#topic(topic).partitions.map((partition) => ({
      leader: partition.leaderId,
      leaderEpoch: partition.leaderEpoch,
      replicas: [...partition.replicas],
      startOffset: partition.log.startOffset,
      endOffset: partition.log.endOffset,
    }))
  }

  /**
   * All records of a topic, decoded: by partition, then by offset. Keys and values are bytes. It
   * also contains the records of open and aborted transactions; `readTopic` with `isolation:
   * 'read_committed'` does not.
   *
   * @example
   * const values = cluster.records('orders').map((record) => record.value?.toString())
   */
  records(topic: string): ClusterRecord[] {
    return clusterRecords(this.#topic(topic))
  }

  /** Creates a topic with a number of partitions, or with settings. */
  createTopic(name: string, options: number | TopicOptions = {}): void {
    const { partitions = -1, ...rest } =
      typeof options === 'number' ? { partitions: options } : options
    try {
      this.#state.createTopic(name, { ...rest, partitions })
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      throw new KafkaError('INVALID_ARGUMENT', `Topic ${name}: ${error.message}`, { cause: error })
    }
  }

  /**
   * Deletes a topic and its records. A topic that is created again with this name has another id.
   */
  deleteTopic(name: string): void {
    this.#topic(name)
    this.#state.deleteTopic(name)
  }

  /** Makes a running node the leader of the partition. */
  moveLeader(topic: string, partition: number, nodeId: number): void {
    const moved = this.#partition(topic, partition)
    if (!this.node(nodeId).running) {
      throw new KafkaError('INVALID_STATE', `Node ${nodeId} is stopped: it can't lead`)
    }
    this.#state.moveLeader(moved, nodeId)
  }

  /**
   * Removes the state of idempotent producers (of one topic, of one partition): a resent batch is
   * not detected any more, and a producer that continues counts as a new one. Kafka does so after
   * `producer.id.expiration.ms`, or when retention removed a producer's last batch.
   */
  forgetProducers(topic?: string, partition?: number): void {
    const topics = topic === undefined ? this.#state.topics : [this.#topic(topic)]
    for (const each of topics) {
      for (const { index, producers } of each.partitions) {
        if (partition === undefined || index === partition) producers.forgetAll()
      }
    }
  }

  /** Expires every producer id: all partitions remove the state of their producers. */
  expireProducerIds(): void {
    this.forgetProducers()
  }

  /**
   * Changes a user's password, adds the user, or removes it (null). Authenticated connections stay
   * open; later authentications use the new password.
   */
  setPassword(user: string, password: string | null): void {
    this.#requireSasl().setPassword(user, password)
  }

  /**
   * Ends the sessions of all authenticated clients, as after `sessionLifetimeMs`: a connection that
   * does not authenticate again is closed at its next request.
   */
  expireSessions(): void {
    this.#requireSasl()
    for (const node of this.#nodes) node.expireSessions()
  }

  /** The offsets that a consumer group committed. */
  committedOffsets(groupId: string): readonly CommittedOffset[] {
    return this.#groups.allCommitted(groupId)
  }

  /** All transactional ids, with the producer and the transaction of each. */
  transactions(): TransactionView[] {
    return this.#transactions.list()
  }

  /**
   * Aborts the open transaction of a transactional id, as Kafka does after its timeout: the
   * producer's epoch is then too old.
   */
  abortTransaction(transactionalId: string): void {
    if (this.#transactions.abort(transactionalId)) return
    throw new KafkaError('INVALID_STATE', `${transactionalId} has no open transaction to abort`)
  }

  /** The id of the node that coordinates a transactional id or a consumer group; -1 = none. */
  coordinator(kind: CoordinatorKind, key: string): number {
    return this.#coordinators.of(kind, key)?.id ?? -1
  }

  /** Makes a running node the coordinator of a transactional id or a consumer group. */
  moveCoordinator(kind: CoordinatorKind, key: string, nodeId: number): void {
    if (!this.node(nodeId).running) {
      throw new KafkaError('INVALID_STATE', `Node ${nodeId} is stopped: it can't coordinate`)
    }
    this.#coordinators.move(kind, key, nodeId)
  }

  /**
   * Finalizes the level of Kafka's feature `transaction.version`, as an upgrade does. Clients
   * receive it with their next connection.
   */
  setTransactionVersion(version: TransactionLevel): void {
    if (!this.#hasTransactionFeature && version > 0) {
      throw new KafkaError('INVALID_STATE', 'Before Kafka 4.0 there was no transaction.version')
    }
    this.#state.finalizeTransactionLevel(version)
  }

  /** The metrics that clients pushed, oldest first; requires the option `telemetry`. */
  get pushedMetrics(): readonly PushedMetrics[] {
    return this.#requireTelemetry().pushes
  }

  /**
   * Requests other metrics: the next push of each client is rejected, and the client subscribes
   * again.
   */
  changeTelemetry(options: TelemetryOptions): void {
    this.#requireTelemetry().change(options)
  }

  /** Sets a fault rule, which applies until its count is used up or it is removed. */
  fault(rule: FaultRule): Fault {
    return this.#faults.add(rule)
  }

  /** Removes every fault rule. */
  removeFaults(): void {
    this.#faults.removeAll()
  }

  /** The number of requests received so far, by API: `cluster.requests.Produce`. */
  get requests(): Readonly<Record<string, number>> {
    return { ...this.#requests }
  }

  /**
   * Calls the listener with each request, before it is carried out, until the returned function is
   * called.
   */
  onRequest(listener: (request: RequestView) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Stops all nodes. A second call returns the same promise. Rejects if the cluster had an internal
   * error.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#faults.removeAll()
    await Promise.all(this.#nodes.map((node) => node.end()))
    this.#groups.close()
    this.#transactions.close()
    this.#state.close()
    if (this.#defects.length > 0) {
      throw new KafkaError('INTERNAL', 'The in-process cluster failed while it served a request', {
        cause: this.#defects[0],
      })
    }
  }

  #onRequest(request: RequestView): void {
    this.#requests[request.api] = (this.#requests[request.api] ?? 0) + 1
    for (const listener of this.#listeners) listener(request)
  }

  #requireSasl(): SaslService {
    if (this.#sasl !== null) return this.#sasl
    throw new KafkaError('INVALID_STATE', 'The cluster was started without sasl')
  }

  #requireTelemetry(): ClientTelemetry {
    if (this.#telemetry !== null) return this.#telemetry
    throw new KafkaError('INVALID_STATE', 'The cluster was started without telemetry')
  }

  #topic(name: string): Topic {
    const topic = this.#state.topic(name)
    if (topic !== undefined) return topic
    throw new KafkaError('INVALID_ARGUMENT', `The cluster has no topic ${JSON.stringify(name)}`)
  }

  #partition(topic: string, index: number): Partition {
    const partition = this.#topic(topic).partitions[index]
    if (partition !== undefined) return partition
    throw new KafkaError('INVALID_ARGUMENT', `Topic ${topic} has no partition ${index}`)
  }
}
