// Owns the Coordinators of a transactional producer: one for its transactional id, and one for each
// consumer group whose offsets it commits. It sends the transaction requests and classifies each
// response; the engine decides what follows. Callers: Cluster, and the engine through
// TransactionPort. Invariant: each callback is called once.

import type {
  ConsumedOffset,
  GroupMetadata,
  ProducerIdentity,
  TopicPartition,
  TransactionPort,
  TransactionScope,
} from '../engine/ports.ts'
import { initProducerIdApi } from '../protocol/api/22-init-producer-id.ts'
import {
  type AddPartitionsToTxnResponse,
  addPartitionsToTxnApi,
} from '../protocol/api/24-add-partitions-to-txn.ts'
import { addOffsetsToTxnApi } from '../protocol/api/25-add-offsets-to-txn.ts'
import { endTxnApi } from '../protocol/api/26-end-txn.ts'
import {
  type TxnOffsetCommitResponse,
  txnOffsetCommitApi,
} from '../protocol/api/28-txn-offset-commit.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { upToVersion } from '../protocol/schema/api.ts'
import { printableText } from '../runtime/printable-text.ts'
import type { NodeLink } from './broker-link.ts'
import type { BrokerPool } from './broker-pool.ts'
import { Coordinator, type CoordinatorOptions } from './coordinator.ts'
import { malformedResponse, producerIdError } from './response-errors.ts'

export interface TransactionOptions {
  readonly transactionalId: string
  /** The coordinator aborts a transaction that stays open longer. */
  readonly transactionTimeoutMs: number
}

/** A broker treats requests above these versions as those of KIP-890 part 2. */
const endTxnVersion1 = upToVersion(endTxnApi, 4)
const txnOffsetCommitVersion1 = upToVersion(txnOffsetCommitApi, 4)
/** From version 6 on topics are identified by id, which the caller does not have. */
const txnOffsetCommitVersion2 = upToVersion(txnOffsetCommitApi, 5)

/** From this version on InitProducerId contains the current id and epoch (KIP-360). */
const versionWithIdentity = 3

/** From this version on TxnOffsetCommit contains the group's member (KIP-447). */
const versionWithMember = 3

const featureName = 'transaction.version'

/** The number of groups whose coordinators are kept, unless more have requests. */
const groupsMax = 100

interface PartitionResult extends TopicPartition {
  readonly errorCode: number
}

export class TransactionRequests implements TransactionPort {
  readonly #options: TransactionOptions & CoordinatorOptions
  readonly #pool: BrokerPool
  readonly #coordinator: Coordinator
  /** By group id, the most recently used ones; a group that was forgotten is searched again. */
  readonly #groups = new Map<string, Coordinator>()
  #version2 = false
  /** The epoch of the features that #version2 was read from. */
  #featuresEpoch = -1

  constructor(pool: BrokerPool, options: TransactionOptions & CoordinatorOptions) {
    this.#options = options
    this.#pool = pool
    this.#coordinator = new Coordinator('transaction', options.transactionalId, pool, options)
  }

  get version2(): boolean {
    return this.#version2
  }

  get lastError(): KafkaError | null {
    if (this.#coordinator.lastError !== null) return this.#coordinator.lastError
    for (const group of this.#groups.values()) if (group.lastError !== null) return group.lastError
    return null
  }

  initProducerId(
    current: ProducerIdentity,
    done: (error: KafkaError | null, identity: ProducerIdentity | null) => void,
  ): void {
    const { transactionalId, transactionTimeoutMs } = this.#options
    this.#coordinator.call({
      api: initProducerIdApi,
      request: (link) => {
        const carries = link.versionFor(initProducerIdApi) >= versionWithIdentity
        return {
          transactionalId,
          transactionTimeoutMs,
          producerId: carries ? current.producerId : -1,
          producerEpoch: carries ? current.epoch : -1,
        }
      },
      errorOf: producerIdError,
      done: (error, response) => {
        if (response === null) done(error, null)
        else done(null, { producerId: response.producerId, epoch: response.producerEpoch })
      },
    })
  }

