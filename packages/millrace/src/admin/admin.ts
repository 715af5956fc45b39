// The public class Admin: inspects and changes a cluster (topics, settings, records, groups,
// transactions). It owns its connections and closes them. Each method is a few requests, and must
// keep no state between calls. Callers: applications and the CLI.

import { type Environment, systemEnvironment } from '../producer/environment.ts'
import { checkFields } from '../producer/field-check.ts'
import { resolveOptions } from '../producer/options.ts'
import type { ProducerOptions } from '../producer/producer-options.ts'
import { checkWaitOptions, type WaitOptions } from '../producer/wait.ts'
import { type CreateTopicsResponse, createTopicsApi } from '../protocol/api/19-create-topics.ts'
import {
  type DescribeConfigsResponse,
  describeConfigsApi,
} from '../protocol/api/32-describe-configs.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { TopicRecord } from '../protocol/records/fetched-batches.ts'
import type { Clock } from '../runtime/clock.ts'
import { BrokerCalls } from './broker-calls.ts'
import { limited } from './call-limit.ts'
import { checkSettings, checkText, checkWhole } from './check.ts'
import {
  type ClusterDescription,
  type ConsumerGroupOffset,
  type ConsumerGroupSummary,
  describeCluster,
  type OffsetIsolation as Isolation,
  listConsumerGroupOffsets,
  listConsumerGroups,
  listOffsets,
  type OffsetSpec,
} from './cluster-description.ts'
import { checkReadOptions, type ReadRecordsOptions, RecordReader } from './record-reader.ts'
import {
  type ConfigChange,
  type ConfigResource,
  createPartitions,
  deleteRecords,
  deleteTopic,
  incrementalAlterConfigs,
} from './topic-changes.ts'
import {
  type CreatedTopic,
  descriptionOf,
  type NewTopic,
  summaryOf,
  type TopicDescription,
  type TopicSummary,
  topicError,
} from './topics.ts'
import {
  abortHangingTransaction,
  abortTransaction,
  describeProducers,
  describeTransaction,
  findHangingTransactions,
  type HangingTransaction,
  type HangingTransactionOptions,
  listTransactions,
  type OpenTransaction,
  type PartitionProducer,
  type TransactionDescription,
  type TransactionSummary,
} from './transactions.ts'

/** Kafka's resource type of a topic in requests about settings. */
const topicResource = 2

const int16Max = 2 ** 15 - 1
const int32Max = 2 ** 31 - 1

/** Requests the broker's default, for counts that the caller does not set. */
const brokerDefault = -1

/**
 * Options of an `Admin`: those of a producer's connections. Other options of a producer are
 * accepted and checked, but not used.
 */
export type AdminOptions = Pick<
  ProducerOptions,
  | 'brokers'
  | 'clientId'
  | 'requestTimeoutMs'
  | 'retryBackoffMs'
  | 'retryBackoffMaxMs'
  | 'connectTimeoutMs'
  | 'reconnectBackoffMs'
  | 'reconnectBackoffMaxMs'
  | 'connectionsMaxIdleMs'
  | 'maxResponseBytes'
  | 'tls'
  | 'sasl'
  | 'socketFactory'
  | 'keepProcessAlive'
  | 'logger'
>

/**
 * Inspects and changes a cluster. It takes the connection options of a producer. It has no methods
 * for ACLs, quotas, or the reassignment of partitions.
 *
 * @example
 * const admin = new Admin({ brokers: 'localhost:9092' })
 * await admin.createTopic({ name: 'orders', partitions: 6 })
 * console.log(await admin.listTopics())
 * await admin.close()
 */
export class Admin {
  readonly #calls: BrokerCalls
  readonly #clock: Clock
  readonly #timeoutMs: number
  #closed = false

  /** Throws INVALID_OPTION as a producer does. Opens no connection. */
  constructor(options: AdminOptions)
  /** @internal */
  constructor(options: AdminOptions, environment?: Environment)
  constructor(options: AdminOptions, environment: Environment = systemEnvironment) {
    const { cluster, security, logger } = resolveOptions(options)
    const secured = security.environment(environment)
    this.#clock = secured.clock
    this.#timeoutMs = cluster.requestTimeoutMs
    const sasl = security.sasl(secured, logger)
    this.#calls = new BrokerCalls({ ...cluster, ...secured, sasl })
  }

