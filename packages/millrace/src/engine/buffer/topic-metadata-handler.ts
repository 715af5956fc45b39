// Owns the handling of topic metadata: partitions and leaders, topics that cannot be used or were
// deleted, and topics without recent records. Caller: Engine, for events of the cluster client and
// at each step.
//
// A topic is requested while a record waits for it: after each failure this file requests or
// forgets it. Invariant: a forgotten topic is new when it is used again, and its partitions start
// at sequence number 0. Numbers of the current epoch must not be used again, so without
// transactions the epoch is increased, and with transactions the topic stays until the next epoch.

import { KafkaError } from '../../protocol/kafka-error.ts'
import type { Deadlines } from '../deadlines.ts'
import type { BatchFailures } from '../delivery/batch-failures.ts'
import type { RecordSpool } from '../delivery/record-spool.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type {
  PartitionQueue,
  PipelineRules,
  TransactionAdmission,
} from '../dispatch/partition-queue.ts'
import type { ProducerIdentityState } from '../dispatch/producer-identity-state.ts'
import type { ClusterPort, TopicView } from '../ports.ts'
import type { EngineHost, EngineSettings } from '../settings.ts'
import type { Accumulator } from './accumulator.ts'
import type { TopicDirectory } from './topic-directory.ts'
import type { LeaderFacts, TopicState } from './topic-state.ts'

/** Above this number of topics, the least recently used ones are forgotten. */
const topicsMax = 5_000

/**
 * A topic in use is requested again while a partition has no leader, even without records for it.
 */
const inUseMs = 60_000

/** The transactions, as far as topics are concerned. */
export interface TopicTransactions extends TransactionAdmission {
  /** What the transaction wrote is not complete: it can only be aborted. */
  onRecordFailed(error: KafkaError): void
}

/** The parts of the engine that topic metadata changes. */
export interface TopicMetadataParts {
  readonly settings: EngineSettings
  readonly host: EngineHost
  readonly cluster: ClusterPort
  readonly deadlines: Deadlines
  readonly topics: TopicDirectory
  readonly identityState: ProducerIdentityState
  /** Null without a transactional id. */
  readonly transactions: TopicTransactions | null
  readonly spool: RecordSpool | null
  readonly leaders: LeaderFacts
  readonly accumulator: Accumulator
  readonly dispatcher: Dispatcher
  readonly failures: BatchFailures
  wake(): void
}

export class TopicMetadataHandler {
  readonly #parts: TopicMetadataParts
  /** The number of topics at which idle ones are searched. */
  #topicsLimit = topicsMax

  constructor(parts: TopicMetadataParts) {
    this.#parts = parts
  }