  addPartitions(
    { producerId, epoch }: TransactionScope,
    partitions: readonly TopicPartition[],
    done: (error: KafkaError | null) => void,
  ): void {
    this.#coordinator.call({
      api: addPartitionsToTxnApi,
      request: () => ({
        v3AndBelowTransactionalId: this.#options.transactionalId,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: epoch,
        v3AndBelowTopics: [...byTopic(partitions)].map(([name, entries]) => ({
          name,
          partitions: entries.map(({ partition }) => partition),
        })),
      }),
      errorOf: (response, broker) => this.#addPartitionsError(partitions, response, broker),
      done: (error) => done(error),
    })
  }

  sendOffsets(
    scope: TransactionScope,
    group: GroupMetadata,
    offsets: readonly ConsumedOffset[],
    done: (error: KafkaError | null) => void,
  ): void {
    if (scope.version2) {
      this.#commitOffsets(scope, group, offsets, done)
      return
    }
    this.#coordinator.call({
      api: addOffsetsToTxnApi,
      request: () => ({
        transactionalId: this.#options.transactionalId,
        producerId: scope.producerId,
        producerEpoch: scope.epoch,
        groupId: group.groupId,
      }),
      errorOf: ({ errorCode }, broker) => this.#error(errorCode, addOffsetsToTxnApi.name, broker),
      done: (error) => {
        if (error !== null) done(error)
        else this.#commitOffsets(scope, group, offsets, done)
      },
    })
  }

  #commitOffsets(
    { producerId, epoch, version2 }: TransactionScope,
    group: GroupMetadata,
    offsets: readonly ConsumedOffset[],
    done: (error: KafkaError | null) => void,
  ): void {
    const { groupId, generationId, memberId, groupInstanceId } = group
    this.#group(groupId).call({
      api: version2 ? txnOffsetCommitVersion2 : txnOffsetCommitVersion1,
      request: (link) => ({
        transactionalId: this.#options.transactionalId,
        groupId,
        producerId,
        producerEpoch: epoch,
        // Before KIP-447 a coordinator cannot check which member commits.
        ...(link.versionFor(txnOffsetCommitApi) >= versionWithMember
          ? { generationIdOrMemberEpoch: generationId, memberId, groupInstanceId }
          : {}),
        topics: [...byTopic(offsets)].map(([name, entries]) => ({
          name,
          partitions: entries.map(({ partition, offset, leaderEpoch, metadata }) => ({
            partitionIndex: partition,
            committedOffset: offset,
            committedLeaderEpoch: leaderEpoch,
            committedMetadata: metadata,
          })),
        })),
      }),
      errorOf: (response, broker) => this.#offsetsError(offsets, response, broker),
      done: (error) => done(error),
    })
  }

  end(
    { producerId, epoch, version2 }: TransactionScope,
    commit: boolean,
    done: (error: KafkaError | null, next: ProducerIdentity | null) => void,
  ): void {
    this.#coordinator.call({
      api: version2 ? endTxnApi : endTxnVersion1,
      request: () => ({
        transactionalId: this.#options.transactionalId,
        producerId,
        producerEpoch: epoch,
        committed: commit,
      }),
      errorOf: ({ errorCode, producerId: nextId, producerEpoch }, broker) => {
        if (errorCode !== errorNumber.NONE) return endError(errorCode, broker)
        // -1: the next transaction has no new identity.
        if (!version2 || nextId < 0 || producerEpoch >= 0) return null
        const problem = `producer id ${nextId}, epoch ${producerEpoch}`
        return malformedResponse(endTxnApi.name, broker, problem, { persisted: 'maybe' })
      },
      done: (error, response) => {
        const hasNext = response !== null && version2 && response.producerId >= 0
        const next = hasNext
          ? { producerId: response.producerId, epoch: response.producerEpoch }
          : null
        done(error, next)
      },
    })
  }

  onLinkReady(link: NodeLink): void {
    this.#followFeatures(link)
    this.#coordinator.onLinkReady(link)
    for (const group of this.#groups.values()) group.onLinkReady(link)
  }

  /** The client starts again at the bootstrap servers, possibly of another cluster. */
  forgetFeatures(): void {
    this.#featuresEpoch = -1
  }

  onLinkDown(link: NodeLink, error: KafkaError): void {
    this.#coordinator.onLinkDown(link, error)
    for (const group of this.#groups.values()) group.onLinkDown(link, error)
  }

  close(): void {
    this.#coordinator.close()
    for (const group of this.#groups.values()) group.close()
  }

  /**
   * A broker that has not applied a feature change yet has a lower epoch. A broker without features
   * changes nothing; a feature that is not listed has level 0.
   */
  #followFeatures(link: NodeLink): void {
    if (link.featuresEpoch < 0 || link.featuresEpoch < this.#featuresEpoch) return
    this.#featuresEpoch = link.featuresEpoch
    this.#version2 = link.featureLevel(featureName) >= 2
  }

  #group(groupId: string): Coordinator {
    const known = this.#groups.get(groupId)
    const group = known ?? new Coordinator('group', groupId, this.#pool, this.#options)
    // The map has the most recent group last.
    this.#groups.delete(groupId)
    this.#groups.set(groupId, group)
    if (this.#groups.size > groupsMax) this.#forgetOldest(group)
    return group
  }

  #forgetOldest(except: Coordinator): void {
    for (const [groupId, group] of this.#groups) {
      if (!group.isIdle || group === except) continue
      group.close()
      this.#groups.delete(groupId)
      return
    }
  }

  #addPartitionsError(
    requested: readonly TopicPartition[],
    response: AddPartitionsToTxnResponse,
    broker: string,
  ): KafkaError | null {
    const results = response.resultsByTopicV3AndBelow.flatMap(({ name, resultsByPartition }) =>
      resultsByPartition.map(({ partitionIndex, partitionErrorCode }) => ({
        topic: name,
        partition: partitionIndex,
        errorCode: partitionErrorCode,
      })),
    )
    return this.#partitionsError(requested, results, addPartitionsToTxnApi.name, broker)
  }

  #offsetsError(
    requested: readonly TopicPartition[],
    response: TxnOffsetCommitResponse,
    broker: string,
  ): KafkaError | null {
    const results = response.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, errorCode }) => ({
        topic: name,
        partition: partitionIndex,
        errorCode,
      })),
    )
    return this.#partitionsError(requested, results, txnOffsetCommitApi.name, broker)
  }

  /** The most severe error of the partitions. One without a result is an error as well. */
  #partitionsError(
    requested: readonly TopicPartition[],
    results: readonly PartitionResult[],
    api: string,
    broker: string,
  ): KafkaError | null {
    const errors = results
      .filter(({ errorCode }) => errorCode !== errorNumber.NONE)
      // The other partitions of a request that failed for one were not tried.
      .sort((a, b) => Number(isNotAttempted(a.errorCode)) - Number(isNotAttempted(b.errorCode)))
      .map(({ topic, partition, errorCode }) =>
        this.#error(errorCode, api, broker, { topic, partition }),
      )
    const severe = errors.find((error) => error?.retriable === false) ?? errors[0]
    if (severe !== undefined) return severe
    const named = new Set(results.map(nameOf))
    const missing = requested.find((place) => !named.has(nameOf(place)))
    if (missing === undefined) return null
    const problem = `it has no result for ${printableText(nameOf(missing))}`
    const { topic, partition } = missing
    return malformedResponse(api, broker, problem, { topic, partition, persisted: 'maybe' })
  }

  #error(
    errorCode: number,
    api: string,
    broker: string,
    where: Partial<TopicPartition> = {},
  ): KafkaError | null {
    if (errorCode === errorNumber.NONE) return null
    return brokerError(errorCode, { api, broker, persisted: 'no', ...where })
  }
}

