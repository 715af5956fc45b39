// Owns the read access to an engine's counters and contents. Callers: the producer's metrics() and
// status(), its close report, and its warnings of outages and of the end of the process. Invariant:
// reading changes nothing.

import type { KafkaError } from '../protocol/kafka-error.ts'
import type { TopicState } from './buffer/topic-state.ts'
import type { PartitionQueue, QueuedBatch } from './dispatch/partition-queue.ts'
import type { EngineParts } from './engine-parts.ts'
import type { TopicMeasurements } from './metrics/measured.ts'
import type { BrokerMeasurements, Measurements } from './metrics/measurements.ts'

/** Many calls may end by their time limits in one turn, so each reads few batches. */
const oldestBatches = 64

export interface PartitionReading {
  readonly partition: number
  /** Node id of the leader; -1 = none. */
  readonly leaderId: number
  /** Sealed batches that are not in flight, and an open batch. */
  readonly batchesWaiting: number
  readonly batchesInFlight: number
  /** Records of all of these. */
  readonly recordsHeld: number
  /** The last error of the oldest of these batches that has one. */
  readonly lastError: KafkaError | null
}

/** A topic whose records cannot be delivered now. */
export interface BlockedTopic {
  readonly topic: string
  readonly error: KafkaError
}

export class TopicReading {
  readonly #topic: TopicState

  constructor(topic: TopicState) {
    this.#topic = topic
  }

  get name(): string {
    return this.#topic.name
  }

  get partitionCount(): number {
    return this.#topic.partitioning.partitionCount
  }

  get measurements(): Readonly<TopicMeasurements> {
    return this.#topic.topic.measurements
  }

  /** The partitions that contain records or have no leader. */
  partitionsOfInterest(): PartitionReading[] {
    return this.#topic.queues
      .filter((queue) => !queue.isEmpty || queue.leaderId < 0)
      .map(readPartition)
  }
}

const readPartition = (queue: PartitionQueue): PartitionReading => {
  const batches = queue.batches()
  return {
    partition: queue.partition,
    leaderId: queue.leaderId,
    batchesWaiting: batches.length - queue.inFlight.length,
    batchesInFlight: queue.inFlight.length,
    recordsHeld: batches.reduce((count, { recordCount }) => count + recordCount, 0),
    lastError: batches.find(({ lastError }) => lastError !== null)?.lastError ?? null,
  }
}

export class EngineReadings {
  readonly #parts: EngineParts

  constructor(parts: EngineParts) {
    this.#parts = parts
  }

  get measurements(): Readonly<Measurements> {
    return this.#parts.measurements
  }

  get retriedBatches(): number {
    return this.#parts.delivery.retriedBatches
  }

  get splitBatches(): number {
    return this.#parts.delivery.splitBatches
  }

  get requestsInFlight(): number {
    return this.#parts.dispatcher.requestsInFlight
  }

  requestsInFlightOf(nodeId: number): number {
    return this.#parts.dispatcher.requestsInFlightOf(nodeId)
  }

  broker(nodeId: number): Readonly<BrokerMeasurements> {
    return this.#parts.measurements.broker(nodeId)
  }

  /** Limit of the buffer memory for batches. */
  get windowBytes(): number {
    return this.#parts.budget.windowBytes
  }

  /** Buffer memory of the batches now. */
  get usedBytes(): number {
    return this.#parts.budget.usedBytes
  }

  /** Memory of waiting records. */
  get waitingBytes(): number {
    return this.#parts.budget.waitingBytes
  }

  /** Calls that wait for space now: each is one record, or a whole sendBatch. */
  get waitingSends(): number {
    return this.#parts.accumulator.waitingCount
  }

  get unsettledBatches(): number {
    return this.#parts.incomplete.size
  }

  /** True if a record has no result yet. */
  get hasUnsettled(): boolean {
    if (this.unsettledBatches > 0 || this.waitingSends > 0) return true
    for (const topic of this.#parts.topics.all()) if (topic.pending.length > 0) return true
    return false
  }

  /**
   * Since when the oldest record in the buffer waits (records that wait for space are not
   * included); Infinity = none.
   */
  get oldestBufferedAt(): number {
    let oldest = Number.POSITIVE_INFINITY
    for (const batch of this.#parts.incomplete.list()) oldest = Math.min(oldest, batch.createdAt)
    for (const { pending } of this.#parts.topics.all()) {
      oldest = Math.min(oldest, pending.first?.since ?? Number.POSITIVE_INFINITY)
    }
    return oldest
  }

  /** Since when the oldest record without a result waits; Infinity = none waits. */
  get oldestUnsettledAt(): number {
    const waiting = this.#parts.accumulator.oldestWaitingAt
    return Math.min(this.oldestBufferedAt, waiting)
  }

  /** What prevents calls from completing, and the oldest records from delivery, if known. */
  get blockingError(): KafkaError | null {
    const { incomplete, failures, topics, cluster, transactions } = this.#parts
    const general = transactions?.lastError ?? cluster.metadataError
    if (general !== null) return general
    for (const batch of incomplete.list().slice(0, oldestBatches)) {
      const error = failures.blockingError(batch)
      if (error !== null) return error
    }
    for (const { pending, failure } of topics.all()) {
      if (pending.first !== undefined && failure !== null) return failure
    }
    return null
  }

  /** Topics with records older than this time, and what prevents their delivery. */
  blockedTopics(beforeMs: number): BlockedTopic[] {
    const blocked = new Map<string, KafkaError>()
    for (const batch of this.#parts.incomplete.list()) {
      const { name } = batch.queue.topic
      if (batch.createdAt > beforeMs || blocked.has(name)) continue
      const error = this.#deliveryError(batch)
      if (error !== null) blocked.set(name, error)
    }
    for (const { name, pending, failure } of this.#parts.topics.all()) {
      const { first } = pending
      if (first === undefined || first.since > beforeMs || blocked.has(name)) continue
      const error = failure ?? this.#parts.cluster.metadataError
      if (error !== null) blocked.set(name, error)
    }
    return [...blocked].map(([topic, error]) => ({ topic, error }))
  }

  /** A failure, but not a throttle time. */
  #deliveryError(batch: QueuedBatch): KafkaError | null {
    const { identityState, cluster, topics, failures } = this.#parts
    const failure = batch.lastError ?? identityState.lastError
    if (failure !== null) return failure
    const { leaderId, topic } = batch.queue
    if (leaderId < 0) {
      const cause = topics.find(topic.name)?.failure ?? cluster.metadataError
      return cause ?? failures.blockingError(batch)
    }
    const link = cluster.link(leaderId)
    if (link === undefined || link.ready) return null
    return link.lastError?.code === 'BROKER_UNAVAILABLE' ? null : link.lastError
  }

  /** Records without a result; a sendBatch that waits for space counts as one. */
  get unsettledRecords(): number {
    let count = this.waitingSends
    for (const batch of this.#parts.incomplete.list()) count += batch.keptRecordCount
    for (const topic of this.#parts.topics.all()) count += topic.pending.length
    return count
  }

  topics(): TopicReading[] {
    return [...this.#parts.topics.all()].map((topic) => new TopicReading(topic))
  }
}