  onTopic(view: TopicView): void {
    const { topics, identityState, leaders, accumulator, host, settings, spool } = this.#parts
    const topic = topics.get(view.name)
    const now = host.now()
    if (this.#isIdle(topic) && topic.known && now - topic.usedAt >= settings.metadataMaxIdleMs) {
      this.#forget([topic])
      return
    }
    const before = topic.queues.map((queue) => queue.leaderId)
    const isAnother = topic.update(view, identityState, this.#pipelineRules, leaders)
    if (isAnother) this.#onCreatedAgain(topic)
    for (const [index, queue] of topic.queues.entries()) {
      if (queue.leaderId === before[index]) continue
      this.#parts.dispatcher.onLeaderChange(queue, before[index] ?? -1)
    }
    for (const queue of topic.lostQueues()) this.#onPartitionLost(topic, queue, isAnother)
    spool?.onTopic(view.name)
    accumulator.releasePending(topic)
    this.#requestLeaders(topic, now)
    this.#parts.wake()
  }

  onTopicFailed(name: string, error: KafkaError, final: boolean): void {
    const { topics, accumulator, cluster, settings, host, spool } = this.#parts
    const topic = topics.find(name)
    if (topic === undefined) {
      // Only partitionsFor() requested it, and requests it again while it waits.
      cluster.forgetTopic(name)
      return
    }
    const isMissing = error.code === 'UNKNOWN_TOPIC'
    const missingSince = topic.onFailure(error, host.now())
    const isGone = isMissing && host.now() >= missingSince + settings.unknownTopicTimeoutMs
    if (final || isGone) {
      const reason = final ? error : notFound(name, settings.unknownTopicTimeoutMs, error)
      accumulator.failPending(topic, () => reason)
      for (const queue of topic.queues) this.#failQueue(queue, reason)
      spool?.onTopicFailed(name, reason)
    }
    if (!this.#isIdle(topic)) cluster.refreshTopic(name, isMissing ? 'unknown' : 'stale')
    else if (final || isMissing) this.#forget([topic])
    this.#parts.wake()
  }

  /** Called at each step: forgets topics if there are too many. */
  limitTopics(): void {
    const { topics } = this.#parts
    if (topics.size <= this.#topicsLimit) return
    const idle = [...topics.all()].filter((topic) => this.#isIdle(topic))
    idle.sort((left, right) => left.usedAt - right.usedAt)
    this.#forget(idle.slice(0, Math.max(0, topics.size - topicsMax / 2)))
    // If most topics are in use, they are not searched at each step.
    this.#topicsLimit = Math.max(topicsMax, Math.ceil(topics.size * 1.25))
  }

  /**
   * Without idempotence, order is kept only with one batch of a partition in flight, unless nothing
   * is retried.
   */
  get #pipelineRules(): PipelineRules {
    const { settings, transactions, spool } = this.#parts
    const { idempotent, retries, acks, maxInFlightRequests } = settings
    const isPipelined = idempotent || retries === 0 || acks === 0
    return { inFlightMax: isPipelined ? maxInFlightRequests : 1, transactions, spool }
  }

  /**
   * What the transaction wrote to the deleted topic is lost, and a partition with numbers of this
   * epoch cannot restart before the next one: the transaction can only be aborted.
   */
  #onCreatedAgain(topic: TopicState): void {
    const isNumbered = topic.queues.some(({ sequenceNumbers }) => sequenceNumbers.isCurrent)
    if (isNumbered) this.#parts.transactions?.onRecordFailed(createdAgain(topic.name))
  }

  /**
   * The topic has fewer partitions than before: it was created again, or a broker returned
   * partitions that do not exist. Unless the topic has another id, brokers may have old metadata,
   * so the records wait for a while.
   */
  #onPartitionLost(topic: TopicState, queue: PartitionQueue, isAnother: boolean): void {
    const { deadlines, host, settings } = this.#parts
    const fail = (): void => {
      if (topic.partitioning.partitionCount > queue.partition) return
      this.#failQueue(queue, partitionLost(topic, queue.partition))
      this.#parts.wake()
    }
    if (isAnother) fail()
    else if (!queue.isEmpty) deadlines.add(host.now() + settings.unknownTopicTimeoutMs, fail)
  }

  #failQueue(queue: PartitionQueue, error: KafkaError): void {
    this.#parts.accumulator.failWaiting(queue, () => error)
    for (const batch of queue.batches()) {
      if (batch.state !== 'settled') this.#parts.failures.failBecause(batch, error)
    }
  }

  /** True if no record in memory or in the spool waits for it. */
  #isIdle(topic: TopicState): boolean {
    return topic.isIdle && this.#parts.spool?.waitsFor(topic.name) !== true
  }

  /** Requests metadata while a needed partition has no leader. */
  #requestLeaders(topic: TopicState, now: number): void {
    const isNeeded = topic.queues
      .slice(0, topic.partitioning.partitionCount)
      .some(({ leaderId, isEmpty }) => leaderId < 0 && (!isEmpty || now - topic.usedAt < inUseMs))
    if (isNeeded) this.#parts.cluster.refreshTopic(topic.name, 'stale')
  }

  /** Removes idle topics. */
  #forget(idle: readonly TopicState[]): void {
    const { topics, cluster, identityState, transactions } = this.#parts
    let mustRaiseEpoch = false
    for (const topic of idle) {
      const isNumbered = topic.queues.some(({ sequenceNumbers }) => sequenceNumbers.isCurrent)
      if (isNumbered && transactions !== null) {
        identityState.onGap(identityState.identity)
        continue
      }
      mustRaiseEpoch ||= isNumbered
      topics.delete(topic.name)
      cluster.forgetTopic(topic.name)
    }
    if (mustRaiseEpoch) identityState.bump()
  }
}

const notFound = (topic: string, limitMs: number, cause: KafkaError): KafkaError => {
  const { broker, brokerCode, brokerError, api } = cause
  const message = `Topic "${topic}" was not found within ${limitMs} ms: ${cause.message}`
  return new KafkaError('UNKNOWN_TOPIC', message, {
    topic,
    broker,
    brokerCode,
    brokerError,
    api,
    cause,
  })
}

const createdAgain = (topic: string): KafkaError => {
  const message = `Topic "${topic}" was deleted and created again during the transaction`
  return new KafkaError('UNKNOWN_TOPIC', message, { topic })
}

const partitionLost = ({ name, partitioning }: TopicState, partition: number): KafkaError => {
  const count = partitioning.partitionCount
  const partitions = count === 1 ? '1 partition' : `${count} partitions`
  const message = `Topic "${name}" has only ${partitions} now: partition ${partition} is gone`
  // The partitioner may have chosen the partition: sent again, the record goes to another one.
  return new KafkaError('UNKNOWN_PARTITION', message, { kind: 'retriable', topic: name, partition })
}
