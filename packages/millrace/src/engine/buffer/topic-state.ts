// Owns the state of one topic: its partitions with their queues, its partitioner, and the records
// that wait for its metadata. Callers: TopicDirectory creates it, TopicMetadataHandler updates it
// with metadata, Accumulator reads it. Invariant: a change creates a new PartitionerTopic; the old
// one is not changed.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import { PartitionQueue, type PipelineRules } from '../dispatch/partition-queue.ts'
import type { ProducerIdentityState } from '../dispatch/producer-identity-state.ts'
import { Topic } from '../dispatch/topic.ts'
import type { Partitioner, PartitionerTopic } from '../partitioner/partitioner-contract.ts'
import type { TopicView } from '../ports.ts'
import type { TopicSettings } from '../settings.ts'
import { WaitingQueue } from './waiting-queue.ts'
import type { WaitingRecord } from './waiting-record.ts'

/** The facts about brokers that matter for the choice of a partition. */
export interface LeaderFacts {
  /** False while the broker leaves requests without a response. */
  isAvailable(nodeId: number): boolean
  /** The broker is in the client's rack. */
  isNear(nodeId: number): boolean
}

export class TopicState {
  readonly name: string
  readonly topic: Topic
  readonly partitioner: Partitioner
  /** Records whose topic or partition is not known yet. */
  readonly pending = new WaitingQueue<WaitingRecord>()
  readonly queues: PartitionQueue[] = []
  #partitioning: PartitionerTopic
  #failure: KafkaError | null = null
  #missingSince = -1
  #usedAt = 0

  constructor(name: string, partitioner: Partitioner, settings: TopicSettings) {
    this.name = name
    this.topic = new Topic(name, settings)
    this.partitioner = partitioner
    this.#partitioning = this.#partitioningOf(0, [], [])
  }

  get known(): boolean {
    return this.queues.length > 0
  }

  /** When a record last opened a batch, or waited for the topic. */
  get usedAt(): number {
    return this.#usedAt
  }

  markUsed(now: number): void {
    this.#usedAt = now
  }

  /** True if no record waits for the topic or is in one of its batches. */
  get isIdle(): boolean {
    return this.pending.length === 0 && this.queues.every(({ isEmpty }) => isEmpty)
  }

  get partitioning(): PartitionerTopic {
    return this.#partitioning
  }

  /** The last error of the topic's metadata; null = none. */
  get failure(): KafkaError | null {
    return this.#failure
  }

  /** The topic's metadata is not available. Returns when the first of these failures happened. */
  onFailure(error: KafkaError, now: number): number {
    this.#failure = error
    if (this.#missingSince < 0) this.#missingSince = now
    return this.#missingSince
  }

  /**
   * Applies metadata. If the topic was created again under its name, its sequence numbers restart.
   */
  update(
    view: TopicView,
    identityState: ProducerIdentityState,
    rules: PipelineRules,
    leaders: LeaderFacts,
  ): boolean {
    this.#failure = null
    this.#missingSince = -1
    const isAnother = this.topic.setId(view.topicId)
    for (const [partition, { leaderId, leaderEpoch }] of view.partitions.entries()) {
      const queue =
        this.queues[partition] ?? new PartitionQueue(this.topic, partition, identityState, rules)
      this.queues[partition] = queue
      queue.setLeader(leaderId, leaderEpoch)
      if (isAnother) {
        queue.sequenceNumbers.wantRestart()
        queue.forgetAcknowledgement()
      }
    }
    const partitionCount = view.partitions.length
    for (const queue of this.queues.slice(partitionCount)) queue.setLeader(-1, -1)
    this.#partition(partitionCount, leaders)
    return isAnother
  }

  /** The availability of a broker changed. */
  onAvailability(leaders: LeaderFacts): void {
    this.#partition(this.#partitioning.partitionCount, leaders)
  }

  /** Creates a new object only if something changed, because partitioners compare it. */
  #partition(partitionCount: number, leaders: LeaderFacts): void {
    const led: number[] = []
    for (const { partition, leaderId } of this.queues.slice(0, partitionCount)) {
      if (leaderId >= 0) led.push(partition)
    }
    const leaderOf = (partition: number): number => this.queues[partition]!.leaderId
    const available = anyOf(led, (partition) => leaders.isAvailable(leaderOf(partition)))
    const preferred = anyOf(available, (partition) => leaders.isNear(leaderOf(partition)))
    const before = this.#partitioning
    const isUnchanged =
      partitionCount === before.partitionCount &&
      isSame(available, before.available) &&
      isSame(preferred, before.preferred)
    if (!isUnchanged)
      this.#partitioning = this.#partitioningOf(partitionCount, available, preferred)
  }

  #partitioningOf(
    partitionCount: number,
    available: readonly number[],
    preferred: readonly number[],
  ): PartitionerTopic {
    const loadOf = (partition: number): number => this.queues[partition]!.bytes
    return { name: this.name, partitionCount, available, preferred, loadOf }
  }

  /** Partitions with records that the topic does not have any more. */
  lostQueues(): PartitionQueue[] {
    return this.queues.slice(this.#partitioning.partitionCount).filter(({ isEmpty }) => !isEmpty)
  }
}

/** The selected partitions; all of them if none is selected. */
const anyOf = (partitions: number[], holds: (partition: number) => boolean): number[] => {
  const some = partitions.filter(holds)
  return some.length === 0 || some.length === partitions.length ? partitions : some
}

const isSame = (left: readonly number[], right: readonly number[]): boolean =>
  left.length === right.length && left.every((partition, index) => partition === right[index])