  /** The topics that the client is authorized to see, by name, including Kafka's internal ones. */
  listTopics(options?: WaitOptions): Promise<readonly TopicSummary[]> {
    return this.#call('listTopics', options, async () => {
      const { topics } = await this.#calls.metadata({
        topics: null,
        allowAutoTopicCreation: false,
      })
      return topics
        .filter(({ errorCode }) => errorCode === errorNumber.NONE)
        .map(summaryOf)
        .sort((one, other) => (one.name < other.name ? -1 : 1))
    })
  }

  /** One topic with its partitions and settings; never creates it. Rejects with UNKNOWN_TOPIC. */
  describeTopic(name: string, options?: WaitOptions): Promise<TopicDescription> {
    return this.#call('describeTopic', options, async () => {
      const { topics } = await this.#calls.metadata({
        topics: [{ name: checkText('name', name) }],
        allowAutoTopicCreation: false,
      })
      const topic = topics.find((each) => each.name === name)
      const error = topicError(name, topic, 'Metadata')
      if (error !== null || topic === undefined) throw error
      return descriptionOf(topic, await this.#settings(name))
    })
  }

  /**
   * Creates a topic. If the cluster rejects it, the call rejects: with BROKER_REJECTED and the
   * `brokerError` TOPIC_ALREADY_EXISTS if the name exists.
   */
  createTopic(topic: NewTopic, options?: WaitOptions): Promise<CreatedTopic> {
    return this.#call('createTopic', options, async (timeoutMs) => {
      const { name, partitions, replicationFactor, config } = checkNewTopic(topic)
      const response = await this.#calls.toController(
        createTopicsApi,
        {
          topics: [
            {
              name,
              numPartitions: partitions,
              replicationFactor,
              assignments: [],
              configs: config,
            },
          ],
          timeoutMs,
        },
        (result, link) => createError(result, name, link.name),
      )
      const [made] = response.topics
      return {
        name,
        partitions: made?.numPartitions ?? brokerDefault,
        replicationFactor: made?.replicationFactor ?? brokerDefault,
      }
    })
  }

  /** Deletes a topic with its records. Rejects with UNKNOWN_TOPIC if it does not exist. */
  deleteTopic(name: string, options?: WaitOptions): Promise<void> {
    return this.#call('deleteTopic', options, (timeoutMs) =>
      deleteTopic(this.#calls, name, timeoutMs),
    )
  }

  /**
   * Increases the number of partitions of a topic to `totalCount`. From then on, a key may be
   * assigned to another partition. Rejects with the `brokerError` INVALID_PARTITIONS if the topic
   * already has that many.
   */
  createPartitions(topic: string, totalCount: number, options?: WaitOptions): Promise<void> {
    return this.#call('createPartitions', options, (timeoutMs) =>
      createPartitions(this.#calls, topic, totalCount, timeoutMs),
    )
  }

  /**
   * Changes single settings of a topic or a broker; the others are not changed. With `validateOnly`
   * the cluster validates the changes and applies none.
   *
   * @example
   * const changes = [{ name: 'retention.ms', operation: 'set', value: '3600000' }] as const
   * await admin.incrementalAlterConfigs({ type: 'topic', name: 'orders' }, changes)
   */
  incrementalAlterConfigs(
    resource: ConfigResource,
    changes: readonly ConfigChange[],
    options: WaitOptions & { validateOnly?: boolean } = {},
  ): Promise<void> {
    return this.#callWith('incrementalAlterConfigs', options, 'validateOnly', (validateOnly) =>
      incrementalAlterConfigs(this.#calls, resource, changes, validateOnly ?? false),
    )
  }

  /**
   * Deletes the records of these partitions before an offset (-1 = up to the high watermark).
   * Resolves to the new first offset of each partition.
   *
   * @example
   * await admin.deleteRecords('orders', new Map([[0, 1000]]))
   */
  deleteRecords(
    topic: string,
    beforeOffsets: ReadonlyMap<number, number>,
    options?: WaitOptions,
  ): Promise<ReadonlyMap<number, number>> {
    return this.#call('deleteRecords', options, (timeoutMs) =>
      deleteRecords(this.#calls, topic, beforeOffsets, timeoutMs),
    )
  }

  /** The brokers of the cluster, its id, and its controller. */
  describeCluster(options?: WaitOptions): Promise<ClusterDescription> {
    return this.#call('describeCluster', options, () => describeCluster(this.#calls))
  }

  /** The consumer groups that the client is authorized to see, of all coordinators, by group id. */
  listConsumerGroups(options?: WaitOptions): Promise<readonly ConsumerGroupSummary[]> {
    return this.#call('listConsumerGroups', options, () => listConsumerGroups(this.#calls))
  }

  /** The offsets that a group committed, by topic and partition; empty if the group is unknown. */
  listConsumerGroupOffsets(
    groupId: string,
    options?: WaitOptions,
  ): Promise<readonly ConsumerGroupOffset[]> {
    return this.#call('listConsumerGroupOffsets', options, () =>
      listConsumerGroupOffsets(this.#calls, groupId),
    )
  }

  /**
   * One offset of each partition: its first offset, its end offset (of committed records by
   * default), or the offset of the first record at or after a time (-1 = no such record).
   */
  listOffsets(
    topic: string,
    spec: OffsetSpec,
    options: WaitOptions & { isolation?: Isolation } = {},
  ): Promise<ReadonlyMap<number, number>> {
    return this.#callWith('listOffsets', options, 'isolation', (isolation) =>
      listOffsets(this.#calls, topic, null, spec, isolation ?? 'read_committed'),
    )
  }

  /** The transactions of all coordinators (KIP-664), by transactional id. */
  listTransactions(options?: WaitOptions): Promise<readonly TransactionSummary[]> {
    return this.#call('listTransactions', options, () => listTransactions(this.#calls))
  }

  /** A transaction as its coordinator describes it; `null` if the coordinator does not know it. */
  describeTransaction(
    transactionalId: string,
    options?: WaitOptions,
  ): Promise<TransactionDescription | null> {
    return this.#call('describeTransaction', options, () =>
      describeTransaction(this.#calls, transactionalId),
    )
  }

  /** The producers that each partition of a topic knows, with their open transactions. */
  describeProducers(
    topic: string,
    options?: WaitOptions,
  ): Promise<ReadonlyMap<number, readonly PartitionProducer[]>> {
    return this.#call('describeProducers', options, () =>
      describeProducers(this.#calls, topic, null),
    )
  }

  /**
   * Open transactions whose producer has not written for a long time. A transaction with
   * `coordinator` null hangs: only `abortHangingTransaction` ends it. The others end at their own
   * timeout, or by `abortTransaction`.
   */
  findHangingTransactions(
    what: HangingTransactionOptions = {},
    options?: WaitOptions,
  ): Promise<readonly OpenTransaction[]> {
    return this.#call('findHangingTransactions', options, () =>
      findHangingTransactions(this.#calls, what, this.#clock.wallTime()),
    )
  }

  /**
   * Aborts the open transaction of a transactional id and fences its producer, whose next call
   * rejects with FENCED. Rejects with INVALID_STATE if no transaction is open. Resolves to the
   * transaction that was aborted.
   */
  abortTransaction(
    transactionalId: string,
    options?: WaitOptions,
  ): Promise<TransactionDescription> {
    return this.#call('abortTransaction', options, () =>
      abortTransaction(this.#calls, transactionalId),
    )
  }

  /**
   * Aborts a transaction that is open in a partition but unknown to its coordinator, so that
   * consumers with `read_committed` can continue. Rejects with INVALID_STATE if the coordinator
   * knows it.
   */
  abortHangingTransaction(
    transaction: HangingTransaction,
    options?: WaitOptions,
  ): Promise<OpenTransaction> {
    return this.#call('abortHangingTransaction', options, () =>
      abortHangingTransaction(this.#calls, transaction, this.#clock.wallTime()),
    )
  }

  /**
   * The records of a topic in arrays, for tools: it does not use a consumer group. Without `until`
   * it waits for new records until its signal aborts, also during leader changes and outages.
   *
   * @example
   * for await (const records of admin.readRecords('orders', { until: 'latest' })) {
   *   for (const { partition, offset, value } of records) console.log(partition, offset, value)
   * }
   */
  async *readRecords(
    topic: string,
    given: ReadRecordsOptions = {},
  ): AsyncGenerator<readonly TopicRecord[], void, undefined> {
    const options = checkReadOptions(given)
    const { signal } = options
    const reader = new RecordReader(this.#calls, topic, options, this.#clock)
    await this.#call('readRecords', signal === undefined ? {} : { signal }, () => reader.open())
    yield* reader.records()
  }

  /** Closes all connections; pending calls fail with CLOSED. A second call does nothing. */
  close(): Promise<void> {
    this.#closed = true
    this.#calls.close(new KafkaError('CLOSED', 'the admin was closed'))
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** null if the client is not authorized to read the settings. */
  async #settings(name: string): Promise<DescribeConfigsResponse | null> {
    const resource = { resourceType: topicResource, resourceName: name, configurationKeys: null }
    const response = await this.#calls.toAny(
      describeConfigsApi,
      { resources: [resource] },
      () => null,
    )
    return response.results[0]?.errorCode === errorNumber.NONE ? response : null
  }

  /** A call with an option beside those of every call. */
  async #callWith<Name extends string, Option, Value>(
    what: string,
    given: WaitOptions & { readonly [Key in Name]?: Option },
    name: Name,
    call: (option: Option | undefined) => Promise<Value>,
  ): Promise<Value> {
    const names = [name, 'signal', 'timeoutMs'] as const
    const { [name]: option, ...options } = checkFields('options', given, names)
    return this.#call(what, options, () => call(option))
  }

  async #call<Value>(
    what: string,
    given: WaitOptions | undefined,
    call: (brokerTimeoutMs: number) => Promise<Value>,
  ): Promise<Value> {
    if (this.#closed) throw new KafkaError('CLOSED', `${what}: the admin is closed`)
    const options = checkWaitOptions(given)
    // The broker's timeout is not longer than the call's, so that it responds before the call ends.
    const brokerTimeoutMs = Math.min(options?.timeoutMs ?? this.#timeoutMs, this.#timeoutMs)
    const run = (): Promise<Value> => call(brokerTimeoutMs)
    const lastTransientError = (): KafkaError | null => this.#calls.lastTransientError
    return limited(what, options, this.#timeoutMs, this.#clock, run, lastTransientError)
  }
}

const newTopicFields = ['name', 'partitions', 'replicationFactor', 'config'] as const

const checkNewTopic = (given: NewTopic) => {
  const topic = checkFields('the topic', given, newTopicFields)
  const { partitions = brokerDefault, replicationFactor = brokerDefault, config = {} } = topic
  if (partitions !== brokerDefault) checkWhole('partitions', partitions, 1, int32Max)
  if (replicationFactor !== brokerDefault) {
    checkWhole('replicationFactor', replicationFactor, 1, int16Max)
  }
  return {
    name: checkText('name', topic.name),
    partitions,
    replicationFactor,
    config: checkSettings('config', config),
  }
}

const createError = (
  response: CreateTopicsResponse,
  topic: string,
  broker: string,
): KafkaError | null => {
  const result = response.topics.find(({ name }) => name === topic)
  if (result === undefined) {
    const text = `The response to CreateTopics does not contain topic ${topic}`
    return new KafkaError('MALFORMED_RESPONSE', text, { broker, topic, persisted: 'maybe' })
  }
  if (result.errorCode === errorNumber.NONE) return null
  return brokerError(result.errorCode, {
    api: createTopicsApi.name,
    topic,
    broker,
    brokerMessage: result.errorMessage ?? undefined,
  })
}