/**
 * With these errors EndTxn has changed nothing: the coordinator checks the request, its own state
 * and that of the transaction before it stores the end. With any other error the end may be stored.
 */
const unchangedAfter: ReadonlySet<number> = new Set([
  errorNumber.COORDINATOR_LOAD_IN_PROGRESS,
  errorNumber.CONCURRENT_TRANSACTIONS,
  errorNumber.INVALID_REQUEST,
  errorNumber.UNSUPPORTED_VERSION,
  errorNumber.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  errorNumber.CLUSTER_AUTHORIZATION_FAILED,
  errorNumber.INVALID_PRODUCER_ID_MAPPING,
  errorNumber.INVALID_PRODUCER_EPOCH,
  errorNumber.PRODUCER_FENCED,
  errorNumber.INVALID_TXN_STATE,
  errorNumber.TRANSACTION_ABORTABLE,
])

const endError = (errorCode: number, broker: string): KafkaError =>
  brokerError(errorCode, {
    api: endTxnApi.name,
    broker,
    persisted: unchangedAfter.has(errorCode) ? 'no' : 'maybe',
  })

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`

const isNotAttempted = (errorCode: number): boolean =>
  errorCode === errorNumber.OPERATION_NOT_ATTEMPTED

const byTopic = <Entry extends TopicPartition>(
  entries: readonly Entry[],
): ReadonlyMap<string, readonly Entry[]> => {
  const topics = new Map<string, Entry[]>()
  for (const entry of entries) {
    const known = topics.get(entry.topic)
    if (known === undefined) topics.set(entry.topic, [entry])
    else known.push(entry)
  }
  return topics
}
