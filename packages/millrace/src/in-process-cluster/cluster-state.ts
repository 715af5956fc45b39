// The state that all nodes share, like a controller's: nodes, topics, leaders, and producer ids.
// in-process-cluster.ts and the api handlers must change it only through the methods here. A log
// belongs to its partition, not to a node, so replicas never differ and an election loses nothing.
// Invariants: a leader is a running replica or `noLeader`; each change of the leader raises the
// epoch.

import { errorNumber } from '../protocol/errors.ts'
import type { ProducerId } from '../protocol/producer-id.ts'
import { topicNameProblem } from '../protocol/topic-name.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Random } from '../runtime/random.ts'
import { randomBelow } from '../runtime/random.ts'
import { isError } from '../runtime/value-kinds.ts'
import { ApiError } from './api-error.ts'
import type { PartitionLimits } from './topic.ts'
import { idText, noLeader, type Partition, Topic } from './topic.ts'
import { TopicConfig } from './topic-config.ts'
import type { TransactionLevel } from './transaction-entry.ts'

export interface ClusterSettings {
  /** The rack of each node, in the order of the node ids. */
  readonly racks: readonly string[]
  readonly autoCreateTopics: boolean
  readonly firstProducerId: ProducerId
  readonly defaultPartitions: number
  readonly defaultReplicationFactor: number
  /** Kafka's topic settings for every topic. */
  readonly topicDefaults: Readonly<Record<string, string>>
  /** How long a partition has no leader after its topic was created or its leader stopped. */
  readonly electionMs: number
  readonly partitionLimits: PartitionLimits
  /** The ids of the accepted codecs. */
  readonly codecIds: ReadonlySet<number>
  /** Kafka's error number for other codecs. */
  readonly codecErrorCode: number
}

export interface NodeView {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
  readonly alive: boolean
}

export interface TopicSpec {
  /** -1 = the cluster's default. */
  readonly partitions: number
  /** -1 = the cluster's default. */
  readonly replicationFactor?: number | undefined
  readonly config?: Readonly<Record<string, string>> | undefined
  /** The replicas of each partition; it replaces the two counts. */
  readonly assignment?: readonly (readonly number[])[] | undefined
}

const partitionsMax = 100_000
const topicIdBytes = 16

export class ClusterState {
  readonly clock: Clock
  readonly random: Random
  readonly settings: ClusterSettings
  readonly clusterId: string
  /** The finalized level of `transaction.version`. */
  #transactionLevel: TransactionLevel = 0
  /** Rises with each change of a finalized feature. */
  #featuresEpoch = 0
  readonly #nodes = new Map<number, NodeView>()
  readonly #topics = new Map<string, Topic>()
  readonly #topicsById = new Map<string, Topic>()
  #nextProducerId: ProducerId
  /** The first node for the next topic's leader, so that leaders are spread over the nodes. */
  #nextFirstNode = 0
  readonly #elections = new Set<Timer>()

  constructor(clock: Clock, random: Random, settings: ClusterSettings) {
    this.clock = clock
    this.random = random
    this.settings = settings
    this.#nextProducerId = settings.firstProducerId
    this.clusterId = Buffer.from(this.#randomBytes(topicIdBytes)).toString('base64url')
  }

  /** All nodes by id, including stopped ones. */
  get nodes(): readonly NodeView[] {
    return [...this.#nodes.values()]
  }

  get livingNodes(): readonly NodeView[] {
    return this.nodes.filter((node) => node.alive)
  }

  node(id: number): NodeView | undefined {
    return this.#nodes.get(id)
  }

  /** The running node with the lowest id; -1 = none. */
  get controllerId(): number {
    return this.livingNodes[0]?.id ?? -1
  }

  get topics(): readonly Topic[] {
    return [...this.#topics.values()]
  }

  topic(name: string): Topic | undefined {
    return this.#topics.get(name)
  }

  topicById(id: Uint8Array): Topic | undefined {
    return this.#topicsById.get(idText(id))
  }

  get transactionLevel(): TransactionLevel {
    return this.#transactionLevel
  }

  get featuresEpoch(): number {
    return this.#featuresEpoch
  }

  finalizeTransactionLevel(level: TransactionLevel): void {
    this.#transactionLevel = level
    this.#featuresEpoch++
  }

  /** A producer id that was never used before. */
  allocateProducerId(): ProducerId {
    const id = this.#nextProducerId
    this.#nextProducerId = typeof id === 'bigint' ? id + 1n : id + 1
    return id
  }

  /** The running replicas; a frozen node still counts. */
  inSyncReplicas(partition: Partition): readonly number[] {
    return partition.replicas.filter((id) => this.#nodes.get(id)?.alive === true)
  }

  /** Throws an ApiError for an invalid topic name. */
  checkTopicName(name: string): void {
    const problem = topicNameProblem(name)
    if (problem !== null) throw new ApiError(errorNumber.INVALID_TOPIC_EXCEPTION, problem)
  }

  /** Throws an ApiError if Kafka would reject it. With `validateOnly` no topic is created. */
  createTopic(name: string, spec: TopicSpec, validateOnly = false): Topic {
    this.checkTopicName(name)
    if (this.#topics.has(name)) {
      throw new ApiError(errorNumber.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`)
    }
    const replicas = this.#replicasFor(spec)
    const config = this.#configFor(spec.config ?? {})
    const id = this.#randomBytes(topicIdBytes)
    const topic = new Topic(name, id, config, replicas, this.settings.partitionLimits)
    if (validateOnly) return topic
    this.#topics.set(name, topic)
    this.#topicsById.set(idText(id), topic)
    for (const partition of topic.partitions) this.#electLater(partition)
    return topic
  }

  /** Throws an ApiError if Kafka would reject it. */
  createPartitions(topic: Topic, count: number, validateOnly: boolean): void {
    const before = topic.partitions.length
    if (count > partitionsMax) {
      const message = `partitions must be at most ${partitionsMax} here, got ${count}.`
      throw new ApiError(errorNumber.INVALID_PARTITIONS, message)
    }
    if (count <= before) {
      throw new ApiError(
        errorNumber.INVALID_PARTITIONS,
        `The topic ${topic.name} currently has ${before} partition(s); ${count} would not be an ` +
          'increase.',
      )
    }
    if (validateOnly) return
    const replicationFactor = topic.replicationFactor
    const replicas = this.#replicasFor({ partitions: count, replicationFactor })
    for (const nodes of replicas.slice(before)) this.#electLater(topic.addPartition(nodes))
  }

  /** Throws an ApiError for an invalid value; `null` = the default. */
  changeConfig(
    topic: Topic,
    changes: ReadonlyMap<string, string | null>,
    validateOnly: boolean,
  ): void {
    const config = asApiError(() => topic.config.changed(changes, this.settings.topicDefaults))
    if (!validateOnly) topic.changeConfig(config)
  }

  /** Returns false if the topic does not exist. Waiting readers are woken. */
  deleteTopic(name: string): boolean {
    const topic = this.#topics.get(name)
    if (topic === undefined) return false
    this.#topics.delete(name)
    this.#topicsById.delete(idText(topic.id))
    for (const partition of topic.partitions) this.#setLeader(partition, noLeader)
    return true
  }

  /** Marks the node as running at that address. */
  nodeStarted(id: number, host: string, port: number): void {
    const rack = this.settings.racks[id - 1] ?? null
    this.#nodes.set(id, { id, host, port, rack, alive: true })
    this.#forEachPartition((partition) => {
      if (partition.leaderId === noLeader && partition.replicas.includes(id)) {
        this.#electLater(partition)
      }
    })
  }

  /**
   * Its partitions lose their leader, and get another one after `electionMs` if a replica is
   * running.
   */
  nodeStopped(id: number): void {
    const node = this.#nodes.get(id)
    if (node === undefined) return
    this.#nodes.set(id, { ...node, alive: false })
    this.#forEachPartition((partition) => {
      if (partition.leaderId !== id) return
      this.#setLeader(partition, noLeader)
      this.#electLater(partition)
    })
  }

  /** Makes a running node the leader, and adds it as a replica if it is not one. */
  moveLeader(partition: Partition, nodeId: number): void {
    if (partition.leaderId === nodeId) return
    if (!partition.replicas.includes(nodeId)) {
      partition.replicas = [...partition.replicas.slice(1), nodeId]
    }
    this.#setLeader(partition, nodeId)
  }

  /** Cancels every timer of the state. */
  close(): void {
    for (const timer of this.#elections) timer.cancel()
    this.#elections.clear()
  }

  #electLater(partition: Partition): void {
    const { electionMs } = this.settings
    if (electionMs === 0) {
      this.#elect(partition)
      return
    }
    // If the epoch has changed in the meantime, this election does nothing.
    const epoch = partition.leaderEpoch
    const timer = this.clock.setTimer(electionMs, () => {
      this.#elections.delete(timer)
      if (partition.leaderEpoch === epoch) this.#elect(partition)
    })
    this.#elections.add(timer)
  }

  #elect(partition: Partition): void {
    const current = this.#topics.get(partition.topic.name)
    if (current !== partition.topic || partition.leaderId !== noLeader) return
    const leaderId = this.inSyncReplicas(partition)[0]
    if (leaderId !== undefined) this.#setLeader(partition, leaderId)
  }

  #setLeader(partition: Partition, leaderId: number): void {
    partition.leaderId = leaderId
    partition.leaderEpoch++
    partition.log.wake()
  }

  #forEachPartition(visit: (partition: Partition) => void): void {
    for (const topic of this.#topics.values()) topic.partitions.forEach(visit)
  }

  #replicasFor(spec: TopicSpec): readonly (readonly number[])[] {
    const { assignment, replicationFactor = -1 } = spec
    if (assignment !== undefined) return this.#checkedAssignment(assignment)
    const count = spec.partitions === -1 ? this.settings.defaultPartitions : spec.partitions
    const factor =
      replicationFactor === -1 ? this.settings.defaultReplicationFactor : replicationFactor
    if (!Number.isInteger(count) || count < 1 || count > partitionsMax) {
      throw new ApiError(
        errorNumber.INVALID_PARTITIONS,
        `Number of partitions was ${count}; it must be 1 to ${partitionsMax}.`,
      )
    }
    const ids = [...this.#nodes.keys()]
    if (!Number.isInteger(factor) || factor < 1 || factor > ids.length) {
      throw new ApiError(
        errorNumber.INVALID_REPLICATION_FACTOR,
        `Unable to replicate the partition ${factor} time(s): there are ${ids.length} node(s).`,
      )
    }
    const first = this.#nextFirstNode++
    return Array.from({ length: count }, (_, partition) =>
      Array.from({ length: factor }, (_, step) => ids[(first + partition + step) % ids.length]!),
    )
  }

  #checkedAssignment(assignment: readonly (readonly number[])[]): typeof assignment {
    const good = assignment.every(
      (replicas) =>
        replicas.length > 0 &&
        new Set(replicas).size === replicas.length &&
        replicas.every((id) => this.#nodes.has(id)),
    )
    if (good && assignment.length > 0) return assignment
    throw new ApiError(
      errorNumber.INVALID_REPLICA_ASSIGNMENT,
      'The replicas of each partition must be different nodes of this cluster, at least one.',
    )
  }

  #configFor(values: Readonly<Record<string, string>>): TopicConfig {
    return asApiError(() => new TopicConfig(values, this.settings.topicDefaults))
  }

  #randomBytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count)
    for (let index = 0; index < count; index++) bytes[index] = randomBelow(this.random, 256)
    return bytes
  }
}

const asApiError = (make: () => TopicConfig): TopicConfig => {
  try {
    return make()
  } catch (error) {
    const message = isError(error) ? error.message : String(error)
    throw new ApiError(errorNumber.INVALID_CONFIG, message)
  }
}
